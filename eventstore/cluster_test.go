package eventstore_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

// restore puts an event there as a logical dump of another cluster brings it, with the transaction id that it had there.
func restore(t *testing.T, pool *pgxpool.Pool, stream, tx string) {
	t.Helper()
	exec(t, pool, `
		INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash, tx)
		VALUES ($1, 1, gen_random_uuid(), 'Restored', 1, '{}', '{}', now(), '\x00', $2::text::xid8)`, stream, tx)
}

func TestCheckCluster(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(*testing.T, *eventstore.Store, *pgxpool.Pool)
		want    error
	}{
		"empty":             {func(*testing.T, *eventstore.Store, *pgxpool.Pool) {}, nil},
		"events of its own": {func(t *testing.T, store *eventstore.Store, _ *pgxpool.Pool) { fill(t, store, "s", 2) }, nil},
		"events of its own that cannot be read yet": {
			func(t *testing.T, store *eventstore.Store, pool *pgxpool.Pool) {
				if _, err := insertNext(t.Context(), begin(t, pool, pgx.TxOptions{}), "open", 0, 1); err != nil {
					t.Fatal(err)
				}
				fill(t, store, "s", 2)
			}, nil,
		},
		"restored, of transactions long past": {
			func(t *testing.T, _ *eventstore.Store, pool *pgxpool.Pool) { restore(t, pool, "restored", "3") }, nil,
		},
		"restored, of transactions far ahead": {
			func(t *testing.T, _ *eventstore.Store, pool *pgxpool.Pool) {
				restore(t, pool, "restored", "9000000000")
			},
			eventstore.ErrForeignCluster,
		},
		"restored, and written to since": {
			func(t *testing.T, store *eventstore.Store, pool *pgxpool.Pool) {
				restore(t, pool, "restored", "9000000000")
				fill(t, store, "s", 2)
			}, eventstore.ErrForeignCluster,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, pool := newStore(t)
			tt.prepare(t, store, pool)
			if err := store.CheckCluster(t.Context()); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// What CheckCluster saves from: the feed waits for transactions that this cluster will not reach.
func TestCheckCluster_ForeignEvents_AreNeverRead(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	restore(t, pool, "restored", "9000000000")
	fill(t, store, "s", 2)
	if got := streamsOf(readAll(t, store, 2)); len(got) != 2 || got[0] != "s" || got[1] != "s" {
		t.Errorf("the feed gives events of %v, want two of s", got)
	}
	want := eventstore.Position{Tx: 9_000_000_000, Seq: 1}
	if head := feedHead(t, store); head.Held != 1 || head.HeldFrom != want {
		t.Errorf("got %+v, want one event held, at %s", head, want)
	}
}
