package postgres

import "syscall"

// endWithParent has the kernel ask for a fast shutdown (SIGINT) when we end without having stopped Postgres, killed
// for example. It is bound to the thread that starts the process.
func endWithParent(attributes *syscall.SysProcAttr) {
	attributes.Pdeathsig = syscall.SIGINT
}
