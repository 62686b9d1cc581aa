package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const uniqueViolation = "23505"

// rows are the columns of the events of one append.
type rows struct {
	versions, schemas []int32
	ids               []uuid.UUID
	types             []string
	data, metadata    []string
	times             []time.Time
	hashes            [][]byte
}

// Append writes events after the head of a stream, all or none, in one round trip, and gives them as stored, with the
// new head. An append that was sent before (the same event ids at the same versions) gives the first result.
//
// Errors: [*ConflictError] when the stream has moved on. After any other error the events may have been written.
func (s *Store) Append(ctx context.Context, stream string, head Head, events ...NewEvent) ([]Event, Head, error) {
	if len(events) == 0 {
		return nil, head, nil
	}
	stored, err := s.chain(stream, head, events)
	if err != nil {
		return nil, Head{}, fmt.Errorf("append to %s: %w", stream, err)
	}
	err = s.insert(ctx, stream, stored)
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == uniqueViolation {
		return s.resolveConflict(ctx, stream, head, events)
	}
	if err != nil {
		return nil, Head{}, fmt.Errorf("append to %s: %w", stream, err)
	}
	s.notifier.appended()
	return stored, stored[len(stored)-1].head(), nil
}

// chain gives the events their versions, times and hashes.
func (s *Store) chain(stream string, head Head, events []NewEvent) ([]Event, error) {
	now := s.clock().UTC().Truncate(time.Microsecond)
	stored := make([]Event, len(events))
	for i, e := range events {
		if earliest := head.CreatedAt.Add(time.Microsecond); now.Before(earliest) && !head.CreatedAt.IsZero() {
			now = earliest
		}
		hash, err := chainHash(head.Hash, stream, head.Version+1, e, now)
		if err != nil {
			return nil, err
		}
		stored[i] = Event{
			StreamID: stream, Version: head.Version + 1, ID: e.ID, Type: e.Type, SchemaVersion: e.SchemaVersion,
			Data: e.Data, Metadata: e.Metadata, CreatedAt: now, Hash: hash,
		}
		head = stored[i].head()
	}
	return stored, nil
}

func (s *Store) insert(ctx context.Context, stream string, events []Event) error {
	const query = `
		INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		SELECT $1, version, id, event_type, schema_version, data::jsonb, metadata::jsonb, created_at, hash
		FROM unnest($2::int[], $3::uuid[], $4::text[], $5::int[], $6::text[], $7::text[], $8::timestamptz[], $9::bytea[])
			AS e (version, id, event_type, schema_version, data, metadata, created_at, hash)
		ORDER BY version
		RETURNING version, tx, position`
	r := columnsOf(events)
	answer, err := s.pool.Query(ctx, query, stream, r.versions, r.ids, r.types, r.schemas, r.data, r.metadata, r.times, r.hashes)
	if err != nil {
		return err
	}
	first := events[0].Version
	var version int
	var position Position
	_, err = pgx.ForEachRow(answer, []any{&version, &position.Tx, &position.Seq}, func() error {
		events[version-first].Position = position
		return nil
	})
	return err
}

func columnsOf(events []Event) rows {
	var r rows
	for _, e := range events {
		r.versions = append(r.versions, int32(e.Version))     //nolint:gosec // far below 2^31
		r.schemas = append(r.schemas, int32(e.SchemaVersion)) //nolint:gosec // far below 2^31
		r.ids, r.types = append(r.ids, e.ID), append(r.types, e.Type)
		r.data, r.metadata = append(r.data, string(e.Data)), append(r.metadata, string(e.Metadata))
		r.times, r.hashes = append(r.times, e.CreatedAt), append(r.hashes, e.Hash)
	}
	return r
}

// resolveConflict tells an append that was done before from one that came too late.
func (s *Store) resolveConflict(ctx context.Context, stream string, head Head, events []NewEvent) ([]Event, Head, error) {
	found, end, err := s.LoadAfter(ctx, stream, head.Version)
	if err != nil {
		return nil, Head{}, fmt.Errorf("append to %s: %w", stream, err)
	}
	if sameEvents(found, events) {
		found = found[:len(events)]
		return found, found[len(found)-1].head(), nil
	}
	return nil, Head{}, &ConflictError{Stream: stream, Expected: head.Version, Current: end.Version}
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
