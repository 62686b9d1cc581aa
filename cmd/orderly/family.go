package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// family is the processes of a development run. One that dies is started again, so that it can be killed at will.
type family struct {
	ctx  context.Context //nolint:containedctx // it is the life of the processes
	data string
	env  []string
	wg   sync.WaitGroup
}

func newFamily(ctx context.Context, data string, env []string) *family {
	return &family{ctx: ctx, data: data, env: env}
}

// keep runs this program with args, its output in <name>.log, until the family's context ends.
func (f *family) keep(name string, args ...string) {
	f.wg.Go(func() {
		for f.ctx.Err() == nil {
			err := f.run(name, args)
			if f.ctx.Err() != nil {
				return
			}
			fmt.Fprintf(os.Stderr, "orderly %s ended (%v); starting it again, its log is %s\n", args[0], err, f.log(name))
			select {
			case <-f.ctx.Done():
			case <-time.After(time.Second):
			}
		}
	})
}

func (f *family) log(name string) string { return filepath.Join(f.data, name+".log") }

func (f *family) run(name string, args []string) error {
	log, err := os.OpenFile(f.log(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(f.ctx, program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = f.env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the parent, who then tells the children
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = drainWithin + 10*time.Second
	return cmd.Run()
}

func (f *family) wait() { f.wg.Wait() }

// portsFree says in one line which address is taken and which variable names another one.
func portsFree(ctx context.Context, addrs map[string]string) error {
	for variable, addr := range addrs {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		if err != nil {
			return fmt.Errorf("%s is taken: stop what listens there, or name another address in %s (%w)", addr, variable, err)
		}
		_ = listener.Close()
	}
	return nil
}
