//go:build !linux

package process

import "syscall"

// groupAttributes puts the command in a process group of its own. Only Linux can end it when we are killed.
func groupAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
