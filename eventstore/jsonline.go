package eventstore

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/google/uuid"
)

// maxLine bounds a line that is read: Postgres stores no jsonb of more than 256 MB, and an event has two.
const maxLine = 1 << 30

// line is an event outside of the database: in archives, exports and backups.
type line struct {
	Position      Position        `json:"position"`
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

// EncodeLine writes an event as it is stored as one line of JSON, with the line feed:
//
//	{"position":"812.40017","id":"0192...","order_id":"ord_1","version":1,"event_type":"OrderCreated","schema_version":1,
//	"data":{...},"metadata":{...},"created_at":"2026-11-23T14:00:00.000001Z","hash":"9f86d0..."}
//
// Everything that the hash covers stands in it, so a file of lines can be checked without the database.
func EncodeLine(e Event) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(line{
		Position: e.Position, ID: e.ID, OrderID: e.StreamID, Version: e.Version, EventType: e.Type, SchemaVersion: e.SchemaVersion,
		Data: e.Data, Metadata: e.Metadata, CreatedAt: e.CreatedAt.UTC(), Hash: hex.EncodeToString(e.Hash),
	})
	if err != nil {
		return nil, fmt.Errorf("encode %s at version %d: %w", e.StreamID, e.Version, err)
	}
	return text.Bytes(), nil
}

// DecodeLine reads what EncodeLine wrote. It refuses lines that lack something or say more; whether the event is true is for
// its hash to say.
func DecodeLine(text []byte) (Event, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var l line
	if err := decoder.Decode(&l); err != nil {
		return Event{}, fmt.Errorf("decode a line: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Event{}, errors.New("decode a line: something follows the event")
	}
	hash, err := hex.DecodeString(l.Hash)
	if err != nil {
		return Event{}, fmt.Errorf("decode a line: hash: %w", err)
	}
	e := Event{
		Position: l.Position, StreamID: l.OrderID, Version: l.Version, ID: l.ID, Type: l.EventType, SchemaVersion: l.SchemaVersion,
		Data: l.Data, Metadata: l.Metadata, CreatedAt: l.CreatedAt.UTC(), Hash: hash,
	}
	return e, e.complete()
}

// complete refuses an event that the table could not have held.
func (e Event) complete() error {
	again := NewEvent{ID: e.ID, Type: e.Type, SchemaVersion: e.SchemaVersion, Data: e.Data, Metadata: e.Metadata}
	if err := again.check(e.StreamID); err != nil {
		return fmt.Errorf("decode a line: %w", err)
	}
	switch {
	case e.Version < 1:
		return fmt.Errorf("decode a line of %s: version %d", e.StreamID, e.Version)
	case len(e.Data) == 0 || len(e.Metadata) == 0:
		return fmt.Errorf("decode a line of %s at version %d: data and metadata must be there", e.StreamID, e.Version)
	case e.CreatedAt.IsZero() || !e.CreatedAt.Equal(e.CreatedAt.Truncate(time.Microsecond)):
		return fmt.Errorf("decode a line of %s at version %d: created_at %s is no time in microseconds", e.StreamID, e.Version, e.CreatedAt)
	}
	return nil
}

// ReadLines reads events line by line, with the memory of one. The first error ends it, and names the line.
func ReadLines(r io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, 64<<10), maxLine)
		n := 0
		for lines.Scan() {
			n++
			event, err := DecodeLine(lines.Bytes())
			if err != nil {
				yield(Event{}, fmt.Errorf("line %d: %w", n, err))
				return
			}
			if !yield(event, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Event{}, fmt.Errorf("line %d: %w", n+1, err))
		}
	}
}
