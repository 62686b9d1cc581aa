package simulator_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orderly/gateway"
	"orderly/gateway/simulator"
	"orderly/internal/webhook"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

type hook struct {
	EventID        string    `json:"event_id"`
	ShipmentID     string    `json:"shipment_id"`
	TrackingNumber string    `json:"tracking_number"`
	Status         string    `json:"status"`
	At             time.Time `json:"at"`
	Location       string    `json:"location"`
}

// receiver collects carrier webhooks; answer says what to answer to the n-th, 200 when nil.
type receiver struct {
	*httptest.Server

	mu     sync.Mutex
	hooks  []hook
	answer func(n int, h hook) int
}

func receive(t *testing.T, answer func(n int, h hook) int) *receiver {
	t.Helper()

	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		if err := webhook.Verify(secret, req.Header, body, time.Now()); err != nil {
			t.Errorf("signature: %v", err)
		}

		var h hook
		if err := json.Unmarshal(body, &h); err != nil || h.EventID != req.Header.Get("Webhook-Id") {
			t.Errorf("body %s: %v", body, err)
		}

		r.mu.Lock()
		r.hooks = append(r.hooks, h)
		status := http.StatusOK

		if r.answer != nil {
			status = r.answer(len(r.hooks), h)
		}
		r.mu.Unlock()
		w.WriteHeader(status)
	}))
	t.Cleanup(r.Close)

	return r
}

func (r *receiver) all() []hook {
	r.mu.Lock()
	defer r.mu.Unlock()

	return slices.Clone(r.hooks)
}

func (r *receiver) statuses() []string {
	list := []string{}
	for _, h := range r.all() {
		list = append(list, h.Status)
	}

	return list
}

func (r *receiver) options(transit time.Duration) simulator.Options {
	return simulator.Options{Transit: transit, WebhookURL: r.URL, WebhookSecret: secret}
}

func TestTransit_ReportsInOrder(t *testing.T) {
	t.Parallel()

	r := receive(t, nil)
	w := start(t, r.options(40*time.Millisecond))

	b, err := w.book("b", "ups", "shp_1", "78701")
	expect(t, "book", err, "ok")
	eventually(t, "three webhooks", func() bool { return len(r.all()) >= 3 })

	hooks := r.all()
	if diff := cmp.Diff([]string{"dispatched", "out_for_delivery", "delivered"}, r.statuses()); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}

	for _, h := range hooks {
		if h.ShipmentID != "shp_1" || h.TrackingNumber != b.TrackingNumber || h.Location == "" {
			t.Errorf("webhook %+v", h)
		}
	}

	if got := hooks[1].At.Sub(hooks[0].At); got != 20*time.Millisecond {
		t.Errorf("out for delivery after %s, want 20ms", got)
	}

	if got := hooks[2].At.Sub(hooks[0].At); got != 40*time.Millisecond {
		t.Errorf("delivered after %s, want 40ms", got)
	}

	expect(t, "cancel", w.cancel("x", "ups", "b"), "rejected already_dispatched")
}

func TestTransit_NotAccepted_IsRepeatedInOrder(t *testing.T) {
	t.Parallel()

	answers := []int{404, 503, 200, 409}
	r := receive(t, func(n int, _ hook) int {
		if n <= len(answers) {
			return answers[n-1]
		}

		return 200
	})
	w := start(t, r.options(time.Millisecond))
	_, err := w.book("b", "ups", "shp_1", "78701")
	expect(t, "book", err, "ok")
	eventually(t, "six webhooks", func() bool { return len(r.all()) >= 6 })

	want := []string{"dispatched", "dispatched", "dispatched", "out_for_delivery", "out_for_delivery", "delivered"}
	if diff := cmp.Diff(want, r.statuses()); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}

	ids := map[string]string{}

	for _, h := range r.all() {
		if first, ok := ids[h.Status]; ok && first != h.EventID {
			t.Errorf("%s has the ids %s and %s", h.Status, first, h.EventID)
		}

		ids[h.Status] = h.EventID
	}
}

func TestTransit_Cancelled_SendsNothing(t *testing.T) {
	t.Parallel()

	r := receive(t, nil)
	w := start(t, r.options(300*time.Millisecond))
	_, err := w.book("b1", "ups", "shp_1", "78701")
	expect(t, "book", err, "ok")
	expect(t, "cancel", w.cancel("x", "ups", "b1"), "ok")
	_, err = w.book("b2", "dhl", "shp_2", "78701")
	expect(t, "book another", err, "ok")
	eventually(t, "the other one arrives", func() bool { return len(r.all()) >= 3 })

	for _, h := range r.all() {
		if h.ShipmentID != "shp_2" {
			t.Errorf("webhook of a cancelled booking: %+v", h)
		}
	}
}

