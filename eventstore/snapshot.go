package eventstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Snapshot is what folding a stream up to a version gave. The store does not look into State.
type Snapshot struct {
	// Version, Hash and CreatedAt are of the last event that is in the state.
	Version   int
	Hash      []byte
	CreatedAt time.Time
	// SchemaVersion is of the state's shape: 1 to 32767, raised by the caller when old states cannot be read any more.
	SchemaVersion int
	State         []byte
}

// head is the head of a stream that ends with the snapshot.
func (s Snapshot) head(stream string) Head {
	return Head{stream: stream, version: s.Version, hash: s.Hash, createdAt: s.CreatedAt}
}

// Snapshot is a snapshot of the stream as it is at this head.
func (h Head) Snapshot(schemaVersion int, state []byte) Snapshot {
	return Snapshot{Version: h.version, Hash: h.hash, CreatedAt: h.createdAt, SchemaVersion: schemaVersion, State: state}
}

// SaveSnapshot keeps a stream's snapshot in place of the one before it. It leaves a later one of the same schema alone, if that
// is of this stream at all: so writers may race, and one that is wrong is replaced.
func (s *Store) SaveSnapshot(ctx context.Context, stream string, snapshot Snapshot) error {
	const query = `
		INSERT INTO order_snapshots AS s (order_id, version, hash, created_at, schema_version, state, checksum, taken_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (order_id) DO UPDATE
		SET version = excluded.version, hash = excluded.hash, created_at = excluded.created_at,
			schema_version = excluded.schema_version, state = excluded.state, checksum = excluded.checksum,
			taken_at = excluded.taken_at
		WHERE s.version <= excluded.version OR s.schema_version <> excluded.schema_version
			OR NOT EXISTS (SELECT FROM order_events e
				WHERE e.order_id = s.order_id AND e.version = s.version AND e.hash = s.hash)`
	takenAt := s.clock().UTC().Truncate(time.Microsecond)
	_, err := s.pool.Exec(ctx, query, stream, snapshot.Version, snapshot.Hash, snapshot.CreatedAt, snapshot.SchemaVersion,
		snapshot.State, snapshot.checksum(stream, takenAt), takenAt)
	if err != nil {
		return fmt.Errorf("save the snapshot of %s at version %d: %w", stream, snapshot.Version, err)
	}
	return nil
}

// LoadFromSnapshot reads a stream's snapshot of the given schema and the events after it, with the head, in one round trip.
// A snapshot that is broken, or does not fit the stream, is ignored: then, and when there is none, it is nil and
// the events are the whole stream.
func (s *Store) LoadFromSnapshot(ctx context.Context, stream string, schemaVersion int) (*Snapshot, []Event, Head, error) {
	epoch, err := s.epoch(ctx)
	if err != nil {
		return nil, nil, Head{}, err
	}
	snapshot, events, head, err := s.loadFromSnapshot(ctx, stream, schemaVersion, theEnd)
	if head.version > 0 {
		head.epoch = epoch
	}
	return snapshot, events, head, err
}

// LoadFromSnapshotUntilVersion is LoadFromSnapshot up to and with a version; a later snapshot is of no use to it.
func (s *Store) LoadFromSnapshotUntilVersion(
	ctx context.Context, stream string, schemaVersion, version int,
) (*Snapshot, []Event, Head, error) {
	until := theEnd
	until.version = version
	return s.loadFromSnapshot(ctx, stream, schemaVersion, until)
}

// LoadFromSnapshotUntil is LoadFromSnapshot as far as the stream had come at a moment: created_at <= at.
func (s *Store) LoadFromSnapshotUntil(
	ctx context.Context, stream string, schemaVersion int, at time.Time,
) (*Snapshot, []Event, Head, error) {
	until := theEnd
	until.at = pgtype.Timestamptz{Time: at, Valid: true}
	return s.loadFromSnapshot(ctx, stream, schemaVersion, until)
}

func (s *Store) loadFromSnapshot(ctx context.Context, stream string, schemaVersion int, until bound) (*Snapshot, []Event, Head, error) {
	snapshot, events, err := s.readFromSnapshot(ctx, stream, schemaVersion, until)
	if err != nil {
		return nil, nil, Head{}, err
	}
	if snapshot != nil && snapshot.fits(events) {
		if tail := events[1:]; len(tail) > 0 {
			return snapshot, tail, tail[len(tail)-1].head(), nil
		}
		return snapshot, nil, snapshot.head(stream), nil
	}
	if snapshot != nil { // of no use: what was read starts at its version
		events, err = s.loadUntil(ctx, stream, until)
	} else {
		events, err = s.withArchived(ctx, stream, 0, events, until)
	}
	if err != nil || len(events) == 0 {
		return nil, nil, Head{}, err
	}
	return nil, events, events[len(events)-1].head(), nil
}

