// Package process runs the command that the stack was started for.
//
// The command gets a process group of its own, so that a Ctrl-C in the terminal does not reach it (or the servers it
// is still talking to) behind our back: the signal comes here first and is passed on, and the servers stop only after
// the command has ended.
package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/term"
)

// Exit statuses as shells use them.
const (
	statusNotExecutable = 126
	statusNotFound      = 127
	statusSignalBase    = 128
)

// killGrace is how long a command may take to end after the stack beneath it has failed.
const killGrace = 10 * time.Second

// Command is a command to run beside the stack.
type Command struct {
	Args []string
	Env  []string
	// Signals are passed on to the command's process group: the first as it is, later ones as SIGKILL.
	Signals <-chan os.Signal
	// StackFailed yields when the servers the command depends on are gone. The command is then asked to end.
	StackFailed <-chan error
}

// Run runs the command to its end and returns its exit status, 128+n when signal n ended it. The error is set when the
// command could not be started or when the stack failed under it; the status then is not zero.
func (c Command) Run() (int, error) {
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Env = c.Env
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = groupAttributes()
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		// A process group in the background that reads from the terminal is stopped by the kernel and would seem to
		// hang. Such a command sees an empty input instead.
		cmd.Stdin = os.Stdin
	}

	ended := make(chan error, 1)
	started := make(chan error, 1)
	go func() {
		// The parent-death signal is bound to the thread that starts the command, so this thread must live as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return startStatus(err), fmt.Errorf("start %s: %w", c.Args[0], err)
	}
	return c.supervise(cmd, ended)
}

func (c Command) supervise(cmd *exec.Cmd, ended <-chan error) (int, error) {
	group := -cmd.Process.Pid
	var (
		received int
		failure  error
		deadline <-chan time.Time
	)
	for {
		select {
		case <-ended:
			// What the command left running in its group would only lose its servers: it ends with it.
			_ = syscall.Kill(group, syscall.SIGTERM)
			status := ExitStatus(cmd.ProcessState)
			if failure != nil && status == 0 {
				status = 1
			}
			return status, failure
		case sig := <-c.Signals:
			received++
			if received > 1 {
				sig = syscall.SIGKILL
			}
			_ = syscall.Kill(group, sig.(syscall.Signal))
		case failure = <-c.StackFailed:
			c.StackFailed = nil
			_ = syscall.Kill(group, syscall.SIGTERM)
			deadline = time.After(killGrace)
		case <-deadline:
			_ = syscall.Kill(group, syscall.SIGKILL)
		}
	}
}

// ExitStatus maps the end of a process to the exit status that a shell would report.
func ExitStatus(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return SignalStatus(status.Signal())
	}
	return state.ExitCode()
}

// SignalStatus is the exit status for an end by a signal.
func SignalStatus(sig os.Signal) int {
	number, ok := sig.(syscall.Signal)
	if !ok {
		return 1
	}
	return statusSignalBase + int(number)
}

func startStatus(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return statusNotFound
	}
	return statusNotExecutable
}
