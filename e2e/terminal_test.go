package e2e_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// terminal is one bash in which blocks of commands run one after the other, as a reader runs them: what a block puts
// into the shell is there for the next. A command that fails ends it.
type terminal struct {
	t      *testing.T
	input  io.WriteCloser
	output *bufio.Reader
}

// newTerminal opens a terminal that knows nothing but PATH. Its curl says the status after each answer.
func newTerminal(t *testing.T, dir string) *terminal {
	t.Helper()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".curlrc"), []byte(`write-out = "\nHTTP %{http_code}\n"`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-euo", "pipefail")
	cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = writer.CloseWithError(cmd.Wait()) // nil reads as the end of the output
	}()
	t.Cleanup(func() {
		_, _ = input.Close(), output.Close()
		<-ended
	})
	return &terminal{t: t, input: input, output: bufio.NewReader(output)}
}

// run runs a block and gives what it printed; the test fails when one of its commands does.
func (s *terminal) run(block string) string {
	s.t.Helper()
	const done = "--- the block has succeeded ---"
	if _, err := io.WriteString(s.input, block+"\necho '"+done+"'\n"); err != nil {
		s.t.Fatalf("%v: the terminal has ended before:\n%s", err, block)
	}
	var output strings.Builder
	for {
		line, err := s.output.ReadString('\n')
		before, ended := strings.CutSuffix(line, done+"\n")
		output.WriteString(before)
		if ended {
			return output.String()
		}
		if err != nil {
			s.t.Fatalf("a command has failed (%v):\n%s\n\nit printed:\n%s", err, block, output.String())
		}
	}
}
