package main

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"orderly/vault"
)

// secrets are what a development run keeps for the next one.
type secrets struct{ apiKey, webhookSecret, masterKeys string }

// loadSecrets reads the secrets, or makes them the first time.
func loadSecrets(path string) (secrets, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		made := secrets{
			apiKey: "ord_" + random(base64.RawURLEncoding), webhookSecret: "whsec_" + random(base64.StdEncoding),
			masterKeys: vault.NewMasterKey("dev"),
		}
		return made, writeEnv(path, []string{made.apiKey, made.webhookSecret, made.masterKeys})
	}
	if err != nil {
		return secrets{}, fmt.Errorf("read the secrets: %w", err)
	}
	lines := strings.Fields(string(text))
	if len(lines) != 3 {
		return secrets{}, fmt.Errorf("%s is damaged: remove it, and new secrets are made", path)
	}
	return secrets{apiKey: lines[0], webhookSecret: lines[1], masterKeys: lines[2]}, nil
}

func random(encoding *base64.Encoding) string {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	return encoding.EncodeToString(secret[:])
}
