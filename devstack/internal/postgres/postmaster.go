package postgres

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"orderly/devstack/internal/port"
)

// postmaster is what a server writes about itself to postmaster.pid in its data directory.
type postmaster struct {
	PID    int
	Port   int
	Status string // starting, ready, standby, stopping; empty very early
}

// parsePostmaster reads the file's lines: process, data directory, start time, port, socket directory, address, shared
// memory, status. A server that is just starting has written the first five only.
func parsePostmaster(content string) (postmaster, error) {
	lines := strings.Split(content, "\n")
	if len(lines) < 4 {
		return postmaster{}, errors.New("postmaster.pid is incomplete")
	}
	pid, err := strconv.Atoi(strings.TrimSpace(lines[0]))
	if err != nil || pid <= 0 {
		return postmaster{}, fmt.Errorf("postmaster.pid: no process in line 1: %q", lines[0])
	}
	number, err := strconv.Atoi(strings.TrimSpace(lines[3]))
	if err != nil {
		return postmaster{}, fmt.Errorf("postmaster.pid: no port in line 4: %q", lines[3])
	}
	found := postmaster{PID: pid, Port: number}
	if len(lines) > 7 {
		found.Status = strings.TrimSpace(lines[7])
	}
	return found, nil
}

func readPostmaster(cluster string) (postmaster, error) {
	content, err := os.ReadFile(pidFile(cluster))
	if err != nil {
		return postmaster{}, err
	}
	return parsePostmaster(string(content))
}

func pidFile(cluster string) string { return filepath.Join(cluster, "postmaster.pid") }

// leftRunning returns the server that still runs on the data directory, if there is one. A server that is shutting down
// is waited for. A file that a crash left behind is removed when its process number belongs to something else by now,
// as it often does after a container restart: Postgres itself would refuse to start.
func leftRunning(cluster string) (postmaster, bool, error) {
	const (
		patience = 20 * time.Second
		// The kernel has just asked a server whose parent was killed to stop: one that still says ready may not mean it.
		settle = 300 * time.Millisecond
	)
	var readySince time.Time
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		found, err := readPostmaster(cluster)
		if errors.Is(err, os.ErrNotExist) {
			return postmaster{}, false, nil
		}
		if err != nil || !isPostmaster(found, cluster) {
			return postmaster{}, false, os.Remove(pidFile(cluster))
		}
		if found.Status != "ready" {
			readySince = time.Time{}
			continue
		}
		if readySince.IsZero() {
			readySince = time.Now()
		}
		if time.Since(readySince) > settle {
			return found, true, nil
		}
	}
	return postmaster{}, false, fmt.Errorf("a PostgreSQL server left on %s neither starts nor stops: end it by hand", cluster)
}

func isPostmaster(found postmaster, cluster string) bool {
	if !alive(found.PID) {
		return false
	}
	// A server's working directory is its data directory. A dead process that nobody has collected yet has none.
	cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", found.PID))
	if err == nil {
		return cwd == cluster
	}
	if name, commErr := os.ReadFile(fmt.Sprintf("/proc/%d/comm", found.PID)); commErr == nil {
		return errors.Is(err, os.ErrPermission) && strings.TrimSpace(string(name)) == "postgres"
	}
	conn, err := net.DialTimeout("tcp", port.Address(found.Port), time.Second)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}
