package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"orderly/internal/config"
)

func TestEnvFile_GivesAShellWhatWasPutIntoIt(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://orderly@127.0.0.1:5432/orderly?sslmode=disable",
		"postgres://orderly@127.0.0.1:5432/orderly?host=/tmp&sslmode=disable",
		"host=/tmp dbname=orderly password='it''s $HOME `x`'",
		"",
	} {
		path := filepath.Join(t.TempDir(), "env")
		if err := writeEnv(path, devSettings{Config: config.Config{DatabaseURL: url, APIKey: "ord_key"}}.lines()); err != nil {
			t.Fatal(err)
		}
		script := `set -a; . "$1"; set +a; printf '%s|%s' "$DATABASE_URL" "$ORDERLY_API_KEY"`
		output, err := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script, "bash", path).CombinedOutput()
		if want := url + "|ord_key"; err != nil || string(output) != want {
			t.Errorf("got %s (%v), want %s", output, err, want)
		}
	}
}

func TestEnvFile_LeavesPlainValuesAsTheyAre(t *testing.T) {
	t.Parallel()
	url := "postgres://orderly@127.0.0.1:5432/orderly?sslmode=disable"
	lines := devSettings{Config: config.Config{DatabaseURL: url}}.lines()
	if !strings.HasPrefix(strings.Join(lines, "\n"), "DATABASE_URL="+url+"\n") {
		t.Errorf("got %q", lines)
	}
}
