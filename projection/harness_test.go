package projection_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/internal/testkit"
	"orderly/projection"
)

// patience is how long a condition may take: transactions of other tests in the same cluster hold the feed back.
const patience = 90 * time.Second

// world is a store and a read model that writes down every effect, so that a second one of the same event shows.
type world struct {
	t     *testing.T
	pool  *pgxpool.Pool
	store *eventstore.Store
}

func newWorld(t *testing.T) *world {
	t.Helper()
	pool := testkit.Database(t)
	if _, err := pool.Exec(t.Context(), `CREATE TABLE effects (n bigserial, order_id text, version int)`); err != nil {
		t.Fatal(err)
	}
	return &world{t: t, pool: pool, store: eventstore.New(pool, eventstore.Options{})}
}

// append adds n events to a stream, of the type that is given.
func (w *world) append(stream, kind string, n int) {
	w.t.Helper()
	_, head, err := w.store.Load(w.t.Context(), stream)
	if err != nil {
		w.t.Fatal(err)
	}
	var events []eventstore.NewEvent
	for range n {
		events = append(events, eventstore.NewEvent{
			ID: uuid.Must(uuid.NewV7()), Type: kind, SchemaVersion: 1, Data: json.RawMessage(`{}`), Metadata: json.RawMessage(`{}`),
		})
	}
	if _, _, err := w.store.Append(w.t.Context(), stream, head, events...); err != nil {
		w.t.Fatal(err)
	}
}

var errPoison = errors.New("this event cannot be applied")

// effects is the projection under test; it refuses events of type Poison.
func effects() projection.Projection {
	return projection.Projection{Name: "effects", Version: 1, Apply: writeEffects}
}

func writeEffects(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error {
	for _, event := range events {
		_, err := tx.Exec(ctx, `INSERT INTO effects (order_id, version) VALUES ($1, $2)`, event.StreamID, event.Version)
		if err != nil {
			return err
		}
		if event.Type == "Poison" {
			return errPoison
		}
	}
	return nil
}

// runUntil runs the projection until the condition holds, and stops it.
func (w *world) runUntil(p projection.Projection, condition func() bool) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- projection.NewRunner(w.pool, w.store, nil, p, 0).Run(ctx, nil) }()
	eventually(w.t, func() bool {
		select {
		case err := <-done:
			w.t.Fatalf("the runner ended: %v", err)
		default:
		}
		return condition()
	})
	stop()
	if err := <-done; err != nil {
		w.t.Fatalf("a runner that is told to stop says %v", err)
	}
}

// caughtUp says whether the checkpoint is at the last event.
func (w *world) caughtUp() bool {
	const query = `
		SELECT (SELECT (tx, position) FROM order_events ORDER BY tx DESC, position DESC LIMIT 1)
			= (SELECT (checkpoint_tx, checkpoint_position) FROM projections)`
	return w.holds(query)
}

func (w *world) holds(query string) bool {
	w.t.Helper()
	var holds *bool
	if err := w.pool.QueryRow(w.t.Context(), query).Scan(&holds); err != nil {
		w.t.Fatal(err)
	}
	return holds != nil && *holds
}

// list is a query's text rows.
func (w *world) list(query string) []string {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), query)
	if err != nil {
		w.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

const (
	allEffects = `SELECT order_id || ':' || version FROM effects ORDER BY order_id, version`
	allEvents  = `SELECT order_id || ':' || version FROM order_events ORDER BY order_id, version`
	allLetters = `SELECT order_id || ':' || version FROM projection_dead_letters ORDER BY order_id, version`
)

// mustHaveEffectsOnce checks that each event has had its effect exactly once, and none is parked.
func (w *world) mustHaveEffectsOnce() {
	w.t.Helper()
	if diff := cmp.Diff(w.list(allEvents), w.list(allEffects)); diff != "" {
		w.t.Errorf("effects (-want +got):\n%s", diff)
	}
	if letters := w.list(allLetters); len(letters) > 0 {
		w.t.Errorf("parked: %v", letters)
	}
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for tick := time.NewTicker(10 * time.Millisecond); !condition(); {
		select {
		case <-deadline:
			tick.Stop()
			t.Fatal("it did not come about in time")
		case <-tick.C:
		}
	}
}

func orderID(n int) string { return fmt.Sprintf("ord_%03d", n) }
