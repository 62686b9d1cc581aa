package postgres

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// fallbackRoot holds data directories for which the wanted place is out of reach of the user Postgres runs as. It
// survives a reboot, and everyone may traverse it.
const fallbackRoot = "/var/tmp"

// place returns the cluster's directory: dir/postgres, or a directory under /var/tmp whose name is derived from dir when
// the account may not traverse the way to dir. A project under /root is the usual case.
func place(dir string, as account) (string, error) {
	blocked, err := firstBlocked(dir, as)
	if err != nil {
		return "", err
	}
	if blocked == "" {
		return filepath.Join(dir, "postgres"), nil
	}
	if !as.Switch {
		return "", fmt.Errorf("%s may not be entered: choose another directory with --data", blocked)
	}
	fallback := fallbackFor(dir)
	if err := os.Mkdir(fallback, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("user %s may not enter %s, and in its place %w", as.Name, blocked, err)
	}
	// Everyone can write to /var/tmp: use nothing there that somebody else has prepared.
	info, err := os.Lstat(fallback)
	if err != nil {
		return "", err
	}
	if !info.IsDir() || info.Mode().Perm()&0o022 != 0 || int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		return "", fmt.Errorf("%s is not a directory of ours: remove it, or choose another directory with --data", fallback)
	}
	return filepath.Join(fallback, "postgres"), nil
}

func fallbackFor(dir string) string {
	return filepath.Join(fallbackRoot, fmt.Sprintf("orderly-%x", sha256.Sum256([]byte(dir)))[:len("orderly-")+12])
}

// firstBlocked returns the topmost directory on the way to dir, dir included, that the account may not traverse, or "".
// It looks at the permission bits only.
func firstBlocked(dir string, as account) (string, error) {
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	var way []string
	for at := resolved; ; at = filepath.Dir(at) {
		way = append(way, at)
		if at == filepath.Dir(at) {
			break
		}
	}
	for i := len(way) - 1; i >= 0; i-- {
		info, err := os.Stat(way[i])
		if err != nil {
			return "", err
		}
		if !mayTraverse(info, as) {
			return way[i], nil
		}
	}
	return "", nil
}

func mayTraverse(info os.FileInfo, as account) bool {
	stat := info.Sys().(*syscall.Stat_t)
	mode := info.Mode().Perm()
	switch {
	case as.UID == stat.Uid:
		return mode&0o100 != 0
	case as.GID == stat.Gid:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}
