package e2e_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"orderly/internal/testkit"
)

// stack is what `make run` runs, with servers, data and ports of its own.
type stack struct {
	t   *testing.T
	dir string
	env []string
	cmd *exec.Cmd
}

func newStack(t *testing.T) *stack {
	t.Helper()
	if os.Getenv("DEVSTACK_BIN") == "" || os.Getenv("ORDERLY_BIN") == "" {
		t.Fatal("DEVSTACK_BIN and ORDERLY_BIN are not set: run the tests with `make test`")
	}
	addrs := testkit.FreeAddrs(t, 4)
	s := &stack{t: t, dir: t.TempDir()}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if name != "DATABASE_URL" && !strings.HasPrefix(name, "TEMPORAL_") {
			s.env = append(s.env, variable)
		}
	}
	s.env = append(s.env, "ORDERLY_HTTP_ADDR="+addrs[0], "ORDERLY_URL=http://"+addrs[0], "ORDERLY_SIMULATOR_URL=http://"+addrs[1],
		"TEMPORAL_PORT="+port(addrs[2]), "UI_PORT="+port(addrs[3]), "ORDERLY_SIMULATOR_TRANSIT=1s", "ORDERLY_CLOSE_AFTER=0s")
	t.Cleanup(func() { s.stop() })
	return s
}

func port(addr string) string { return addr[strings.LastIndexByte(addr, ':')+1:] }

func (s *stack) variable(name string) string {
	i := slices.IndexFunc(s.env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	return strings.TrimPrefix(s.env[i], name+"=")
}

// start starts everything and gives the environment that it wrote once all was ready.
func (s *stack) start() map[string]string {
	s.t.Helper()
	log, err := os.OpenFile(filepath.Join(s.dir, "run.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	api := s.variable("ORDERLY_URL")
	s.cmd = exec.Command(os.Getenv("DEVSTACK_BIN"), "exec", "--data", s.dir, "--temporal-port", s.variable("TEMPORAL_PORT"),
		"--ui-port", s.variable("UI_PORT"), "--codec", api+"/codec", "--codec-login", api+"/docs#/default/log-in-with-key", "--", os.Getenv("ORDERLY_BIN"), "dev", "--data", s.dir)
	s.cmd.Env, s.cmd.Stdout, s.cmd.Stderr = s.env, log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	_ = log.Close()
	path := filepath.Join(s.dir, "env")
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if env := readEnv(s.t, path); env != nil {
			return env
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(filepath.Join(s.dir, "run.log"))
			s.t.Fatalf("%s was not written; the run says:\n%s", path, text)
		}
	}
}

// stop ends everything with SIGTERM, as Ctrl-C does, and waits until it is gone.
func (s *stack) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
	s.cmd = nil
}

func readEnv(t *testing.T, path string) map[string]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	env := map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), "=")
		if !ok {
			t.Fatalf("%s: not KEY=value: %q", path, lines.Text())
		}
		env[name] = value
	}
	return env
}

func TestRestartOfEverything_WithFiftyOrdersInFlight_AllAreDelivered(t *testing.T) {
	t.Parallel()
	run := newStack(t)
	env := run.start()
	s := shop{testkit.Attach(t, env["ORDERLY_URL"], env["ORDERLY_API_KEY"], env["ORDERLY_SIMULATOR_URL"]), t}
	var ids []string
	for i := range 50 {
		ids = append(ids, s.place(wish{id: fmt.Sprintf("ord_%d", i)}))
	}
	run.stop()
	if _, err := http.Get(env["ORDERLY_URL"] + "/livez"); err == nil {
		t.Fatal("the API still answers after the stop")
	}
	again := run.start()
	if again["ORDERLY_API_KEY"] != env["ORDERLY_API_KEY"] {
		t.Error("the API key has changed")
	}
	for _, id := range ids {
		s.until(id, "closed")
		s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
		s.wantLedger("shipments", id, map[string]int{"book": 1})
	}
	s.DatabaseURL = again["DATABASE_URL"]
	s.verify()
}
