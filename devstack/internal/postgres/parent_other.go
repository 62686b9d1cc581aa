//go:build !linux

package postgres

import "syscall"

// endWithParent can do nothing here: only Linux has parent-death signals. A server that was left running is found and
// used by the next start.
func endWithParent(*syscall.SysProcAttr) {}
