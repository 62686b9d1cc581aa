package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// secretNames is every secret that the configuration has.
func secretNames() []string {
	var names []string
	for _, s := range settings(reflect.TypeFor[Config](), "") {
		if s.secret {
			names = append(names, s.name)
		}
	}
	return names
}

func TestSecrets_EachComesFromItsFile(t *testing.T) {
	t.Parallel()
	given, want := map[string]string{}, map[string]string{}
	for _, name := range secretNames() {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte("the "+name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		given[name+fileSuffix], want[name] = path, "the "+name
	}
	got, err := environment(given)
	if err != nil || len(want) < 6 {
		t.Fatalf("%d secrets, error %v", len(want), err)
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
}

func TestSecrets_FromANoOrTwoPlaces_AreRefused(t *testing.T) {
	t.Parallel()
	for _, given := range []map[string]string{
		{"ORDERLY_API_KEY_FILE": filepath.Join(t.TempDir(), "none")},
		{"ORDERLY_API_KEY_FILE": os.Args[0], "ORDERLY_API_KEY": "ord_1"},
	} {
		if got, err := environment(given); err == nil || !strings.Contains(err.Error(), "ORDERLY_API_KEY_FILE") {
			t.Errorf("%v gives %v, error %v", given, got, err)
		}
	}
}

func TestSettings_WhatSoundsSecretIs(t *testing.T) {
	t.Parallel()
	for _, s := range settings(reflect.TypeFor[Config](), "") {
		sounds := strings.HasSuffix(s.name, "KEY") || strings.HasSuffix(s.name, "KEYS") || strings.HasSuffix(s.name, "SECRET") || strings.HasSuffix(s.name, "PASSWORD")
		if sounds && !s.secret && !strings.Contains(s.name, "PUBLIC") {
			t.Errorf("%s is shown", s.name)
		}
	}
}

func TestMasked_ShowsNoSecret(t *testing.T) {
	t.Parallel()
	for secret, want := range map[string]string{
		"": "", "hunter2": "(set)", "host=db password=hunter2": "(set)",
		"postgres://app:hunter2@db:5432/orderly":          "postgres://app:xxxxx@db:5432/orderly",
		"postgres://db/orderly?user=app&password=hunter2": "(set)",
	} {
		if got := masked(secret); got != want {
			t.Errorf("%q is shown as %q, want %q", secret, got, want)
		}
	}
}
