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
	data, err := canonical(e.Data)
	if err != nil {
		return nil, fmt.Errorf("data of %s: %w", e.Type, err)
	}
	metadata, err := canonical(e.Metadata)
	if err != nil {
		return nil, fmt.Errorf("metadata of %s: %w", e.Type, err)
	}
	sum := sha256.New()
	var length [8]byte
	field := func(content []byte) {
		binary.BigEndian.PutUint64(length[:], uint64(len(content)))
		sum.Write(length[:])
		sum.Write(content)
	}
	number := func(n int64) { field(binary.BigEndian.AppendUint64(nil, uint64(n))) }
	field(before)
	field([]byte(stream))
	number(int64(version))
	field(e.ID[:])
	field([]byte(e.Type))
	number(int64(e.SchemaVersion))
	number(createdAt.UnixMicro())
	field(data)
	field(metadata)
	return sum.Sum(nil), nil
}

// expectedHash is the hash that a stored event must have after the given one.
func (e Event) expectedHash(before []byte) ([]byte, error) {
	return chainHash(before, e.StreamID, e.Version, NewEvent{
		ID: e.ID, Type: e.Type, SchemaVersion: e.SchemaVersion, Data: e.Data, Metadata: e.Metadata,
	}, e.CreatedAt)
}
