package eventstore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// NewEvent is an event that is to be appended. ID is the caller's: it makes an append that is sent again known, so each event
// has its own. Data and Metadata are JSON; numbers in them must be plain integers, of any size (no fraction, no exponent).
type NewEvent struct {
	ID            uuid.UUID
	Type          string
	SchemaVersion int
	Data          json.RawMessage
	Metadata      json.RawMessage
}

// Event is an event as it is stored. Data and Metadata mean what was appended; white space, the order of keys and
// escapes may differ.
type Event struct {
	Position      Position // in the feed; zero for what was not read from the table
	StreamID      string
	Version       int // 1, 2, 3... within the stream
	ID            uuid.UUID
	Type          string
	SchemaVersion int
	Data          json.RawMessage
	Metadata      json.RawMessage
	CreatedAt     time.Time // UTC, microseconds; grows within the stream
	Hash          []byte    // SHA-256, covers the event and the hash of the one before it
}

// Head is the end of a stream as a writer has read it; the zero Head is a stream without events. Only a Store makes others,
// and only for the stream that it has read: so an append can neither leave a gap nor break a chain.
type Head struct {
	stream    string
	version   int
	hash      []byte
	createdAt time.Time
	epoch     int64 // in which it was read; 0 for any, see epochs
}

// Version is that of the stream's last event; 0 when there is none.
func (h Head) Version() int { return h.version }

// Equal says whether two heads are of the same stream at the same event.
func (h Head) Equal(other Head) bool {
	return h.stream == other.stream && h.version == other.version && bytes.Equal(h.hash, other.hash)
}

func (e Event) head() Head {
	return Head{stream: e.StreamID, version: e.Version, hash: e.Hash, createdAt: e.CreatedAt}
}

// ConflictError refuses an append because the stream has moved on since its head was read.
type ConflictError struct {
	Stream            string
	Expected, Current int // versions
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("stream %s is at version %d, not %d", e.Stream, e.Current, e.Expected)
}
