package eventstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"
)

// line is an event as a line of JSON: the names are those of the table, the hash is hexadecimal digits.
type line struct {
	Position      *Position       `json:"position"`
	ID            uuid.UUID       `json:"id"`
	OrderID       string          `json:"order_id"`
	Version       int             `json:"version"`
	EventType     string          `json:"event_type"`
	SchemaVersion int             `json:"schema_version"`
	Data          json.RawMessage `json:"data"`
	Metadata      json.RawMessage `json:"metadata"`
	CreatedAt     time.Time       `json:"created_at"`
	Hash          string          `json:"hash"`
}

// EncodeLine writes a stored event as one line of JSON, with a line feed at its end.
func EncodeLine(e Event) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(line{
		Position: &e.Position, ID: e.ID, OrderID: e.StreamID, Version: e.Version, EventType: e.Type, SchemaVersion: e.SchemaVersion,
		Data: e.Data, Metadata: e.Metadata, CreatedAt: e.CreatedAt.UTC(), Hash: hex.EncodeToString(e.Hash),
	})
	if err != nil {
		return nil, fmt.Errorf("encode %s at version %d: %w", e.StreamID, e.Version, err)
	}
	return text.Bytes(), nil
}

// DecodeLine reads what EncodeLine wrote. It refuses fields that it does not know, ones that are missing, and values that
// no stored event has; whether the hash fits is not its business.
func DecodeLine(text []byte) (Event, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var l line
	if err := decoder.Decode(&l); err != nil {
		return Event{}, fmt.Errorf("not an event: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Event{}, errors.New("not an event: something follows it on its line")
	}
	hash, err := hex.DecodeString(l.Hash)
	if err != nil || len(hash) != sha256.Size {
		return Event{}, fmt.Errorf("hash: want %d hexadecimal digits", 2*sha256.Size)
	}
	if err := l.check(); err != nil {
		return Event{}, err
	}
	return Event{
		Position: *l.Position, StreamID: l.OrderID, Version: l.Version, ID: l.ID, Type: l.EventType, SchemaVersion: l.SchemaVersion,
		Data: l.Data, Metadata: l.Metadata, CreatedAt: l.CreatedAt.UTC(), Hash: hash,
	}, nil
}

func (l line) check() error {
	at := l.CreatedAt.UTC()
	switch {
	case l.Position == nil:
		return errors.New("position: is missing")
	case l.Version < 1 || l.Version > math.MaxInt32:
		return fmt.Errorf("version: %d is none", l.Version)
	case l.Data == nil || l.Metadata == nil:
		return errors.New("data or metadata: is missing")
	case at.Year() < 1 || at.Year() > 9999 || at.Nanosecond()%1000 != 0 || l.CreatedAt.IsZero():
		return errors.New("created_at: want a moment in microseconds, as 2026-11-23T14:00:00.123456Z")
	case strings.ContainsRune(l.OrderID, 0):
		return errors.New("order_id: holds a NUL")
	}
	return NewEvent{ID: l.ID, Type: l.EventType, SchemaVersion: l.SchemaVersion}.check(l.OrderID)
}
