package vault

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

// MasterKeys wrap the keys of customers. The first one wraps; the others only unwrap what they wrapped before they
// were replaced ([Vault.Rewrap] ends the need for them). The zero value holds none.
type MasterKeys struct{ keys []masterKey }

type masterKey struct {
	name string
	aead cipher.AEAD
}

// ParseMasterKeys reads "name:base64 of 32 bytes", several separated by commas, the current one first.
func ParseMasterKeys(text string) (MasterKeys, error) {
	var m MasterKeys
	for entry := range strings.SplitSeq(text, ",") {
		name, encoded, _ := strings.Cut(strings.TrimSpace(entry), ":")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || name == "" || len(key) != keySize {
			return MasterKeys{}, fmt.Errorf("a master key is written as name:base64 of %d bytes", keySize)
		}
		if _, known := m.find(name); known {
			return MasterKeys{}, fmt.Errorf("two master keys are called %q", name)
		}
		m.keys = append(m.keys, masterKey{name: name, aead: newAEAD(key)})
	}
	return m, nil
}

// UnmarshalText is [ParseMasterKeys], for configurations; an empty text is none.
func (m *MasterKeys) UnmarshalText(text []byte) (err error) {
	if len(text) > 0 {
		*m, err = ParseMasterKeys(string(text))
	}
	return err
}

// NewMasterKey makes a key, in the form that [ParseMasterKeys] reads.
func NewMasterKey(name string) string {
	return name + ":" + base64.StdEncoding.EncodeToString(newKey())
}

// Empty says whether there is no key.
func (m MasterKeys) Empty() bool { return len(m.keys) == 0 }

func (m MasterKeys) find(name string) (masterKey, bool) {
	i := slices.IndexFunc(m.keys, func(k masterKey) bool { return k.name == name })
	if i < 0 {
		return masterKey{}, false
	}
	return m.keys[i], true
}

func (m MasterKeys) unwrap(owner Owner, k wrappedKey) ([]byte, error) {
	master, known := m.find(k.master)
	if !known {
		return nil, fmt.Errorf("the key of %s is wrapped by master key %q, which is not configured", owner, k.master)
	}
	key, err := master.aead.Open(nil, nil, k.wrapped, owner.bind(k.id.String()))
	if err != nil {
		return nil, fmt.Errorf("unwrap the key of %s with master key %q: %w", owner, k.master, errors.Join(ErrDamaged, err))
	}
	return key, nil
}

func newKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	return key
}

// newAEAD is AES-256-GCM which makes a random nonce for each message and puts it in front. A key may seal 2^32 messages.
func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for keys of another length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for ciphers with other blocks than AES
	}
	return aead
}

func seal(aead cipher.AEAD, data, bound []byte) []byte {
	return aead.Seal(nil, nil, data, bound) //nolint:gosec // this AEAD makes its nonces itself, and wants none
}
