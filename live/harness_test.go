package live_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"orderly/eventstore"
	"orderly/internal/testkit"
	"orderly/journal"
	"orderly/live"
	"orderly/order"
)

// patience is how long a test waits for what is sure to come.
const patience = time.Minute

// world is a journal with a hub.
type world struct {
	t     *testing.T
	pool  *pgxpool.Pool
	store *eventstore.Store
	book  *journal.Journal
	hub   *live.Hub
}

func newWorld(t *testing.T) *world {
	t.Helper()
	pool := testkit.Database(t)
	notifier := eventstore.NewNotifier(pool, eventstore.Channel)
	listener := eventstore.NewListener(pool, eventstore.Channel)
	store := eventstore.New(pool, eventstore.Options{Notifier: notifier})
	policy := env.Must(env.ParseAsWithOptions[order.Policy](env.Options{Environment: map[string]string{}}))
	book := journal.New(store, policy, journal.Options{Vault: testkit.Vault(t, pool)})
	w := &world{t: t, pool: pool, store: store, book: book, hub: live.NewHub(book.Feed(), listener.On(eventstore.Channel), zap.NewNop())}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { notifier.Run(ctx) })
	running.Go(func() { listener.Run(ctx) })
	running.Go(func() { w.hub.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return w
}

func (w *world) apply(id, commandID string, body order.Body) {
	w.t.Helper()
	command := order.Command{ID: commandID, Source: "test", Actor: order.Actor{Type: "system", ID: "test"}, Body: body}
	if _, err := w.book.Apply(w.t.Context(), id, command); err != nil {
		w.t.Errorf("%s to %s: %v", body.CommandName(), id, err)
	}
}

// place gives an order its first event.
func (w *world) place(id, tenant string) {
	w.t.Helper()
	lines := []order.Line{{LineID: "l1", SKU: "SKU-1", Quantity: 2, UnitPrice: 4999}}
	total, _ := order.Total(lines, 0)
	w.apply(id, "place-"+id, order.PlaceOrder{OrderCreated: order.OrderCreated{
		Tenant: tenant, CustomerID: "c", Currency: "USD", Lines: lines, Total: total, Method: "card", Token: "tok_visa",
		ShipTo:   order.ClearShipTo(order.Address{Name: "A. Buyer", Line1: "1 Main St", City: "Austin", PostalCode: "78701", Country: "US"}),
		Shipping: order.Shipping{Service: "standard"},
	}})
}

// notes gives an order more events.
func (w *world) notes(id string, from, to int) {
	w.t.Helper()
	for i := from; i <= to; i++ {
		w.apply(id, fmt.Sprintf("note-%s-%d", id, i), order.AddNote{Text: fmt.Sprint(i)})
	}
}

// burst gives an order events up to a version, many at a time.
func (w *world) burst(id string, until int) {
	w.t.Helper()
	events, head, err := w.store.Load(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	for head.Version() < until {
		batch := make([]eventstore.NewEvent, min(100, until-head.Version()))
		for i := range batch {
			batch[i] = eventstore.NewEvent{
				ID: uuid.New(), Type: "OrderNoteAdded", SchemaVersion: 1, Data: []byte(`{"text":"one of many"}`), Metadata: events[0].Metadata,
			}
		}
		if _, head, err = w.store.Append(w.t.Context(), id, head, batch...); err != nil {
			w.t.Fatal(err)
		}
	}
}

// all wants every message.
func all(live.Message) bool { return true }

// take reads so many messages of a stream.
func (w *world) take(from *live.Stream, n int) []live.Message {
	w.t.Helper()
	var got []live.Message
	deadline := time.After(patience)
	for len(got) < n {
		select {
		case message, open := <-from.Messages:
			if !open {
				w.t.Fatalf("the stream ended after %d of %d messages: %v", len(got), n, from.Err())
			}
			got = append(got, message)
		case <-deadline:
			w.t.Fatalf("waited in vain for %d messages; there were %d", n, len(got))
		}
	}
	return got
}

// names are what messages are about, as in a:2.
func names(messages []live.Message) []string {
	list := make([]string, len(messages))
	for i, m := range messages {
		list[i] = fmt.Sprintf("%s:%d", m.OrderID, m.Version)
	}
	return list
}
