package journal_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderly/eventstore"
	"orderly/internal/testkit"
	"orderly/journal"
	"orderly/order"
)

var policy = order.Policy{
	Carriers: []string{"fedex"}, RetryFirst: time.Second, RetryMax: time.Minute, BookTries: 8, PaymentTries: 3,
	ShortageAnswerWithin: time.Hour, PaymentAnswerWithin: time.Hour, AddressAnswerWithin: time.Hour,
	AttentionRetryEvery: time.Hour, AttentionGiveUpAfter: time.Hour, PickupWithin: time.Hour, TransitWithin: time.Hour, CloseAfter: time.Hour,
}

func newJournal(t testing.TB) (*journal.Journal, *eventstore.Store) {
	t.Helper()
	pool := testkit.Database(t)
	store := eventstore.New(pool, eventstore.Options{})
	return journal.New(store, policy, journal.Options{Vault: testkit.Vault(t, pool)}), store
}

// apply applies a command that must not be refused.
func apply(t testing.TB, j *journal.Journal, commandID string, body order.Body) journal.Result {
	t.Helper()
	result, err := j.Apply(t.Context(), "ord_1", order.Command{ID: commandID, Source: "test", Body: body})
	if err != nil {
		t.Fatalf("apply %s: %v", commandID, err)
	}
	return result
}

func placeOrder() order.PlaceOrder {
	return order.PlaceOrder{OrderCreated: order.OrderCreated{
		Tenant: "acme", CustomerID: "cus_7", Currency: "EUR", Lines: []order.Line{{LineID: "l1", SKU: "SKU-1", Quantity: 1, UnitPrice: 1250}},
		Total: 1250, Method: "card", Token: "tok_visa",
	}}
}

// store1 appends an event to ord_1 as some other version of the program would have written it.
func store1(t testing.TB, store *eventstore.Store, eventType string, schemaVersion int, data string) {
	t.Helper()
	_, head, err := store.Load(t.Context(), "ord_1")
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = store.Append(t.Context(), "ord_1", head, eventstore.NewEvent{
		ID: uuid.Must(uuid.NewV7()), Type: eventType, SchemaVersion: schemaVersion,
		Data: json.RawMessage(data), Metadata: json.RawMessage(`{"command_id":"elsewhere"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantVersion wants ord_1 to have events of the versions 1 to n, and a sound chain.
func wantVersion(t testing.TB, store *eventstore.Store, n int) []eventstore.Event {
	t.Helper()
	events, _, err := store.Load(t.Context(), "ord_1")
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != n {
		t.Fatalf("there are %d events, want %d", len(events), n)
	}
	for i, event := range events {
		if event.Version != i+1 {
			t.Fatalf("event %d has version %d", i+1, event.Version)
		}
	}
	if n > 0 {
		if _, err := store.Verify(t.Context(), "ord_1"); err != nil {
			t.Fatal(err)
		}
	}
	return events
}
