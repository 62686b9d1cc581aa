package webhooks

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"orderly/journal"
)

func wantAccepted(t *testing.T, r *shopReceiver, orderID string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, r.acceptedOf(orderID)); diff != "" {
		t.Errorf("accepted of %s (-want +got):\n%s", orderID, diff)
	}
}

func (w *world) allDelivered(e Endpoint) func() bool {
	return func() bool { return w.statuses(e)["pending"] == 0 }
}

func TestDeliver_EachEventOfTheTenant_InOrderAndSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brief)
	r := newReceiver(t)
	w.place("acme", "before") // before there is an endpoint
	w.queue()
	e, secret := w.endpoint("acme", "whe_1", r)
	w.place("acme", "ord_1")
	w.place("acme", "ord_2")
	w.place("other", "ord_3")
	for range 4 {
		w.note("ord_1")
		w.note("ord_2")
	}
	w.queue()
	w.queue() // nothing is queued twice
	w.deliver(e, w.allDelivered(e))
	wantAccepted(t, r, "ord_1", "ord_1:1", "ord_1:2", "ord_1:3", "ord_1:4", "ord_1:5")
	wantAccepted(t, r, "ord_2", "ord_2:1", "ord_2:2", "ord_2:3", "ord_2:4", "ord_2:5")
	if got := len(r.all()); got != 10 {
		t.Errorf("%d webhooks, want 10", got)
	}
	oracle, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, each := range r.all() {
		if err := oracle.Verify(each.body, each.header); err != nil {
			t.Errorf("%s: %v", each.name(), err)
		}
		ids[each.header.Get("webhook-id")] = true
	}
	if len(ids) != 10 {
		t.Errorf("%d ids for 10 events", len(ids))
	}
}

func TestDeliver_TheEventIsWhatItsTenantCanRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brief)
	r := newReceiver(t)
	e, _ := w.endpoint("acme", "whe_1", r)
	w.place("acme", "ord_1")
	w.queue()
	w.deliver(e, w.allDelivered(e))
	entries, err := w.journal.Events(t.Context(), "ord_1", journal.Upcast)
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(entries[0])
	if err != nil {
		t.Fatal(err)
	}
	got := r.all()[0]
	if !bytes.Contains(got.body, bytes.TrimPrefix(want, []byte("{"))) || got.message.Type != "OrderCreated" || got.message.Data.OrderID != "ord_1" {
		t.Errorf("got %s, want the event %s", got.body, want)
	}
	if bytes.Contains(got.body, []byte("tok_visa")) {
		t.Errorf("the means of payment is in %s", got.body)
	}
}

func TestDeliver_ChosenTypesOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brief)
	r := newReceiver(t)
	e, _ := w.endpoint("acme", "whe_1", r, "OrderNoteAdded")
	w.place("acme", "ord_1")
	w.note("ord_1")
	w.queue()
	w.deliver(e, w.allDelivered(e))
	wantAccepted(t, r, "ord_1", "ord_1:2")
}

