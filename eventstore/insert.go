package eventstore

import (
	"context"
	"errors"
	"time"
)

// errNotAtHead says that the place of an event is taken already, or that the event before it is not in the table any
// more: it was archived, with others after it.
var errNotAtHead = errors.New("the stream does not end at the head")

const insertColumns = `
		INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)`

// The conditions under which an event's place is not one that archiving made free (see [epochs]): its head is of
// the current epoch, or else the stream was not archived as far. Two writers on one head meet at the primary key,
// which lets one of them in.
const (
	inEpoch     = ` pg_sequence_last_value('archive_epoch') = `
	notArchived = ` NOT EXISTS (SELECT FROM archived_streams a WHERE a.order_id = e.order_id AND a.version >= e.version)`
)

// insert writes events of one stream in one statement. Their head was read in the given epoch, or 0 for any.
func (s *Store) insert(ctx context.Context, epoch int64, events []Event) error {
	if len(events) == 1 {
		return s.insertOne(ctx, epoch, &events[0])
	}
	const query = insertColumns + `
		SELECT order_id, version, id, event_type, schema_version, data, metadata, created_at, hash
		FROM ` + eventArrays + `
		WHERE` + inEpoch + `$10 OR NOT EXISTS (SELECT FROM archived_streams WHERE order_id = $11 AND version >= $12)
		ORDER BY version`
	inserted, err := s.pool.Exec(ctx, query, append(arraysOf(events), epoch, events[0].StreamID, events[0].Version)...)
	if err == nil && inserted.RowsAffected() == 0 {
		return errNotAtHead
	}
	return err
}

// insertAlone is insert for a single event, which is what most appends are: without arrays, and with arguments that are
// encoded here, it costs half as much.
func (s *Store) insertAlone(ctx context.Context, epoch int64, e *Event) error {
	const columns = insertColumns + `
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 `
	const current = columns + `WHERE` + inEpoch + `$10`
	const anyEpoch = columns + `FROM (SELECT $1::text AS order_id, $2::int AS version) e WHERE` + notArchived
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	row := binaryRow(e)
	var inserted int64
	if epoch > 0 {
		inserted, err = execBinary(ctx, conn.Conn(), "orderly_insert_in_epoch", current, append(row, binaryInt64(epoch)))
	}
	if err == nil && inserted == 0 {
		inserted, err = execBinary(ctx, conn.Conn(), "orderly_insert", anyEpoch, row)
	}
	if err == nil && inserted == 0 {
		return errNotAtHead
	}
	return err
}

// eventArrays is a table of events, made of arrays with a column each.
const eventArrays = `unnest($1::text[], $2::int[], $3::uuid[], $4::text[], $5::int[], $6::jsonb[], $7::jsonb[], $8::timestamptz[], $9::bytea[])
			AS e (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)`

func arraysOf(events []Event) []any {
	n := len(events)
	streams, types, ids := make([]string, n), make([]string, n), make([][16]byte, n)
	versions, schemas := make([]int32, n), make([]int32, n)
	data, metadata, hashes := make([][]byte, n), make([][]byte, n), make([][]byte, n)
	times := make([]time.Time, n)
	for i, e := range events {
		streams[i], types[i], ids[i] = e.StreamID, e.Type, e.ID
		versions[i], schemas[i] = int32(e.Version), int32(e.SchemaVersion) // checked to be a smallint
		data[i], metadata[i], hashes[i] = e.Data, e.Metadata, e.Hash
		times[i] = e.CreatedAt
	}
	return []any{streams, versions, ids, types, schemas, data, metadata, times, hashes}
}
