package eventstore_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/internal/postgres"
	"orderly/internal/testkit"
)

// patience is how long a test waits for what must happen: generous, for other tests' transactions hold the feed back.
const patience = time.Minute

func newStore(t testing.TB) (*eventstore.Store, *pgxpool.Pool) {
	t.Helper()
	pool := testkit.Database(t)
	return eventstore.New(pool, eventstore.Options{}), pool
}

// widePool is a pool on a new database with room for many writers.
func widePool(t testing.TB, name string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(t.Context(), testkit.DatabaseURL(t), postgres.Options{Name: name, MaxConns: 40})
	if err != nil {
		t.Fatalf("open a pool: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func newEvent(kind string) eventstore.NewEvent { return withData(kind, `{"b":1,"a":"x"}`) }

func withData(kind, data string) eventstore.NewEvent {
	return eventstore.NewEvent{
		ID: uuid.Must(uuid.NewV7()), Type: kind, SchemaVersion: 1,
		Data: json.RawMessage(data), Metadata: json.RawMessage(`{"command_id":"c"}`),
	}
}

func newEvents(n int) []eventstore.NewEvent {
	events := make([]eventstore.NewEvent, n)
	for i := range events {
		events[i] = newEvent(fmt.Sprintf("Event%d", i+1))
	}
	return events
}

// fill appends n events to a new stream, each by an append of its own.
func fill(t testing.TB, store *eventstore.Store, stream string, n int) eventstore.Head {
	t.Helper()
	var head eventstore.Head
	for _, event := range newEvents(n) {
		head = appendTo(t, store, stream, head, event)
	}
	return head
}

func appendTo(t testing.TB, store *eventstore.Store, stream string, head eventstore.Head, events ...eventstore.NewEvent) eventstore.Head {
	t.Helper()
	_, head, err := store.Append(t.Context(), stream, head, events...)
	if err != nil {
		t.Fatalf("append to %s: %v", stream, err)
	}
	return head
}

func load(t testing.TB, store *eventstore.Store, stream string) ([]eventstore.Event, eventstore.Head) {
	t.Helper()
	events, head, err := store.Load(t.Context(), stream)
	if err != nil {
		t.Fatalf("load %s: %v", stream, err)
	}
	return events, head
}

func exec(t testing.TB, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// await waits until a condition holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain for: %s", patience, what)
		}
	}
}

// readAll reads the feed from its beginning until n events have come.
func readAll(t testing.TB, store *eventstore.Store, n int) []eventstore.Event {
	t.Helper()
	var events []eventstore.Event
	await(t, fmt.Sprintf("%d events in the feed", n), func() bool {
		var err error
		if events, err = store.ReadFeed(t.Context(), eventstore.Position{}, n+1); err != nil {
			t.Fatalf("read the feed: %v", err)
		}
		return len(events) >= n
	})
	return events
}