func TestTransit_ManyParcels_ArriveInTime(t *testing.T) {
	t.Parallel()

	const parcels = 1000

	r := receive(t, nil)
	w := start(t, r.options(20*time.Millisecond))

	var group sync.WaitGroup

	for worker := range 10 {
		group.Go(func() {
			for i := worker; i < parcels; i += 10 {
				id := strconv.Itoa(i)
				_, err := w.book("b"+id, "ups", "shp_"+id, "78701")
				expect(t, "book", err, "ok")
			}
		})
	}

	group.Wait()
	eventually(t, "all webhooks", func() bool { return len(r.all()) >= 3*parcels })

	seen := map[string][]string{}
	for _, h := range r.all() {
		seen[h.ShipmentID] = append(seen[h.ShipmentID], h.Status)
	}

	for id, statuses := range seen {
		if !slices.Equal(statuses, []string{"dispatched", "out_for_delivery", "delivered"}) {
			t.Errorf("%s: %v", id, statuses)
		}
	}
}

func TestRestart_KeepsEverything(t *testing.T) {
	t.Parallel()

	var accept sync.Map

	r := receive(t, func(_ int, h hook) int {
		if _, ok := accept.Load(h.Status); ok {
			return 200
		}

		return 503
	})
	accept.Store("dispatched", true)

	opts := r.options(20 * time.Millisecond)
	opts.DataDir = t.TempDir()
	w := start(t, opts)

	paid, err := w.authorize("a", "tok_expires", 10)
	expect(t, "authorize", err, "ok")
	_, err = w.authorize("d", "tok_declined", 10)
	expect(t, "declined", err, "declined card_declined")
	expect(t, "block", w.void("v", "late"), "ok")
	held, err := w.reserve("r", line("l1", "SKU-1", 3))
	expect(t, "reserve", err, "ok")
	expect(t, "commit", w.commit("c", "r", line("l1", "SKU-1", 1)), "ok")
	_, err = w.book("b", "ups", "shp_1", "78701")
	expect(t, "book", err, "ok")
	eventually(t, "out for delivery", func() bool { return slices.Contains(r.statuses(), "out_for_delivery") })

	before := map[string][]string{}
	for _, ledger := range []string{"payments", "stock", "shipments"} {
		before[ledger] = w.effects(ledger, "")
	}

	w.stop()
	accept.Store("out_for_delivery", true)
	accept.Store("delivered", true)

	w = start(t, opts)
	for ledger, want := range before {
		if diff := cmp.Diff(want, w.effects(ledger, "")); diff != "" || len(want) == 0 {
			t.Errorf("%s (-before +after):\n%s", ledger, diff)
		}
	}

	again, err := w.authorize("a", "tok_expires", 10)
	if err != nil || again != paid {
		t.Errorf("authorize again = %+v, %v, want %+v", again, err, paid)
	}

	_, err = w.authorize("a", "tok_visa", 10)
	expect(t, "mismatch", err, "rejected idempotency_mismatch")
	_, err = w.authorize("d", "tok_declined", 10)
	expect(t, "declined again", err, "declined card_declined")
	_, err = w.authorize("late", "tok_visa", 10)
	expect(t, "blocked", err, "rejected key_blocked")
	_, err = w.capture("cap", paid.ProviderRef, 10)
	expect(t, "expired", err, "expired authorization_expired")

	found, ok, err := w.LookupReservation(t.Context(), "r")
	if diff := cmp.Diff(held, found); diff != "" || !ok || err != nil {
		t.Errorf("LookupReservation: %v, %v (-want +got):\n%s", ok, err, diff)
	}

	expect(t, "release the rest", w.release("x", "r"), "ok")
	w.wantEffects("stock", "reserve r 3", "commit c 1", "release x 2")

	eventually(t, "delivered", func() bool { return slices.Contains(r.statuses(), "delivered") })

	ids := map[string]string{}
	for _, h := range r.all() {
		if ids[h.Status] != "" && ids[h.Status] != h.EventID {
			t.Errorf("the id of %s changed over the restart", h.Status)
		}

		ids[h.Status] = h.EventID
	}
}

// TestKilled_ForgetsNothingItAnsweredFor starts on a copy of the journal of a simulator that was never closed: what
// is in the file the moment the answer is there is all that a kill leaves.
func TestKilled_ForgetsNothingItAnsweredFor(t *testing.T) {
	t.Parallel()

	dir, copied := t.TempDir(), t.TempDir()
	w := start(t, simulator.Options{DataDir: dir})

	for n := range 20 {
		_, err := w.authorize("a"+itoa(int64(n)), "tok_visa", 10)
		expect(t, "authorize", err, "ok")
	}

	want := w.effects("payments", "o")

	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}

	w = start(t, simulator.Options{DataDir: copied})
	w.wantEffects("payments", want...)
}

func TestJournal_HoldsNoAddressAndNoToken(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	w := start(t, simulator.Options{DataDir: dir})

	_, err := w.authorize("a", "tok_visa", 10)
	expect(t, "authorize", err, "ok")
	_, err = w.Book(t.Context(), gateway.BookRequest{
		Key: "b", OrderID: "o", ShipmentID: "shp_1", Carrier: "ups",
		ShipTo: gateway.Address{Name: "Ada Buyer", Line1: "1 Main St", PostalCode: "78701", Email: "ada@example.com"},
	})
	expect(t, "book", err, "ok")

	kept, err := os.ReadFile(filepath.Join(dir, "journal.jsonl"))
	if err != nil || len(kept) == 0 {
		t.Fatalf("the journal: %d bytes, %v", len(kept), err)
	}

	for _, secret := range []string{"tok_visa", "Ada Buyer", "1 Main St", "78701", "ada@example.com"} {
		if bytes.Contains(kept, []byte(secret)) {
			t.Errorf("%q is on disk", secret)
		}
	}
}

