package eventstore

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Checkpoint is a signed statement of how far streams had come: the heads of those that changed since the checkpoint before
// it, under one hash. Checkpoints are numbered from 1 and each one names the hash of the one before it, so that the newest
// one speaks for all: whoever keeps a copy of it elsewhere can show what was removed or rewritten since.
type Checkpoint struct {
	ID       int64
	Position Position  // the last event of the feed that it covers
	MadeAt   time.Time // UTC, microseconds; grows
	Heads    int       // streams that changed since the checkpoint before
	// Root is the Merkle tree hash (RFC 6962, section 2.1) over the heads, in the order of the bytes of their streams' names.
	Root []byte
	// Previous is the SHA-256 of the checkpoint before it, all zero for the first.
	Previous []byte
	// KeyID names the key that signed, see [KeyID]; Signature is Ed25519 (RFC 8032) over what Message gives.
	KeyID     string
	Signature []byte
}

// Message is what is signed: lines of text, so that an auditor can check the signature with other tools.
func (c Checkpoint) Message() []byte {
	return fmt.Appendf(nil, "orderly checkpoint v1\nid %d\nposition %s\nmade_at %s\nheads %d\nroot %x\nprevious %x\n",
		c.ID, c.Position, c.MadeAt.UTC().Format(time.RFC3339Nano), c.Heads, c.Root, c.Previous)
}

// Hash is what the next checkpoint names as its previous one: it covers the message and the signature.
func (c Checkpoint) Hash() []byte {
	hash := sha256.New()
	hash.Write(c.Message())
	fmt.Fprintf(hash, "key_id %s\nsignature %x\n", c.KeyID, c.Signature)
	return hash.Sum(nil)
}

// String names the checkpoint in messages, as in "checkpoint 3 of 2026-11-23T00:00:00Z".
func (c Checkpoint) String() string {
	return fmt.Sprintf("checkpoint %d of %s", c.ID, c.MadeAt.Format(time.RFC3339))
}

func (c Checkpoint) equal(other Checkpoint) bool { return bytes.Equal(c.Hash(), other.Hash()) }

func (c Checkpoint) sign(signer crypto.Signer) (Checkpoint, error) {
	public, ok := signer.Public().(ed25519.PublicKey)
	if !ok {
		return Checkpoint{}, errors.New("checkpoints are signed with Ed25519 keys only")
	}
	signature, err := signer.Sign(nil, c.Message(), crypto.Hash(0))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("sign: %w", err)
	}
	c.KeyID, c.Signature = KeyID(public), signature
	return c, c.checkSignature(PublicKeys{c.KeyID: public})
}

func (c Checkpoint) checkSignature(keys PublicKeys) error {
	public, known := keys[c.KeyID]
	if !known {
		return fmt.Errorf("it is signed with key %s, which is not trusted here", c.KeyID)
	}
	if !ed25519.Verify(public, c.Message(), c.Signature) {
		return fmt.Errorf("its signature is not of key %s: it was changed", c.KeyID)
	}
	return nil
}

// checkpointFile is a Checkpoint as JSON: hashes and signature as hexadecimal digits.
type checkpointFile struct {
	ID        int64     `json:"id"`
	Position  Position  `json:"position"`
	MadeAt    time.Time `json:"made_at"`
	Heads     int       `json:"heads"`
	Root      string    `json:"root"`
	Previous  string    `json:"previous"`
	KeyID     string    `json:"key_id"`
	Signature string    `json:"signature"`
}

// MarshalJSON writes the checkpoint as it is exported.
func (c Checkpoint) MarshalJSON() ([]byte, error) {
	return json.Marshal(checkpointFile{
		ID: c.ID, Position: c.Position, MadeAt: c.MadeAt, Heads: c.Heads, Root: hex.EncodeToString(c.Root),
		Previous: hex.EncodeToString(c.Previous), KeyID: c.KeyID, Signature: hex.EncodeToString(c.Signature),
	})
}

// UnmarshalJSON reads an exported checkpoint. It does not check the signature.
func (c *Checkpoint) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var f checkpointFile
	if err := decoder.Decode(&f); err != nil {
		return fmt.Errorf("read a checkpoint: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("read a checkpoint: something follows it")
	}
	read := Checkpoint{ID: f.ID, Position: f.Position, MadeAt: f.MadeAt.UTC(), Heads: f.Heads, KeyID: f.KeyID}
	for name, field := range map[string]struct {
		digits string
		length int
		bytes  *[]byte
	}{
		"root": {f.Root, sha256.Size, &read.Root}, "previous": {f.Previous, sha256.Size, &read.Previous},
		"signature": {f.Signature, ed25519.SignatureSize, &read.Signature},
	} {
		content, err := hex.DecodeString(field.digits)
		if err != nil || len(content) != field.length {
			return fmt.Errorf("read a checkpoint: %s: want %d hexadecimal digits", name, 2*field.length)
		}
		*field.bytes = content
	}
	*c = read
	return nil
}

// streamHead is the end of a stream as a checkpoint saw it.
type streamHead struct {
	stream  string
	version int
	hash    []byte
}

// leaf is the head as a leaf of the tree: each part with its length, so that no two heads have the same bytes.
func (h streamHead) leaf() []byte {
	leaf := binary.BigEndian.AppendUint64(nil, uint64(len(h.stream)))
	leaf = append(leaf, h.stream...)
	leaf = binary.BigEndian.AppendUint64(leaf, uint64(h.version))
	return append(leaf, h.hash...)
}