// readFromSnapshot reads the snapshot and the events from its own version on, so that the event at that version tells whether
// the snapshot is of this stream. Both come from one statement: they are of one moment, and the state is sent once.
func (s *Store) readFromSnapshot(ctx context.Context, stream string, schemaVersion int, until bound) (*Snapshot, []Event, error) {
	const query = `
		WITH snapshot AS (
			SELECT order_id, version, schema_version, created_at, hash, state, checksum, taken_at
			FROM order_snapshots
			WHERE order_id = $1 AND schema_version = $2 AND version <= $3 AND created_at <= $4)
		SELECT '0'::xid8, 0::bigint, order_id, version, NULL::uuid, '', schema_version, NULL::jsonb AS data, NULL::jsonb AS metadata, created_at, hash,
			state, checksum, taken_at
		FROM snapshot
		UNION ALL
		SELECT ` + columns + `, NULL AS state, NULL AS checksum, NULL AS taken_at
		FROM order_events
		WHERE order_id = $1 AND version >= coalesce((SELECT version FROM snapshot), 1) AND version <= $3 AND created_at <= $4`
	rows, err := s.pool.Query(ctx, query, stream, schemaVersion, until.version, until.at)
	if err != nil {
		return nil, nil, fmt.Errorf("read events from a snapshot: %w", err)
	}
	var row snapshotOrEvent
	var found *Snapshot
	var events []Event
	_, err = pgx.ForEachRow(rows, row.columns(), func() error {
		if row.id == nil {
			found = row.snapshot()
			return nil
		}
		events = append(events, row.event())
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read events from a snapshot: %w", err)
	}
	slices.SortFunc(events, func(a, b Event) int { return a.Version - b.Version })
	return found, events, nil
}

// snapshotOrEvent is a row that is one or the other: a snapshot has no id, an event no checksum.
type snapshotOrEvent struct {
	Event

	id              *uuid.UUID
	data, metadata  []byte
	state, checksum []byte
	takenAt         *time.Time
}

func (r *snapshotOrEvent) columns() []any {
	return []any{
		&r.Position.Tx, &r.Position.Seq, &r.StreamID, &r.Version, &r.id, &r.Type, &r.SchemaVersion, &r.data, &r.metadata,
		&r.CreatedAt, &r.Hash, &r.state, &r.checksum, &r.takenAt,
	}
}

func (r *snapshotOrEvent) event() Event {
	e := r.Event
	e.ID, e.Data, e.Metadata, e.CreatedAt = *r.id, r.data, r.metadata, r.CreatedAt.UTC()
	return e
}

// snapshot gives a snapshot whose checksum is wrong no hash, so that it fits no stream.
func (r *snapshotOrEvent) snapshot() *Snapshot {
	s := Snapshot{
		Version: r.Version, Hash: r.Hash, CreatedAt: r.CreatedAt.UTC(), SchemaVersion: r.SchemaVersion, State: r.state,
	}
	if !bytes.Equal(s.checksum(r.StreamID, *r.takenAt), r.checksum) {
		s.Hash = nil
	}
	return &s
}

// fits says whether the snapshot is of a stream that goes on with these events, of which the first is the snapshot's own.
func (s Snapshot) fits(events []Event) bool {
	return len(events) > 0 && len(s.Hash) > 0 && events[0].Version == s.Version && bytes.Equal(events[0].Hash, s.Hash) &&
		events[0].CreatedAt.Equal(s.CreatedAt)
}

// checksum is SHA-256 over all other columns of the row, each with its length in front of it.
func (s Snapshot) checksum(stream string, takenAt time.Time) []byte {
	sum := sha256.New()
	for _, field := range [][]byte{
		[]byte(stream), s.Hash, s.State,
		binary.BigEndian.AppendUint64(nil, uint64(s.Version)), binary.BigEndian.AppendUint64(nil, uint64(s.SchemaVersion)),
		binary.BigEndian.AppendUint64(nil, uint64(s.CreatedAt.UnixMicro())), binary.BigEndian.AppendUint64(nil, uint64(takenAt.UnixMicro())),
	} {
		_ = binary.Write(sum, binary.BigEndian, uint64(len(field))) // a hash never fails to be written
		sum.Write(field)
	}
	return sum.Sum(nil)
}
