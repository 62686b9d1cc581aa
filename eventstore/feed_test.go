package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

// insertNext writes the next n events of a stream as Append does, but in a transaction of the caller's, which may pause
// between the insert and its commit. The hashes are nonsense: the feed does not look at them.
func insertNext(ctx context.Context, tx pgx.Tx, stream string, version, n int) ([]eventstore.Position, error) {
	const query = `
		INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		SELECT $1, $2::int + i, gen_random_uuid(), 'Paused', 1, '{}', '{}', clock_timestamp(), '\x00'
		FROM generate_series(1, $3::int) i
		WHERE $2::int = 0 OR EXISTS (SELECT FROM order_events h WHERE h.order_id = $1 AND h.version = $2)
		ORDER BY i
		RETURNING tx, position`
	rows, err := tx.Query(ctx, query, stream, version, n)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p eventstore.Position, err error) {
		err = row.Scan(&p.Tx, &p.Seq)
		return p, err
	})
}

// ledger is what writers know to be committed.
type ledger struct {
	mu         sync.Mutex
	committed  []eventstore.Position
	rolledBack int
}

// write loads the head of a stream, appends to it and pauses; then it commits, or rolls back in a third of the cases.
func (l *ledger) write(ctx context.Context, pool *pgxpool.Pool, stream string) error {
	var version int
	const head = `SELECT coalesce(max(version), 0) FROM order_events WHERE order_id = $1`
	if err := pool.QueryRow(ctx, head, stream).Scan(&version); err != nil {
		return err
	}
	tx, err := pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // does nothing after a commit
	positions, err := insertNext(ctx, tx, stream, version, 1+rand.IntN(3))
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "23505" {
		return nil // another writer was faster, as happens to Append
	}
	if err != nil {
		return err
	}
	<-time.After(rand.N(20 * time.Millisecond))
	if rand.IntN(3) == 0 {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.rolledBack++
		return tx.Rollback(ctx)
	}
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.committed = append(l.committed, positions...)
	return nil
}

// follower reads the feed from its beginning, in pages of changing size.
type follower struct {
	store  *eventstore.Store
	after  eventstore.Position
	events []eventstore.Event
}

// catchUp reads until nothing more can be read.
func (f *follower) catchUp(t *testing.T) {
	t.Helper()
	for {
		page, err := f.store.ReadFeed(t.Context(), f.after, 1+rand.IntN(50))
		if err != nil {
			t.Fatalf("read the feed after %s: %v", f.after, err)
		}
		if len(page) == 0 {
			return
		}
		f.events = append(f.events, page...)
		f.after = page[len(page)-1].Position
	}
}

func TestReadFeed_WritersThatPauseAndRollBack_EachCommittedEventExactlyOnce(t *testing.T) {
	t.Parallel()
	const writers, each, streams = 32, 20, 24
	pool := widePool(t, "feed-writers")
	var written ledger
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for range each {
				if err := written.write(t.Context(), pool, fmt.Sprintf("s%d", rand.IntN(streams))); err != nil {
					t.Errorf("writer %d: %v", writer, err)
					return
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { group.Wait(); close(ended) }()

	reader := follower{store: eventstore.New(pool, eventstore.Options{})}
	await(t, "the end of the writers", func() bool { reader.catchUp(t); return isClosed(ended) })
	await(t, "the end of the feed", func() bool { reader.catchUp(t); return len(reader.events) >= len(written.committed) })

	slices.SortFunc(written.committed, eventstore.Position.Compare)
	if diff := cmp.Diff(written.committed, positionsOf(reader.events)); diff != "" {
		t.Errorf("the feed is not what was committed, each once (-committed +read):\n%s", diff)
	}
	checkStreamOrder(t, reader.events)
	if written.rolledBack == 0 || len(written.committed) < writers {
		t.Errorf("%d transactions rolled back, %d events committed: this proves nothing", written.rolledBack, len(written.committed))
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func positionsOf(events []eventstore.Event) []eventstore.Position {
	var positions []eventstore.Position
	for _, event := range events {
		positions = append(positions, event.Position)
	}
	return positions
}

// checkStreamOrder wants the versions of each stream as 1, 2, 3...
func checkStreamOrder(t *testing.T, events []eventstore.Event) {
	t.Helper()
	last := map[string]int{}
	for _, event := range events {
		if event.Version != last[event.StreamID]+1 {
			t.Errorf("%s at %s: version %d came after %d", event.StreamID, event.Position, event.Version, last[event.StreamID])
		}
		last[event.StreamID] = event.Version
	}
}

func TestReadFeed_LaterTransactionCommitsFirst_WaitsForTheEarlierOne(t *testing.T) {
	t.Parallel()
	insert := func(ctx context.Context, tx pgx.Tx) error {
		_, err := insertNext(ctx, tx, "a", 0, 1)
		return err
	}
	tests := map[string]struct {
		write, end func(context.Context, pgx.Tx) error
		want       []string
	}{
		"it commits":    {insert, commit, []string{"a", "b"}},
		"it rolls back": {insert, rollback, []string{"b"}},
		"it loses its connection": {
			insert,
			func(ctx context.Context, tx pgx.Tx) error { return tx.Conn().Close(ctx) },
			[]string{"b"},
		},
		"it inserts last": { // and so has the higher number
			func(ctx context.Context, tx pgx.Tx) error {
				_, err := tx.Exec(ctx, `SELECT pg_current_xact_id()`)
				return err
			},
			func(ctx context.Context, tx pgx.Tx) error { return errors.Join(insert(ctx, tx), tx.Commit(ctx)) },
			[]string{"a", "b"},
		},
		"it wrote within a savepoint": {
			func(ctx context.Context, tx pgx.Tx) error {
				return pgx.BeginFunc(ctx, tx, func(savepoint pgx.Tx) error { return insert(ctx, savepoint) })
			},
			commit,
			[]string{"a", "b"},
		},
		"it rolled back a savepoint and wrote again": {
			func(ctx context.Context, tx pgx.Tx) error {
				savepoint, err := tx.Begin(ctx)
				return errors.Join(err, insert(ctx, savepoint), savepoint.Rollback(ctx), insert(ctx, tx))
			},
			commit,
			[]string{"a", "b"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, pool := newStore(t)
			earlier := begin(t, pool, pgx.TxOptions{})
			if err := tt.write(t.Context(), earlier); err != nil {
				t.Fatal(err)
			}
			fill(t, store, "b", 1)
			if events, err := store.ReadFeed(t.Context(), eventstore.Position{}, 10); err != nil || len(events) != 0 {
				t.Fatalf("got %v, %v while the earlier transaction runs, want nothing", streamsOf(events), err)
			}
			if err := tt.end(t.Context(), earlier); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, streamsOf(readAll(t, store, len(tt.want)))); diff != "" {
				t.Errorf("feed (-want +got):\n%s", diff)
			}
		})
	}
}

func commit(ctx context.Context, tx pgx.Tx) error { return tx.Commit(ctx) }

func rollback(ctx context.Context, tx pgx.Tx) error { return tx.Rollback(ctx) }

func streamsOf(events []eventstore.Event) []string {
	var streams []string
	for _, event := range events {
		streams = append(streams, event.StreamID)
	}
	return streams
}

// begin opens a transaction on a connection of its own, without the pool's bounds on its length.
func begin(t *testing.T, pool *pgxpool.Pool, options pgx.TxOptions) pgx.Tx {
	t.Helper()
	config, err := pgx.ParseConfig(pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	config.RuntimeParams["application_name"] = "holder"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	tx, err := conn.BeginTx(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}
