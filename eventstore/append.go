package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Append writes events after the head of a stream, all or none, in one round trip, and gives them as stored, with the
// new head. The head must be one of this stream. Where they stand in the feed is not known yet: their Position is zero. An
// append that was sent before (the same event ids at the same versions) gives the first result.
//
// Errors: [*ConflictError] when the stream is not at the head's version; [ErrInvalidEvent] when an event can never be stored.
// After any other error the events may have been written: send the same ones again.
func (s *Store) Append(ctx context.Context, stream string, head Head, events ...NewEvent) ([]Event, Head, error) {
	if len(events) == 0 {
		return nil, head, nil
	}
	if head.version > 0 && head.stream != stream {
		return nil, Head{}, fmt.Errorf("append to %s: the head is of another stream, %s", stream, head.stream)
	}
	epoch := head.epoch
	if head.version == 0 { // whatever is archived of a stream that begins now, is so in a later epoch
		var err error
		if epoch, err = s.epoch(ctx); err != nil {
			return nil, Head{}, fmt.Errorf("append to %s: %w", stream, err)
		}
	}
	stored, err := s.chain(stream, head, events)
	if err != nil {
		return nil, Head{}, fmt.Errorf("append to %s: %w", stream, err)
	}
	if err = s.insert(ctx, head.epoch, stored); isUniqueViolation(err) || errors.Is(err, errNotAtHead) {
		stored, err = s.resolveConflict(ctx, stream, head, events)
	}
	if err != nil {
		return nil, Head{}, fmt.Errorf("append to %s: %w", stream, asInvalid(err))
	}
	s.notifier.Announce() // also for one found there: whoever sent it first may have died before it could say so
	end := stored[len(stored)-1].head()
	end.epoch = epoch
	return stored, end, nil
}

// chain gives the events their versions, times and hashes.
func (s *Store) chain(stream string, head Head, events []NewEvent) ([]Event, error) {
	now := s.clock().UTC().Truncate(time.Microsecond)
	stored := make([]Event, len(events))
	for i, e := range events {
		if err := e.check(stream); err != nil {
			return nil, err
		}
		if earliest := head.createdAt.Add(time.Microsecond); now.Before(earliest) && !head.createdAt.IsZero() {
			now = earliest
		}
		hash, err := chainHash(head.hash, stream, head.version+1, e, now)
		if err != nil {
			return nil, err
		}
		stored[i] = Event{
			StreamID: stream, Version: head.version + 1, ID: e.ID, Type: e.Type, SchemaVersion: e.SchemaVersion,
			Data: e.Data, Metadata: e.Metadata, CreatedAt: now, Hash: hash,
		}
		head = stored[i].head()
	}
	return stored, nil
}

// resolveConflict tells an append that was done before, whose events it gives, from one that came too late.
func (s *Store) resolveConflict(ctx context.Context, stream string, head Head, events []NewEvent) ([]Event, error) {
	found, end, err := s.LoadAfter(ctx, stream, head.version)
	if err != nil {
		return nil, err
	}
	if sameEvents(found, events) {
		first := found[:len(events)]
		for i := range first {
			first[i].Position = Position{}
		}
		return first, nil
	}
	return nil, &ConflictError{Stream: stream, Expected: head.version, Current: end.version}
}

func (s *Store) version(ctx context.Context, stream string) (version int, err error) {
	const query = `SELECT coalesce(max(version), 0) FROM order_events WHERE order_id = $1`
	err = s.pool.QueryRow(ctx, query, stream).Scan(&version)
	return version, err
}

func sameEvents(found []Event, events []NewEvent) bool {
	if len(found) < len(events) {
		return false
	}
	for i, e := range events {
		if found[i].ID != e.ID {
			return false
		}
	}
	return true
}

func isUniqueViolation(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code == "23505"
}