func TestDeliver_ReceiverFails_TriesAgainInOrder_WhileOtherOrdersGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brief)
	r := newReceiver(t)
	e, _ := w.endpoint("acme", "whe_1", r)
	w.place("acme", "ord_1")
	w.place("acme", "ord_2")
	w.note("ord_1")
	w.note("ord_2")
	w.queue()
	var failures atomic.Int64
	r.answers(func(_ http.ResponseWriter, hook received) int {
		if hook.name() == "ord_1:1" && (len(r.acceptedOf("ord_2")) < 2 || failures.Load() < 5) {
			failures.Add(1)
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	w.deliver(e, w.allDelivered(e))
	wantAccepted(t, r, "ord_1", "ord_1:1", "ord_1:2")
	wantAccepted(t, r, "ord_2", "ord_2:1", "ord_2:2")
	ids := map[string]bool{}
	for _, each := range r.all() {
		if each.name() == "ord_1:1" {
			ids[each.header.Get("webhook-id")] = true
		}
	}
	if len(ids) != 1 {
		t.Errorf("the attempts at one event have %d ids, want one", len(ids))
	}
}

// The deliverer dies with a webhook under way: it is sent again when its lease is over, and the next one of its order
// not before.
func TestDeliver_KilledInTheMiddle_SendsAgainAndKeepsTheOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brief)
	r := newReceiver(t)
	e, _ := w.endpoint("acme", "whe_1", r)
	w.place("acme", "ord_1")
	w.note("ord_1")
	w.queue()
	ctx, kill := context.WithCancel(t.Context())
	r.answers(func(http.ResponseWriter, received) int {
		kill()
		return http.StatusOK // which nobody hears
	})
	_, err := NewDeliverer(w.store, w.journal, NewClient(ClientOptions{Timeout: time.Minute, AllowPrivate: true}), nil).Run(ctx, e.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.answers(nil)
	w.place("acme", "ord_2")
	w.queue()
	w.deliver(e, func() bool { return len(r.acceptedOf("ord_2")) == 1 })
	if got := w.statuses(e); got["pending"] == 2 {
		wantAccepted(t, r, "ord_1", "ord_1:1") // before the kill
	}
	w.exec(`UPDATE webhook_deliveries SET next_try_at = now() WHERE order_id = 'ord_1'`) // the lease is over
	w.deliver(e, w.allDelivered(e))
	// The first one once or twice: an answer that nobody heard.
	if accepted := slices.Compact(r.acceptedOf("ord_1")); !slices.Equal(accepted, []string{"ord_1:1", "ord_1:2"}) {
		t.Errorf("accepted: %v", accepted)
	}
}

func TestDeliver_TwoDeliverersAtOnce_KeepTheOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brief)
	r := newReceiver(t)
	e, _ := w.endpoint("acme", "whe_1", r)
	w.place("acme", "ord_1")
	for range 9 {
		w.note("ord_1")
	}
	w.queue()
	ctx, stop := context.WithCancel(t.Context())
	second := make(chan error, 1)
	go func() {
		_, err := NewDeliverer(w.store, w.journal, NewClient(ClientOptions{Timeout: w.policy.Timeout, AllowPrivate: true}), nil).Run(ctx, e.ID, nil)
		second <- err
	}()
	w.deliver(e, w.allDelivered(e))
	stop()
	if err := <-second; err != nil {
		t.Error(err)
	}
	wantAccepted(t, r, "ord_1", "ord_1:1", "ord_1:2", "ord_1:3", "ord_1:4", "ord_1:5", "ord_1:6", "ord_1:7", "ord_1:8", "ord_1:9", "ord_1:10")
}

func TestDeliver_Gone_DisablesTheEndpoint_UntilItIsEnabled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brief)
	r := newReceiver(t)
	e, _ := w.endpoint("acme", "whe_1", r)
	w.place("acme", "ord_1")
	w.queue()
	r.answers(func(http.ResponseWriter, received) int { return http.StatusGone })
	client := NewClient(ClientOptions{Timeout: w.policy.Timeout, AllowPrivate: true})
	if enabled, err := NewDeliverer(w.store, w.journal, client, nil).Run(t.Context(), e.ID, nil); enabled || err != nil {
		t.Errorf("the endpoint is still to be told: %v, %v", enabled, err)
	}
	w.note("ord_1") // nobody wants to know
	w.queue()
	r.answers(nil)
	if _, err := w.store.Enable(t.Context(), "acme", e.ID); err != nil {
		t.Fatal(err)
	}
	w.deliver(e, w.allDelivered(e))
	wantAccepted(t, r, "ord_1", "ord_1:1")
}

func TestDeliver_RedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Policy{Timeout: 10 * time.Second, RetryFirst: time.Hour, RetryMax: time.Hour, GiveUpAfter: time.Hour})
	r, elsewhere := newReceiver(t), newReceiver(t)
	r.answers(func(w http.ResponseWriter, _ received) int {
		w.Header().Set("Location", elsewhere.URL)
		return http.StatusTemporaryRedirect
	})
	e, _ := w.endpoint("acme", "whe_1", r)
	w.place("acme", "ord_1")
	w.queue()
	w.deliver(e, func() bool { return w.latest(e).HTTPStatus != 0 })
	if got := w.latest(e); got.Status != "pending" || got.HTTPStatus != http.StatusTemporaryRedirect || len(elsewhere.all()) != 0 {
		t.Errorf("delivery %+v, and %d webhooks elsewhere", got, len(elsewhere.all()))
	}
}

