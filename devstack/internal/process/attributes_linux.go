package process

import "syscall"

// groupAttributes puts the command in a process group of its own and lets it end with us, however we end.
func groupAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
