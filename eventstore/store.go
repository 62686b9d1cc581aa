package eventstore

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Store reads and appends events. It may be used from many goroutines.
type Store struct {
	pool       *pgxpool.Pool
	clock      func() time.Time
	notifier   *Notifier
	archiveDir string
	groups     groups
	epochs     epochs
	windows    windows
}

// Options are what a Store may be given beside its pool.
type Options struct {
	// Clock tells the time for created_at; time.Now when nil.
	Clock func() time.Time
	// Notifier wakes the readers of the feed after an append; none when nil, and readers find out by polling.
	Notifier *Notifier
	// ArchiveDir is where the files of archived streams are; only those streams need it.
	ArchiveDir string
}

// New makes a Store on a database that was migrated.
func New(pool *pgxpool.Pool, options Options) *Store {
	if options.Clock == nil {
		options.Clock = time.Now
	}
	return &Store{pool: pool, clock: options.Clock, notifier: options.Notifier, archiveDir: options.ArchiveDir}
}

const columns = `tx, position, order_id, version, id, event_type, schema_version, data, metadata, created_at, hash`

// Load reads a whole stream and its head, in one round trip; the archived part of a stream is read from its file. A
// stream without events is no error.
func (s *Store) Load(ctx context.Context, stream string) ([]Event, Head, error) {
	return s.LoadAfter(ctx, stream, 0)
}

// LoadAfter reads what follows a version, and the head. The head is zero when nothing follows.
func (s *Store) LoadAfter(ctx context.Context, stream string, version int) ([]Event, Head, error) {
	const query = `SELECT ` + columns + ` FROM order_events WHERE order_id = $1 AND version > $2 ORDER BY version`
	epoch, err := s.epoch(ctx)
	if err != nil {
		return nil, Head{}, err
	}
	events, err := s.query(ctx, query, stream, version)
	if err == nil {
		events, err = s.withArchived(ctx, stream, version, events, theEnd)
	}
	if err != nil || len(events) == 0 {
		return nil, Head{}, err
	}
	head := events[len(events)-1].head()
	head.epoch = epoch
	return events, head, nil
}

// LoadUntilVersion reads a stream up to and with a version.
func (s *Store) LoadUntilVersion(ctx context.Context, stream string, version int) ([]Event, error) {
	until := theEnd
	until.version = version
	return s.loadUntil(ctx, stream, until)
}

// LoadUntil reads a stream as far as it had come at a moment: created_at <= at.
func (s *Store) LoadUntil(ctx context.Context, stream string, at time.Time) ([]Event, error) {
	until := theEnd
	until.at = pgtype.Timestamptz{Time: at, Valid: true}
	return s.loadUntil(ctx, stream, until)
}

// LoadFirst reads the first events of streams, of those that exist and are not archived.
func (s *Store) LoadFirst(ctx context.Context, streams []string) ([]Event, error) {
	const query = `SELECT ` + columns + ` FROM order_events WHERE order_id = ANY($1) AND version = 1`
	return s.query(ctx, query, streams)
}

// bound is how far a stream is read.
type bound struct {
	version int
	at      pgtype.Timestamptz
}

// theEnd bounds nothing.
var theEnd = bound{version: math.MaxInt32, at: pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}}

func (b bound) includes(e Event) bool {
	return e.Version <= b.version && (b.at.InfinityModifier == pgtype.Infinity || !e.CreatedAt.After(b.at.Time))
}

func (s *Store) loadUntil(ctx context.Context, stream string, until bound) ([]Event, error) {
	const query = `
		SELECT ` + columns + ` FROM order_events
		WHERE order_id = $1 AND version <= $2 AND created_at <= $3
		ORDER BY version`
	events, err := s.query(ctx, query, stream, until.version, until.at)
	if err != nil {
		return nil, err
	}
	return s.withArchived(ctx, stream, 0, events, until)
}

func (s *Store) query(ctx context.Context, query string, args ...any) ([]Event, error) {
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	events, err := pgx.CollectRows(rows, scanEvent)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// scanEvent takes JSON as bytes: pgx would check it once more, which costs as much as reading all the rest.
func scanEvent(row pgx.CollectableRow) (Event, error) {
	var e Event
	err := row.Scan(&e.Position.Tx, &e.Position.Seq, &e.StreamID, &e.Version, &e.ID, &e.Type, &e.SchemaVersion,
		(*[]byte)(&e.Data), (*[]byte)(&e.Metadata), &e.CreatedAt, &e.Hash)
	e.CreatedAt = e.CreatedAt.UTC()
	return e, err
}
