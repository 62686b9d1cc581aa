package postgres

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestParsePostmaster(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		content string
		want    postmaster
		wantErr bool
	}{
		"running": {
			content: "4242\n/data/postgres\n1763918400\n5433\n\n127.0.0.1\n  1234567   32769\nready   \n",
			want:    postmaster{PID: 4242, Port: 5433, Status: "ready"},
		},
		"stopping": {
			content: "4242\n/data/postgres\n1763918400\n5433\n\n127.0.0.1\n  1234567   32769\nstopping\n",
			want:    postmaster{PID: 4242, Port: 5433, Status: "stopping"},
		},
		"just started": {
			content: "4242\n/data/postgres\n1763918400\n5433\n\n",
			want:    postmaster{PID: 4242, Port: 5433},
		},
		"single-user server": {content: "-4242\n/data/postgres\n1763918400\n5433\n\n", wantErr: true},
		"empty":              {content: "", wantErr: true},
		"cut off":            {content: "4242\n/data", wantErr: true},
		"no port":            {content: "4242\n/data/postgres\n1763918400\nx\n\n", wantErr: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parsePostmaster(tc.content)
			if got != tc.want || (err != nil) != tc.wantErr {
				t.Errorf("parsePostmaster = %+v, %v; want %+v, error %t", got, err, tc.want, tc.wantErr)
			}
		})
	}
}

func TestLeftRunning_ProcessNumberNowBelongsToAnotherProgram_RemovesFile(t *testing.T) {
	t.Parallel()
	cluster := t.TempDir()
	content := strconv.Itoa(os.Getpid()) + "\n" + cluster + "\n1763918400\n1\n\n127.0.0.1\n1 1\nready\n"
	writeFile(t, pidFile(cluster), content, 0o600)

	_, running, err := leftRunning(cluster)
	if running || err != nil {
		t.Errorf("leftRunning = %t, %v; want false, no error", running, err)
	}
	if _, err := os.Stat(pidFile(cluster)); !os.IsNotExist(err) {
		t.Errorf("the stale file is still there: %v", err)
	}
}

func TestFirstBlocked(t *testing.T) {
	t.Parallel()
	const stranger = 4_000_001
	root := t.TempDir()
	// The way to the temporary directory itself may be closed to strangers, and is not what is tested.
	if blocked, err := firstBlocked(root, account{UID: stranger, GID: stranger}); err != nil || (blocked != "" && blocked != root) {
		t.Skipf("a stranger may not enter %s: %v", blocked, err)
	}
	chmod(t, root, 0o755)
	chmod(t, filepath.Dir(root), 0o755)
	open, private, group := filepath.Join(root, "open"), filepath.Join(root, "private"), filepath.Join(root, "group")
	for dir, mode := range map[string]os.FileMode{open: 0o755, private: 0o700, group: 0o710} {
		mkdir(t, filepath.Join(dir, "inside"))
		chmod(t, dir, mode)
	}
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	for name, tc := range map[string]struct {
		dir  string
		as   account
		want string
	}{
		"everyone may":           {open, account{UID: stranger, GID: stranger}, ""},
		"stranger, private":      {filepath.Join(private, "inside"), account{UID: stranger, GID: stranger}, private},
		"owner, private":         {filepath.Join(private, "inside"), account{UID: uid, GID: stranger}, ""},
		"same group":             {filepath.Join(group, "inside"), account{UID: stranger, GID: gid}, ""},
		"stranger, group's only": {filepath.Join(group, "inside"), account{UID: stranger, GID: stranger}, group},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := firstBlocked(tc.dir, tc.as)
			if got != tc.want || err != nil {
				t.Errorf("firstBlocked(%s) = %q, %v; want %q", tc.dir, got, err, tc.want)
			}
		})
	}
}

func TestNewestFirst_OrdersByNumber(t *testing.T) {
	t.Parallel()
	got := newestFirst([]string{"/usr/lib/postgresql/9.6/bin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/18/bin"})
	want := []string{"/usr/lib/postgresql/18/bin", "/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/9.6/bin"}
	if !slices.Equal(got, want) {
		t.Errorf("newestFirst = %q, want %q", got, want)
	}
}

func TestFindBinaries_PGBin(t *testing.T) {
	empty, old := t.TempDir(), fakeInstallation(t, "14.9")
	current := fakeInstallation(t, "17.6 (Homebrew)")
	for name, tc := range map[string]struct {
		dir     string
		major   int
		want    string
		wantErr string
	}{
		"complete":            {dir: current, want: "17.6"},
		"the cluster's major": {dir: current, major: 17, want: "17.6"},
		"another major":       {dir: current, major: 15, wantErr: "made by PostgreSQL 15, and here is only 17.6"},
		"too old":             {dir: old, wantErr: "too old"},
		"no binaries":         {dir: empty, wantErr: "there is no initdb in it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PG_BIN", tc.dir)
			got, err := findBinaries(t.Context(), tc.major)
			if got.Version != tc.want {
				t.Errorf("findBinaries = %+v, want version %q", got, tc.want)
			}
			if tc.wantErr == "" && err != nil || tc.wantErr != "" && (err == nil || !strings.Contains(err.Error(), tc.wantErr)) {
				t.Errorf("findBinaries error = %v, want one about %q", err, tc.wantErr)
			}
		})
	}
}

func TestReason_PrefersTheFatalLine(t *testing.T) {
	t.Parallel()
	log := "starting\n2026-01-01 FATAL:  could not create any TCP/IP sockets\n2026-01-01 LOG:  database system is shut down\n"
	if got := reason(log); !strings.Contains(got, "could not create any") {
		t.Errorf("reason = %q, want the FATAL line", got)
	}
	if got := reason("PANIC:  could not write to file: No space left on device\nPANIC:  cannot abort\n"); got != "No space left on device" {
		t.Errorf("reason = %q, want the full disk", got)
	}
	if got := reason("one\ntwo\n\n"); got != "two" {
		t.Errorf("reason = %q, want the last line", got)
	}
}

func fakeInstallation(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "initdb"), "#!/bin/sh\n", 0o755)
	writeFile(t, filepath.Join(dir, "postgres"), "#!/bin/sh\necho 'postgres (PostgreSQL) "+version+"'\n", 0o755)
	return dir
}

func writeFile(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, dir string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
}
