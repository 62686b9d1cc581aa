package eventstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// errNotInteger refuses numbers that Postgres may give back in another form than they were written in.
var errNotInteger = fmt.Errorf("%w: numbers must be plain integers", ErrInvalidEvent)

// canonical rewrites a JSON value so that it comes out the same whether it was just encoded or has been through jsonb:
// keys sorted, no white space, strings escaped in one way, numbers plain integers.
func canonical(data []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("%w: not JSON: %w", ErrInvalidEvent, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: not JSON: something follows the value", ErrInvalidEvent)
	}
	if err := onlyIntegers(value); err != nil {
		return nil, err
	}
	return json.Marshal(value) // sorts keys
}

func onlyIntegers(value any) error {
	switch value := value.(type) {
	case json.Number:
		return checkInteger(value.String())
	case map[string]any:
		for _, each := range value {
			if err := onlyIntegers(each); err != nil {
				return err
			}
		}
	case []any:
		for _, each := range value {
			if err := onlyIntegers(each); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkInteger(number string) error {
	if number == "-0" {
		return errNotInteger
	}
	for i, digit := range []byte(number) {
		if (digit < '0' || digit > '9') && (digit != '-' || i > 0) {
			return errNotInteger
		}
	}
	return nil
}

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
	field := func(content []byte) {
		_ = binary.Write(sum, binary.BigEndian, uint64(len(content))) // a hash never fails to be written
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
