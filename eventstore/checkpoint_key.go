package eventstore

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// PublicKeys are the keys whose signatures are trusted, by their [KeyID].
type PublicKeys map[string]ed25519.PublicKey

// KeyID names a public key: the first 8 bytes of its SHA-256, as hexadecimal digits.
func KeyID(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return hex.EncodeToString(sum[:8])
}

// NewSigningKey makes a pair of keys as text: the private one is the base64 of the Ed25519 seed (RFC 8032, section 5.1.5), the
// public one that of its 32 bytes.
func NewSigningKey() (private, public string) {
	var seed [ed25519.SeedSize]byte
	_, _ = rand.Read(seed[:]) // never fails
	return base64.StdEncoding.EncodeToString(seed[:]), FormatPublicKey(ed25519.NewKeyFromSeed(seed[:]))
}

// FormatPublicKey writes the public half of a key as ParsePublicKeys reads it.
func FormatPublicKey(private ed25519.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(publicOf(private))
}

// ParseSigningKey reads a private key that NewSigningKey wrote. The error does not repeat it.
func ParseSigningKey(text string) (ed25519.PrivateKey, error) {
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("not a signing key: want the base64 of %d bytes, as `orderly checkpoint keygen` prints it", ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// ParsePublicKeys reads public keys.
func ParsePublicKeys(texts []string) (PublicKeys, error) {
	keys := PublicKeys{}
	for _, text := range texts {
		public, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil || len(public) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("public key %q: want the base64 of %d bytes", text, ed25519.PublicKeySize)
		}
		keys[KeyID(public)] = public
	}
	return keys, nil
}

// PublicKeysOf are the keys that trust one signing key.
func PublicKeysOf(private ed25519.PrivateKey) PublicKeys {
	public := publicOf(private)
	return PublicKeys{KeyID(public): public}
}

func publicOf(private ed25519.PrivateKey) ed25519.PublicKey {
	return ed25519.PublicKey(private[ed25519.PrivateKeySize-ed25519.PublicKeySize:])
}
