package process_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"orderly/devstack/internal/process"
)

func TestRun_ExitStatus(t *testing.T) {
	t.Parallel()
	notExecutable := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(notExecutable, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args    []string
		want    int
		wantErr bool
	}{
		"success":          {args: []string{"true"}, want: 0},
		"failure":          {args: []string{"sh", "-c", "exit 7"}, want: 7},
		"ended by SIGKILL": {args: []string{"sh", "-c", "kill -KILL $$"}, want: 137},
		"ended by SIGTERM": {args: []string{"sh", "-c", "kill -TERM $$"}, want: 143},
		"not found":        {args: []string{"no-such-command-anywhere"}, want: 127, wantErr: true},
		"not found by path": {
			args: []string{filepath.Join(t.TempDir(), "missing")}, want: 127, wantErr: true,
		},
		"not executable": {args: []string{notExecutable}, want: 126, wantErr: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := process.Command{Args: tc.args, Env: os.Environ()}.Run()
			if got != tc.want || (err != nil) != tc.wantErr {
				t.Errorf("Run(%q) = %d, %v; want %d, error %t", tc.args, got, err, tc.want, tc.wantErr)
			}
		})
	}
}

func TestRun_FirstSignalIsPassedOn_SecondKills(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		script string
		sends  int
		want   int
	}{
		"graceful end":       {script: `trap 'exit 3' INT; touch "$READY"; while :; do sleep 0.01; done`, sends: 1, want: 3},
		"deaf to the signal": {script: `trap '' INT; touch "$READY"; while :; do sleep 0.01; done`, sends: 2, want: 137},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ready := filepath.Join(t.TempDir(), "ready")
			signals := make(chan os.Signal)
			go func() {
				waitForFile(ready)
				for range tc.sends {
					signals <- syscall.SIGINT
				}
			}()
			got, err := process.Command{
				Args:    []string{"sh", "-c", tc.script},
				Env:     append(os.Environ(), "READY="+ready),
				Signals: signals,
			}.Run()
			if got != tc.want || err != nil {
				t.Errorf("Run() = %d, %v; want %d, no error", got, err, tc.want)
			}
		})
	}
}

func TestRun_StackFails_EndsCommandAndReportsFailure(t *testing.T) {
	t.Parallel()
	failure := errors.New("gone")
	failed := make(chan error, 1)
	failed <- failure
	got, err := process.Command{
		Args: []string{"sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.01; done"}, Env: os.Environ(), StackFailed: failed,
	}.Run()
	if got == 0 || !errors.Is(err, failure) {
		t.Errorf("Run() = %d, %v; want a failure and %v", got, err, failure)
	}
}

func waitForFile(path string) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
}
