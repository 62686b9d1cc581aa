package eventstore

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"
)

// chainHash is SHA-256 over the hash before it and the event: each field with its length in front of it, so that no
// two different events have the same bytes.
func chainHash(before []byte, stream string, version int, e NewEvent, createdAt time.Time) ([]byte, error) {
	const rest = 200 // more than the fields of a fixed size, their lengths, and most names take
	in := make([]byte, 0, len(e.Data)+len(e.Metadata)+rest)
	in = appendField(in, before)
	in = appendField(in, stream)
	in = appendNumber(in, int64(version))
	in = appendField(in, e.ID[:])
	in = appendField(in, e.Type)
	in = appendNumber(in, int64(e.SchemaVersion))
	in = appendNumber(in, createdAt.UnixMicro())
	in, err := appendJSON(in, e.Data)
	if err != nil {
		return nil, fmt.Errorf("data of %s: %w", e.Type, err)
	}
	if in, err = appendJSON(in, e.Metadata); err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", e.Type, err)
	}
	sum := sha256.Sum256(in)
	return sum[:], nil
}

func appendField[T string | []byte](in []byte, content T) []byte {
	return append(binary.BigEndian.AppendUint64(in, uint64(len(content))), content...)
}

func appendNumber(in []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(in, 8), uint64(n))
}

// appendJSON appends a value as a field, in its canonical form.
func appendJSON(in, value []byte) ([]byte, error) {
	at := len(in)
	in, err := appendCanonical(append(in, make([]byte, 8)...), value)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint64(in[at:], uint64(len(in)-at-8))
	return in, nil
}

// expectedHash is the hash that a stored event must have after the given one.
func (e Event) expectedHash(before []byte) ([]byte, error) {
	return chainHash(before, e.StreamID, e.Version, NewEvent{
		ID: e.ID, Type: e.Type, SchemaVersion: e.SchemaVersion, Data: e.Data, Metadata: e.Metadata,
	}, e.CreatedAt)
}
