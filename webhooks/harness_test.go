package webhooks

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/internal/testkit"
	"orderly/journal"
	"orderly/order"
)

// patience is how long a condition may take, on a machine under load.
const patience = 90 * time.Second

// world is a journal of orders, a queue that is filled on demand, and a receiver that the test steers.
type world struct {
	t        *testing.T
	pool     *pgxpool.Pool
	journal  *journal.Journal
	store    *Store
	policy   Policy
	after    eventstore.Position
	events   *eventstore.Store
	commands int
}

// brief are pauses to wait for.
var brief = Policy{Timeout: 10 * time.Second, RetryFirst: time.Millisecond, RetryMax: 5 * time.Millisecond, GiveUpAfter: time.Hour, Overlap: time.Hour, Keep: time.Hour}

func newWorld(t *testing.T, policy Policy) *world {
	t.Helper()
	pool := testkit.Database(t)
	keys := testkit.Vault(t, pool)
	events := eventstore.New(pool, eventstore.Options{})
	return &world{
		t: t, pool: pool, events: events, policy: policy,
		journal: journal.New(events, order.Policy{}, journal.Options{Vault: keys}), store: NewStore(pool, keys, policy),
	}
}

// place places an order of a tenant's, and note adds an event to it.
func (w *world) place(tenant, id string) {
	w.t.Helper()
	w.apply(id, order.PlaceOrder{OrderCreated: order.OrderCreated{
		Tenant: tenant, CustomerID: "cust_1", Currency: "USD", Total: 500, Method: "card", Token: "tok_visa",
		Lines:  []order.Line{{LineID: "l1", SKU: "SKU-1", Quantity: 1, UnitPrice: 500}},
		ShipTo: order.ClearShipTo(order.Address{Name: "A. Buyer", Line1: "1 Main St", City: "Austin", PostalCode: "78701", Country: "US"}),
	}})
}

func (w *world) note(id string) {
	w.t.Helper()
	w.apply(id, order.AddNote{Text: "a note"})
}

func (w *world) apply(id string, body order.Body) {
	w.t.Helper()
	w.commands++
	_, err := w.journal.Apply(w.t.Context(), id, order.Command{
		ID: fmt.Sprintf("cmd-%d", w.commands), Actor: order.Actor{Type: "system", ID: "test"}, Source: "test", Body: body,
	})
	if err != nil {
		w.t.Fatalf("%s of %s: %v", body.CommandName(), id, err)
	}
}

// queue queues what was recorded since the last time, as the projection does.
func (w *world) queue() {
	w.t.Helper()
	apply := Projection(func(context.Context, string) (string, error) { return "", fmt.Errorf("no archived order is expected") }).Apply
	var want eventstore.Position
	if err := w.pool.QueryRow(w.t.Context(), `SELECT tx, position FROM order_events ORDER BY tx DESC, position DESC LIMIT 1`).Scan(&want.Tx, &want.Seq); err != nil {
		w.t.Fatal(err)
	}
	w.eventually("the feed is queued", func() bool {
		batch, err := w.events.ReadFeed(w.t.Context(), w.after, 1000)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(batch) > 0 {
			if err := pgx.BeginFunc(w.t.Context(), w.pool, func(tx pgx.Tx) error { return apply(w.t.Context(), tx, batch) }); err != nil {
				w.t.Fatal(err)
			}
			w.after = batch[len(batch)-1].Position
		}
		return w.after == want
	})
}

// endpoint makes an endpoint at a receiver, and gives its secret.
func (w *world) endpoint(tenant, id string, r *shopReceiver, types ...string) (Endpoint, string) {
	w.t.Helper()
	e, secret, err := w.store.Create(w.t.Context(), Endpoint{ID: id, Tenant: tenant, URL: r.URL, EventTypes: append([]string{}, types...)}, []byte(id))
	if err != nil {
		w.t.Fatal(err)
	}
	return e, secret
}

// deliver delivers to an endpoint until a condition holds, and says whether the endpoint is enabled still.
func (w *world) deliver(e Endpoint, until func() bool) bool {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	defer stop()
	type result struct {
		enabled bool
		err     error
	}
	done := make(chan result, 1)
	client := NewClient(ClientOptions{Timeout: w.policy.Timeout, AllowPrivate: true})
	go func() {
		enabled, err := NewDeliverer(w.store, w.journal, client, nil).Run(ctx, e.ID, nil)
		done <- result{enabled, err}
	}()
	w.eventually("deliveries", func() bool { return until() })
	if len(done) == 0 {
		stop()
	}
	ended := <-done
	if ended.err != nil {
		w.t.Fatal(ended.err)
	}
	return ended.enabled
}

func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited %s in vain for: %s", patience, what)
		}
	}
}

// statuses are the deliveries of an endpoint by their status.
func (w *world) statuses(e Endpoint) map[string]int {
	w.t.Helper()
	all, err := w.store.Deliveries(w.t.Context(), e.ID, "", 0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	counts := map[string]int{}
	for _, each := range all {
		counts[each.Status]++
	}
	return counts
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	if _, err := w.pool.Exec(w.t.Context(), query, args...); err != nil {
		w.t.Fatal(err)
	}
}

// received is a webhook that a receiver got.
type received struct {
	header  http.Header
	body    []byte
	message Message
}

func (r received) name() string {
	return fmt.Sprintf("%s:%d", r.message.Data.OrderID, r.message.Data.Version)
}

// shopReceiver is an integrator's server. Answer, when set, says with which status a webhook is answered, 200 otherwise; what
// was answered with 200 counts as accepted.
type shopReceiver struct {
	*httptest.Server

	mu       sync.Mutex
	answer   func(http.ResponseWriter, received) int
	got      []received
	accepted []received
}

func newReceiver(t *testing.T) *shopReceiver {
	t.Helper()
	r := &shopReceiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		hook := received{header: request.Header.Clone(), body: body}
		if err := json.Unmarshal(body, &hook.message); err != nil {
			t.Errorf("the body is %s: %v", body, err)
		}
		r.mu.Lock()
		r.got = append(r.got, hook)
		answer := r.answer
		r.mu.Unlock()
		status := http.StatusOK
		if answer != nil {
			status = answer(w, hook)
		}
		if status == http.StatusOK {
			r.mu.Lock()
			r.accepted = append(r.accepted, hook)
			r.mu.Unlock()
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *shopReceiver) answers(answer func(http.ResponseWriter, received) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *shopReceiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// acceptedOf are the events of an order that were accepted, in their order.
func (r *shopReceiver) acceptedOf(orderID string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, each := range r.accepted {
		if each.message.Data.OrderID == orderID {
			names = append(names, each.name())
		}
	}
	return names
}
