package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"orderly/eventstore"
	"orderly/internal/keyset"
)

// secrets are what a development run keeps for the next one.
type secrets struct{ apiKey, webhookSecret, masterKeys, temporalKeys, checkpointKey string }

// loadSecrets reads the secrets, NAME=value on each line, and makes those that are not there yet.
func loadSecrets(path string) (secrets, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return secrets{}, fmt.Errorf("read the secrets: %w", err)
	}
	kept := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || value == "" {
			return secrets{}, fmt.Errorf("%s is damaged: remove it, and new secrets are made", path)
		}
		kept[name] = value
	}
	missing := false
	secret := func(name string, create func() string) string {
		if kept[name] == "" {
			kept[name], missing = create(), true
		}
		return kept[name]
	}
	all := secrets{
		apiKey:        secret("ORDERLY_API_KEY", func() string { return "ord_" + random(base64.RawURLEncoding) }),
		webhookSecret: secret("ORDERLY_WEBHOOK_SECRET", func() string { return "whsec_" + random(base64.StdEncoding) }),
		masterKeys:    secret("ORDERLY_MASTER_KEYS", func() string { return keyset.Generate("dev") }),
		temporalKeys:  secret("ORDERLY_TEMPORAL_KEYS", func() string { return keyset.Generate("dev") }),
		checkpointKey: secret("ORDERLY_CHECKPOINT_KEY", func() string { private, _ := eventstore.NewSigningKey(); return private }),
	}
	if !missing {
		return all, nil
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		lines = append(lines, name+"="+kept[name])
	}
	return all, writeEnv(path, lines)
}

func random(encoding *base64.Encoding) string {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	return encoding.EncodeToString(secret[:])
}