func (w *world) latest(e Endpoint) Delivery {
	w.t.Helper()
	all, err := w.store.Deliveries(w.t.Context(), e.ID, "", 0, 1)
	if err != nil || len(all) == 0 {
		w.t.Fatalf("deliveries: %v, %v", all, err)
	}
	return all[0]
}

func TestDeliver_SlowReceiver_CountsAsFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Policy{Timeout: 50 * time.Millisecond, RetryFirst: time.Hour, RetryMax: time.Hour, GiveUpAfter: time.Hour})
	r := newReceiver(t)
	release := make(chan struct{})
	defer close(release)
	r.answers(func(http.ResponseWriter, received) int { <-release; return http.StatusOK })
	e, _ := w.endpoint("acme", "whe_1", r)
	w.place("acme", "ord_1")
	w.queue()
	w.deliver(e, func() bool { return w.latest(e).Detail != "" })
	if got := w.latest(e); got.Status != "pending" || got.HTTPStatus != 0 || got.Attempts != 1 {
		t.Errorf("delivery %+v", got)
	}
}

func TestDeliver_GivenUp_IsADeadLetter_ThatCanBeReplayed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brief)
	r := newReceiver(t)
	e, _ := w.endpoint("acme", "whe_1", r)
	w.place("acme", "ord_1")
	w.note("ord_1")
	w.queue()
	w.exec(`UPDATE webhook_deliveries SET queued_at = now() - interval '2 hours' WHERE version = 1`)
	r.answers(func(_ http.ResponseWriter, hook received) int {
		if hook.name() == "ord_1:1" {
			return http.StatusBadGateway
		}
		return http.StatusOK
	})
	w.deliver(e, w.allDelivered(e))
	wantAccepted(t, r, "ord_1", "ord_1:2") // the order goes on
	dead, err := w.store.Deliveries(t.Context(), e.ID, "dead", 0, 10)
	if err != nil || len(dead) != 1 || dead[0].Version != 1 || dead[0].HTTPStatus != http.StatusBadGateway {
		t.Fatalf("dead letters: %+v, %v", dead, err)
	}
	r.answers(nil)
	if _, err := w.store.Replay(t.Context(), e.ID, dead[0].ID); err != nil {
		t.Fatal(err)
	}
	w.deliver(e, w.allDelivered(e))
	wantAccepted(t, r, "ord_1", "ord_1:2", "ord_1:1")
}

func TestRotate_BothSecretsSign_UntilTheOverlapIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t, brief)
	r := newReceiver(t)
	e, old := w.endpoint("acme", "whe_1", r)
	_, current, err := w.store.Rotate(t.Context(), "acme", e.ID, "rotation-1")
	if err != nil || current == old {
		t.Fatalf("rotate: %v", err)
	}
	if _, again, err := w.store.Rotate(t.Context(), "acme", e.ID, "rotation-1"); err != nil || again != current {
		t.Errorf("the same rotation again gives another secret (%v)", err)
	}
	w.place("acme", "ord_1")
	w.queue()
	w.deliver(e, w.allDelivered(e))
	w.exec(`UPDATE webhook_endpoints SET previous_until = now()`)
	w.note("ord_1")
	w.queue()
	w.deliver(e, w.allDelivered(e))
	for i, want := range []map[string]bool{{old: true, current: true}, {old: false, current: true}} {
		for secret, valid := range want {
			oracle, err := standardwebhooks.NewWebhook(secret)
			if err != nil {
				t.Fatal(err)
			}
			hook := r.all()[i]
			if err := oracle.Verify(hook.body, hook.header); (err == nil) != valid {
				t.Errorf("webhook %d, the secret is the current one: %v: got %v, want it to be valid: %v", i, secret == current, err, valid)
			}
		}
	}
}
