package eventstore

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// insert writes events in one statement, sets their positions, and says how many there were: none when the stream
// does not have the head. The head is looked up in the same statement, so that no caller can leave a gap. Two writers on one
// head both find it: the primary key lets one of them in.
func (s *Store) insert(ctx context.Context, stream string, head Head, events []Event) (int, error) {
	if len(events) == 1 {
		return s.insertOne(ctx, stream, head, &events[0])
	}
	const query = `
		INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		SELECT $1, version, id, event_type, schema_version, data::jsonb, metadata::jsonb, created_at, hash
		FROM unnest($4::int[], $5::uuid[], $6::text[], $7::int[], $8::text[], $9::text[], $10::timestamptz[], $11::bytea[])
			AS e (version, id, event_type, schema_version, data, metadata, created_at, hash)
		WHERE $2::int = 0 OR EXISTS (SELECT FROM order_events h WHERE h.order_id = $1 AND h.version = $2 AND h.hash = $3)
		ORDER BY version
		RETURNING version, tx, position`
	c := columnsOf(events)
	answer, err := s.pool.Query(ctx, query, stream, head.Version, head.Hash,
		c.versions, c.ids, c.types, c.schemas, c.data, c.metadata, c.times, c.hashes)
	if err != nil {
		return 0, err
	}
	var version int
	var position Position
	tag, err := pgx.ForEachRow(answer, []any{&version, &position.Tx, &position.Seq}, func() error {
		events[version-events[0].Version].Position = position
		return nil
	})
	return int(tag.RowsAffected()), err
}

// insertOne is insert for a single event, which is what most appends are: without arrays it costs a third less.
func (s *Store) insertOne(ctx context.Context, stream string, head Head, e *Event) (int, error) {
	const query = `
		INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		SELECT $1, $4, $5, $6, $7, $8, $9, $10, $11
		WHERE $2::int = 0 OR EXISTS (SELECT FROM order_events h WHERE h.order_id = $1 AND h.version = $2 AND h.hash = $3)
		RETURNING tx, position`
	err := s.pool.QueryRow(ctx, query, stream, head.Version, head.Hash,
		e.Version, [16]byte(e.ID), e.Type, e.SchemaVersion, []byte(e.Data), []byte(e.Metadata), e.CreatedAt, e.Hash).Scan(&e.Position.Tx, &e.Position.Seq)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, nil
	case err != nil:
		return 0, err
	default:
		return 1, nil
	}
}

// columnArrays are events as arrays, one for each column, as unnest takes them.
type columnArrays struct {
	versions, schemas []int32
	ids               []uuid.UUID
	types             []string
	data, metadata    []string
	times             []time.Time
	hashes            [][]byte
}

func columnsOf(events []Event) columnArrays {
	var c columnArrays
	for _, e := range events {
		c.versions = append(c.versions, int32(e.Version))
		c.schemas = append(c.schemas, int32(e.SchemaVersion)) // checked to be a smallint
		c.ids, c.types = append(c.ids, e.ID), append(c.types, e.Type)
		c.data, c.metadata = append(c.data, string(e.Data)), append(c.metadata, string(e.Metadata))
		c.times, c.hashes = append(c.times, e.CreatedAt), append(c.hashes, e.Hash)
	}
	return c
}
