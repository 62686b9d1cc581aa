// Package datadir gives a process a directory of its own for the stack's data.
//
// The claim is a file lock, which the kernel releases with the process: one that was killed leaves nothing to clean up.
package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const temporaryPattern = "orderly-devstack-*"

// Dir is a directory that this process alone uses until Close.
type Dir struct {
	// Path is absolute, without symbolic links.
	Path      string
	temporary bool
	lock      *os.File
}

// Open claims a directory, and makes it when it does not exist.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("data directory: %w: choose another with --data", err)
	}
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	resolved, err := filepath.EvalSymlinks(absolute)
	if err != nil {
		return nil, err
	}
	lock, err := takeLock(resolved)
	if err != nil {
		return nil, err
	}
	if err := checkSpace(resolved); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return &Dir{Path: resolved, lock: lock}, nil
}

// OpenTemporary makes a directory that Close removes. It also removes those that killed processes left behind.
func OpenTemporary() (*Dir, error) {
	removeAbandoned()
	path, err := os.MkdirTemp("", temporaryPattern)
	if err != nil {
		return nil, fmt.Errorf("temporary data directory: %w: set TMPDIR to a directory that is writable", err)
	}
	// As root, Postgres runs as another user and has to get in.
	if err := os.Chmod(path, 0o755); err != nil {
		return nil, err
	}
	dir, err := Open(path)
	if err != nil {
		return nil, err
	}
	dir.temporary = true
	return dir, nil
}

// checkSpace refuses a disk that is nearly full: what Postgres says when it runs out of space does not always name it.
func checkSpace(dir string) error {
	const needed = 200 << 20 // a new stack takes half of it
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return fmt.Errorf("data directory: look at the free space of %s: %w", dir, err)
	}
	if free := uint64(disk.Bavail) * uint64(disk.Bsize); free < needed {
		return fmt.Errorf("data directory: %s has only %d MB of free space, %d MB are needed: make room, or choose another with --data",
			dir, free>>20, needed>>20)
	}
	return nil
}

func removeAbandoned() {
	const beingMade = time.Minute
	found, _ := filepath.Glob(filepath.Join(os.TempDir(), temporaryPattern))
	for _, path := range found {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < beingMade {
			continue
		}
		if int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
			continue
		}
		if lock, err := takeLock(path); err == nil {
			_ = os.RemoveAll(path)
			_ = lock.Close()
		}
	}
}

func takeLock(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, "devstack.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w: choose another with --data", err)
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		owner, _ := os.ReadFile(lock.Name())
		_ = lock.Close()
		return nil, fmt.Errorf("another devstack (process %s) runs on %s: stop it, or use --ephemeral or another --data directory",
			strings.TrimSpace(string(owner)), dir)
	}
	if err == nil {
		err = lock.Truncate(0)
	}
	if err == nil {
		_, err = lock.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	}
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("data directory: lock %s: %w", lock.Name(), err)
	}
	return lock, nil
}

// Close gives the directory up. The lock is released last, so that nobody gets in while files are removed.
func (d *Dir) Close() {
	if d.temporary {
		_ = os.RemoveAll(d.Path)
	}
	_ = d.lock.Close()
}
