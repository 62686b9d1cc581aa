package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"orderly/eventstore"
)

func TestLoadSecrets_AreMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secrets")
	made, err := loadSecrets(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := eventstore.ParseSigningKey(made.checkpointKey); err != nil || made.apiKey == "" || made.webhookSecret == "" {
		t.Errorf("got %v, %v", made, err)
	}
	again, err := loadSecrets(path)
	if err != nil || again != made {
		t.Errorf("read again: %v, %v; want %v", again, err, made)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, fewer, _ := strings.Cut(string(text), "\n") // without the first line, the API key
	if err := os.WriteFile(path, []byte(fewer), 0o600); err != nil {
		t.Fatal(err)
	}
	renewed, err := loadSecrets(path)
	if err != nil || renewed.apiKey == made.apiKey || renewed.webhookSecret != made.webhookSecret || renewed.checkpointKey != made.checkpointKey {
		t.Errorf("one missing: %v, %v; before: %v", renewed, err, made)
	}
}

func TestLoadSecrets_DamagedFile_IsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secrets")
	if err := os.WriteFile(path, []byte("ORDERLY_API_KEY\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := loadSecrets(path); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v, %v", got, err)
	}
}
