package eventstore_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/internal/testkit"
)

func feedHead(t *testing.T, store *eventstore.Store) eventstore.FeedHead {
	t.Helper()
	head, err := store.FeedHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return head
}

func TestFeedHead_LongWritingTransaction_HoldsTheFeedAndIsNamed(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*testing.T, *pgxpool.Pool) *pgxpool.Pool{
		"in this database": func(_ *testing.T, pool *pgxpool.Pool) *pgxpool.Pool { return pool },
		"in another one":   func(t *testing.T, _ *pgxpool.Pool) *pgxpool.Pool { return testkit.Database(t) },
	}
	for name, databaseOf := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, pool := newStore(t)
			fill(t, store, "before", 1)
			before := readAll(t, store, 1)[0].Position
			holder := begin(t, databaseOf(t, pool), pgx.TxOptions{})
			var pid int
			var database string
			var since time.Time
			const write = `SELECT pg_backend_pid(), current_database(), now(), pg_current_xact_id()`
			if err := holder.QueryRow(t.Context(), write).Scan(&pid, &database, &since, nil); err != nil {
				t.Fatal(err)
			}
			fill(t, store, "after", 3)
			after, _ := load(t, store, "after")

			want := eventstore.FeedHead{
				Last: before, Held: 3, HeldFrom: after[0].Position,
				HeldBy: fmt.Sprintf("process %d (holder, database %s)", pid, database), HeldSince: since.UTC(),
			}
			var got eventstore.FeedHead
			// Until then it is somebody else's transaction, an older one, that holds every feed of the cluster.
			await(t, "the holder to be the oldest", func() bool { got = feedHead(t, store); return got.HeldBy == want.HeldBy })
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("head while it is held (-want +got):\n%s", diff)
			}
			if events, err := store.ReadFeed(t.Context(), before, 10); err != nil || len(events) != 0 {
				t.Errorf("got %v, %v while the feed is held, want nothing", positionsOf(events), err)
			}
			if err := holder.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			await(t, "a feed that nothing holds", func() bool { got = feedHead(t, store); return got.Held == 0 })
			if diff := cmp.Diff(eventstore.FeedHead{Last: after[2].Position}, got); diff != "" {
				t.Errorf("head when nothing holds it (-want +got):\n%s", diff)
			}
			if got, want := positionsOf(readAll(t, store, 4)), append([]eventstore.Position{before}, positionsOf(after)...); !cmp.Equal(got, want) {
				t.Errorf("read %v, want %v", got, want)
			}
		})
	}
}

func TestFeedHead_ReadingTransaction_DoesNotHoldTheFeed(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	reading := begin(t, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	count := func() (n int) {
		if err := reading.QueryRow(t.Context(), `SELECT count(*) FROM order_events`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	count() // takes the snapshot that it reads from to its end
	fill(t, store, "s", 2)
	readAll(t, store, 2)
	if head := feedHead(t, store); head.Held != 0 {
		t.Errorf("got %+v, want nothing held", head)
	}
	if n := count(); n != 0 {
		t.Errorf("the reading transaction sees %d events: it had ended before", n)
	}
}

func TestFeedHead_NoEvents_IsZero(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	if diff := cmp.Diff(eventstore.FeedHead{}, feedHead(t, store)); diff != "" {
		t.Errorf("head (-want +got):\n%s", diff)
	}
}

func TestReadFeed_Pages(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	var head eventstore.Head
	for range 2 {
		head = appendTo(t, store, "s", head, newEvents(3)...) // positions within one transaction, too
	}
	all := readAll(t, store, 6)
	if len(all) != 6 {
		t.Fatalf("got %d events, want 6", len(all))
	}
	for _, limit := range []int{1, 2, 4, 6, 7, 1000} {
		var pages []eventstore.Event
		for after := (eventstore.Position{}); ; after = pages[len(pages)-1].Position {
			page, err := store.ReadFeed(t.Context(), after, limit)
			if err != nil || len(page) > limit {
				t.Fatalf("limit %d after %s: got %d events, %v", limit, after, len(page), err)
			}
			if len(page) == 0 {
				break
			}
			pages = append(pages, page...)
		}
		if diff := cmp.Diff(all, pages); diff != "" {
			t.Errorf("limit %d (-at once +paged):\n%s", limit, diff)
		}
	}
}

func TestReadFeed_NothingToRead_IsEmpty(t *testing.T) {
	t.Parallel()
	empty, _ := newStore(t)
	store, _ := newStore(t)
	fill(t, store, "s", 2)
	last := readAll(t, store, 2)[1].Position
	tests := map[string]struct {
		store *eventstore.Store
		after eventstore.Position
	}{
		"no events":                {empty, eventstore.Position{}},
		"no events, and not there": {empty, last},
		"the last event":           {store, last},
		"beyond its transaction":   {store, eventstore.Position{Tx: last.Tx, Seq: math.MaxInt64}},
		"beyond all":               {store, eventstore.Position{Tx: math.MaxUint64, Seq: math.MaxInt64}},
	}
	for name, tt := range tests {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			events, err := tt.store.ReadFeed(t.Context(), tt.after, 10)
			if err != nil || len(events) != 0 {
				t.Errorf("got %v, %v, want nothing", positionsOf(events), err)
			}
		})
	}
}
