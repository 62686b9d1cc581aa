package eventstore

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// errHeadGone says that the event before the first one is not in the table: it was archived, with others after it.
var errHeadGone = errors.New("the head is not in the table any more")

const insertColumns = `
		INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)`

// insert writes events in one statement and sets their positions. Two writers on one head meet at the primary key, which
// lets one of them in. A writer whose head was archived in the meantime would find its place free: so the statement looks for
// the event before.
func (s *Store) insert(ctx context.Context, events []Event) error {
	if len(events) == 1 {
		return s.insertOne(ctx, &events[0])
	}
	const query = insertColumns + `
		SELECT $1, version, id, event_type, schema_version, data::jsonb, metadata::jsonb, created_at, hash
		FROM unnest($2::int[], $3::uuid[], $4::text[], $5::int[], $6::text[], $7::text[], $8::timestamptz[], $9::bytea[])
			AS e (version, id, event_type, schema_version, data, metadata, created_at, hash)
		WHERE $10::int = 0 OR EXISTS (SELECT FROM order_events h WHERE h.order_id = $1 AND h.version = $10)
		ORDER BY version
		RETURNING version, tx, position`
	c := columnsOf(events)
	answer, err := s.pool.Query(ctx, query, events[0].StreamID,
		c.versions, c.ids, c.types, c.schemas, c.data, c.metadata, c.times, c.hashes, events[0].Version-1)
	if err != nil {
		return err
	}
	var version int
	var position Position
	inserted, err := pgx.ForEachRow(answer, []any{&version, &position.Tx, &position.Seq}, func() error {
		events[version-events[0].Version].Position = position
		return nil
	})
	if err == nil && inserted.RowsAffected() == 0 {
		return errHeadGone
	}
	return err
}

// insertOne is insert for a single event, which is what most appends are: without arrays, and with the event before as
// what is selected from, it costs half as much.
func (s *Store) insertOne(ctx context.Context, e *Event) error {
	const first = insertColumns + `
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		RETURNING tx, position`
	const next = insertColumns + `
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM order_events h WHERE h.order_id = $1 AND h.version = $10
		RETURNING tx, position`
	// Plain bytes, for which pgx knows the shortest way.
	query, args := first, []any{
		e.StreamID, e.Version, [16]byte(e.ID), e.Type, e.SchemaVersion, []byte(e.Data), []byte(e.Metadata), e.CreatedAt, e.Hash,
	}
	if e.Version > 1 {
		query, args = next, append(args, e.Version-1)
	}
	err := s.pool.QueryRow(ctx, query, args...).Scan(&e.Position.Tx, &e.Position.Seq)
	if errors.Is(err, pgx.ErrNoRows) {
		return errHeadGone
	}
	return err
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
