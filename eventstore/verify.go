package eventstore

import (
	"bytes"
	"context"
	"fmt"
)

// FaultError says what is wrong with a stream.
type FaultError struct {
	Stream  string
	Version int
	Problem string
}

func (e *FaultError) Error() string {
	return fmt.Sprintf("%s at version %d: %s", e.Stream, e.Version, e.Problem)
}

// Verify walks the chain of one stream, or of all when stream is empty, with constant memory, and returns the number of
// events. The first fault ends it with a [*FaultError].
func (s *Store) Verify(ctx context.Context, stream string) (int, error) {
	const query = `SELECT ` + columns + ` FROM order_events WHERE $1 = '' OR order_id = $1 ORDER BY order_id, version`
	rows, err := s.pool.Query(ctx, query, stream)
	if err != nil {
		return 0, fmt.Errorf("verify: %w", err)
	}
	defer rows.Close()
	checked := 0
	var last Event
	for rows.Next() {
		event, err := scanEvent(rows)
		if err != nil {
			return checked, fmt.Errorf("verify: %w", err)
		}
		if event.StreamID != last.StreamID {
			last = Event{StreamID: event.StreamID}
		}
		if err := event.follows(last); err != nil {
			return checked, err
		}
		last = event
		checked++
	}
	return checked, rows.Err()
}

// follows says what is wrong with an event as the next one after another.
func (e Event) follows(last Event) error {
	fault := func(format string, args ...any) error {
		return &FaultError{Stream: e.StreamID, Version: e.Version, Problem: fmt.Sprintf(format, args...)}
	}
	if e.Version != last.Version+1 {
		return fault("follows version %d: events are missing", last.Version)
	}
	if !e.CreatedAt.After(last.CreatedAt) {
		return fault("its time is not after the one before it")
	}
	hash, err := e.expectedHash(last.Hash)
	if err != nil {
		return fault("cannot be hashed: %v", err)
	}
	if !bytes.Equal(hash, e.Hash) {
		return fault("its hash does not fit: the row, or one before it, was changed")
	}
	return nil
}
