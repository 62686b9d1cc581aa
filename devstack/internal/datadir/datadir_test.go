package datadir_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"orderly/devstack/internal/datadir"
)

func TestOpen_DirectoryInUse_NamesTheOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "data")
	first, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = datadir.Open(path)
	if err == nil || !strings.Contains(err.Error(), "process "+strconv.Itoa(os.Getpid())) {
		t.Errorf("second Open = %v, want an error that names process %d", err, os.Getpid())
	}
	first.Close()
	again, err := datadir.Open(path)
	if err != nil {
		t.Fatalf("Open after Close: %v", err)
	}
	again.Close()
}

func TestOpen_PathIsAFile_SaysWhatToDo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := datadir.Open(path); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("Open = %v, want an error that mentions --data", err)
	}
}

func TestOpenTemporary_CleansUpAfterItselfAndTheKilled(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	abandoned := filepath.Join(os.TempDir(), "orderly-devstack-1")
	if err := os.Mkdir(abandoned, 0o755); err != nil {
		t.Fatal(err)
	}
	hourAgo := time.Now().Add(-time.Hour)
	if err := os.Chtimes(abandoned, hourAgo, hourAgo); err != nil {
		t.Fatal(err)
	}
	dir, err := datadir.OpenTemporary()
	if err != nil {
		t.Fatal(err)
	}
	dir.Close()
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
