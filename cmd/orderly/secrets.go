package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
)

// secrets are what a development run keeps for the next one.
type secrets struct{ apiKey, webhookSecret string }

// loadSecrets reads the secrets, or makes them the first time.
func loadSecrets(path string) (secrets, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		made := secrets{apiKey: "ord_" + random(base64.RawURLEncoding), webhookSecret: "whsec_" + random(base64.StdEncoding)}
		return made, writeEnv(path, []string{made.apiKey, made.webhookSecret})
	}
	if err != nil {
		return secrets{}, fmt.Errorf("read the secrets: %w", err)
	}
	lines := strings.Fields(string(text))
	if len(lines) != 2 {
		return secrets{}, fmt.Errorf("%s is damaged: remove it, and new secrets are made", path)
	}
	return secrets{apiKey: lines[0], webhookSecret: lines[1]}, nil
}

func random(encoding *base64.Encoding) string {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	return encoding.EncodeToString(secret[:])
}
