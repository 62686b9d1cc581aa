// Package keyset holds the secret keys of a configuration: several by name, of which the first one encrypts and all decrypt.
//
// That is what makes a rotation possible without a moment at which something cannot be read: a new key is first added at the
// end, so that every process knows it, then put in front, and the old one goes when nothing needs it any more.
//
// All encryption is AES-256-GCM with random nonces (NIST SP 800-38D), which lie in front of the ciphertext. A key may seal
// 2^32 messages.
package keyset

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// keySize is the length of all keys, in bytes.
const keySize = 32

var (
	// ErrUnknownKey is returned for what was sealed with a key that the set does not have.
	ErrUnknownKey = errors.New("the key is not configured")
	// ErrDamaged is returned for data that is not what was sealed with the key, or was bound to something else.
	ErrDamaged = errors.New("encrypted data is damaged, or was moved from elsewhere")
)

// Set is keys by name, the current one first. The zero value holds none.
type Set struct{ keys []named }

type named struct {
	name string
	key  Key
}

// Parse reads "name:base64 of 32 bytes", several separated by commas, the current one first.
func Parse(text string) (Set, error) {
	var s Set
	for entry := range strings.SplitSeq(text, ",") {
		name, encoded, _ := strings.Cut(strings.TrimSpace(entry), ":")
		secret, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || name == "" || len(secret) != keySize {
			return Set{}, fmt.Errorf("a key is written as name:base64 of %d bytes", keySize)
		}
		if _, known := s.find(name); known {
			return Set{}, fmt.Errorf("two keys are called %q", name)
		}
		s.keys = append(s.keys, named{name, NewKey(secret)})
	}
	return s, nil
}

// UnmarshalText is [Parse], for configurations; an empty text is none.
func (s *Set) UnmarshalText(text []byte) (err error) {
	if len(text) > 0 {
		*s, err = Parse(string(text))
	}
	return err
}

// Generate makes a key, in the form that [Parse] reads.
func Generate(name string) string {
	return name + ":" + base64.StdEncoding.EncodeToString(Random())
}

// Empty says whether there is no key.
func (s Set) Empty() bool { return len(s.keys) == 0 }

// Current names the key that [Set.Seal] uses; a set without keys has none.
func (s Set) Current() string { return s.keys[0].name }

// Seal encrypts data with the current key. What it is bound to is needed to open it, and is not in the result.
func (s Set) Seal(data, bound []byte) []byte { return s.keys[0].key.Seal(data, bound) }

// Open decrypts what was sealed with the key of a name.
//
// Errors: [ErrUnknownKey], [ErrDamaged].
func (s Set) Open(name string, sealed, bound []byte) ([]byte, error) {
	key, known := s.find(name)
	if !known {
		return nil, fmt.Errorf("key %q: %w", name, ErrUnknownKey)
	}
	return key.Open(sealed, bound)
}

func (s Set) find(name string) (Key, bool) {
	i := slices.IndexFunc(s.keys, func(k named) bool { return k.name == name })
	if i < 0 {
		return Key{}, false
	}
	return s.keys[i].key, true
}

// Key seals and opens.
type Key struct{ aead cipher.AEAD }

// NewKey makes a key of a secret of 32 bytes, as [Random] gives it.
func NewKey(secret []byte) Key {
	block, err := aes.NewCipher(secret)
	if err != nil {
		panic(err) // only for secrets of another length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for ciphers with other blocks than AES
	}
	return Key{aead}
}

// Random is the secret of a new key.
func Random() []byte {
	secret := make([]byte, keySize)
	_, _ = rand.Read(secret) // never fails
	return secret
}

// Seal encrypts data, bound to something that [Key.Open] must be given again.
func (k Key) Seal(data, bound []byte) []byte {
	return k.aead.Seal(nil, nil, data, bound) //nolint:gosec // this AEAD makes its nonces itself, and wants none
}

// Open decrypts what the key sealed. Errors: [ErrDamaged].
func (k Key) Open(sealed, bound []byte) ([]byte, error) {
	data, err := k.aead.Open(nil, nil, sealed, bound)
	if err != nil {
		return nil, errors.Join(ErrDamaged, err)
	}
	return data, nil
}
