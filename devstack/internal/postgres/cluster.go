package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// superuser owns the cluster. It needs no password: the server listens on the loopback interface only.
const superuser = "orderly"

// madeBy returns the major version that made the cluster, 0 when there is no cluster yet.
func madeBy(cluster string) (int, error) {
	content, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if errors.Is(err, os.ErrPermission) {
		return 0, fmt.Errorf("%s belongs to another user: run as that user, or give another directory with --data", cluster)
	}
	if err != nil {
		return 0, err
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return 0, fmt.Errorf("%s holds no PostgreSQL data: %w", cluster, err)
	}
	return major, nil
}

// initialise makes the cluster beside its place and moves it there when it is complete, so that an interrupted initdb
// leaves nothing that looks like a cluster.
func initialise(ctx context.Context, cluster string, binaries Binaries, as account) error {
	unfinished := cluster + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		return err
	}
	if as.Switch {
		if err := os.Chown(unfinished, int(as.UID), int(as.GID)); err != nil {
			return err
		}
	}
	arguments := append([]string{
		"-D", unfinished, "-U", superuser, "-A", "trust", "--data-checksums", "--no-instructions",
	}, localeArguments()...)
	cmd := exec.CommandContext(ctx, filepath.Join(binaries.Dir, "initdb"), arguments...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = unfinished, environment(), as.attributes()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, reason(string(out)))
	}
	return os.Rename(unfinished, cluster)
}

// environment is ours without the variables that would change what the server or initdb does.
func environment() []string {
	kept := []string{"LC_ALL=C"}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "PG") || strings.HasPrefix(name, "LC_") || name == "TZ" {
			continue
		}
		kept = append(kept, variable)
	}
	return kept
}

// reason picks the line of a log or an output that tells why: a full disk, else the last FATAL or error, else the last
// line.
func reason(output string) string {
	const diskFull = "No space left on device"
	if strings.Contains(output, diskFull) {
		return diskFull
	}
	var last, telling string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		last = line
		if strings.Contains(line, "FATAL:") || strings.Contains(line, "PANIC:") || strings.Contains(line, "error:") {
			telling = line
		}
	}
	if telling != "" {
		return telling
	}
	return last
}