// TestTransit_SlowReceiver_HoldsUpItsOwnParcelAlone never answers for one parcel until the others have arrived.
func TestTransit_SlowReceiver_HoldsUpItsOwnParcelAlone(t *testing.T) {
	t.Parallel()

	const others = 100

	var arrived atomic.Int32

	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		var h hook
		if err := json.NewDecoder(req.Body).Decode(&h); err != nil {
			t.Errorf("body: %v", err)
		}

		_, _ = io.Copy(io.Discard, req.Body)

		if h.ShipmentID == "shp_slow" {
			select {
			case <-done:
			case <-req.Context().Done():
			}

			return
		}

		if h.Status == "delivered" && arrived.Add(1) == others {
			close(done)
		}
	}))
	t.Cleanup(server.Close)

	w := start(t, simulator.Options{Transit: time.Millisecond, WebhookURL: server.URL, WebhookSecret: secret})
	_, err := w.book("slow", "ups", "shp_slow", "78701")
	expect(t, "book", err, "ok")

	for n := range others {
		id := strconv.Itoa(n)
		_, err := w.book(id, "ups", "shp_"+id, "78701")
		expect(t, "book", err, "ok")
	}

	// Less than the webhook's own time limit, so that it is not this that lets the others through.
	select {
	case <-done:
	case <-time.After(9 * time.Second):
		t.Errorf("%d of %d parcels arrived", arrived.Load(), others)
	}
}

func TestReplay_SendsTheSameEventsAgain(t *testing.T) {
	t.Parallel()

	r := receive(t, nil)
	w := start(t, r.options(time.Millisecond))
	_, err := w.book("b", "ups", "shp_1", "78701")
	expect(t, "book", err, "ok")
	eventually(t, "three webhooks", func() bool { return len(r.all()) >= 3 })

	status, body := w.call(http.MethodPost, "/webhooks/replay", `{"shipment_id":"shp_1"}`)
	if status != http.StatusAccepted || body != `{"count":3}` {
		t.Errorf("replay = %d %s", status, body)
	}

	eventually(t, "three again", func() bool { return len(r.all()) >= 6 })

	if hooks := r.all(); !slices.Equal(hooks[:3], hooks[3:6]) {
		t.Errorf("replayed %+v", hooks)
	}

	status, body = w.call(http.MethodPost, "/webhooks/replay", `{"shipment_id":"shp_1","times":5,"shuffle":true}`)
	if status != http.StatusAccepted || body != `{"count":15}` {
		t.Errorf("shuffled replay = %d %s", status, body)
	}

	eventually(t, "fifteen more", func() bool { return len(r.all()) >= 21 })

	counts := map[string]int{}
	for _, h := range r.all() {
		counts[h.EventID]++
	}

	for id, n := range counts {
		if n != 7 {
			t.Errorf("%s came %d times, want 7", id, n)
		}
	}
}

func TestSend_TransitOff_ReportsWhatOneAsksFor(t *testing.T) {
	t.Parallel()

	r := receive(t, func(_ int, h hook) int {
		if h.Status == "lost" {
			return 409
		}

		return 200
	})
	w := start(t, r.options(0))
	_, err := w.book("b", "ups", "shp_1", "78701")
	expect(t, "book", err, "ok")

	for status, want := range map[string]int{"dispatched": 200, "lost": 409} {
		got, body := w.call(http.MethodPost, "/webhooks/send", `{"shipment_id":"shp_1","status":"`+status+`"}`)
		if got != want {
			t.Errorf("send %s = %d %s, want %d", status, got, body, want)
		}
	}

	if got := len(r.all()); got != 2 {
		t.Errorf("%d webhooks, want each sent once", got)
	}

	expect(t, "cancel", w.cancel("x", "ups", "b"), "rejected already_dispatched")

	var list []struct {
		ShipmentID string `json:"shipment_id"`
		Events     []hook `json:"events"`
	}
	w.get("/shipments?order_id=o", &list)

	if len(list) != 1 || list[0].ShipmentID != "shp_1" || len(list[0].Events) != 2 {
		t.Errorf("shipments = %+v", list)
	}

	r.Close()

	if got, body := w.call(http.MethodPost, "/webhooks/send", `{"shipment_id":"shp_1","status":"delivered"}`); got != http.StatusBadGateway {
		t.Errorf("send to nobody = %d %s, want 502", got, body)
	}
}

func TestNew_BadSecret_IsAnError(t *testing.T) {
	t.Parallel()

	if _, err := simulator.New(simulator.Options{WebhookURL: "http://127.0.0.1:1", WebhookSecret: "?"}); err == nil {
		t.Error("New accepted it")
	}
}
