package simulator_test

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orderly/gateway"
	"orderly/gateway/simulator"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func (w *world) wantEffects(ledger string, want ...string) {
	w.t.Helper()

	if want == nil {
		want = []string{}
	}

	if diff := cmp.Diff(want, w.effects(ledger, "o")); diff != "" {
		w.t.Errorf("ledger of %s (-want +got):\n%s", ledger, diff)
	}
}

func TestAuthorize_Tokens(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{SlowFor: time.Millisecond})

	for token, want := range map[string]string{
		"tok_visa": "ok", "tok_slow": "ok", "tok_expires": "ok", "tok_fraud_review": "ok", "tok_fraud_reject": "ok",
		"tok_declined":           "declined card_declined",
		"tok_insufficient_funds": "declined insufficient_funds",
		"tok_nonsense":           "declined invalid_token",
	} {
		_, err := w.authorize("authorize/"+token, token, 10)
		expect(t, token, err, want)
	}
}

func TestAuthorize_SlowToken_TakesItsTime(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{SlowFor: 100 * time.Millisecond})
	began := time.Now()

	_, err := w.authorize("a", "tok_slow", 10)
	expect(t, "authorize", err, "ok")

	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("took %s, want at least 100ms", took)
	}
}

func TestScreen_Tokens(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})

	for token, want := range map[string]string{
		"tok_visa": "clear", "tok_fraud_review": "review", "tok_fraud_reject": "reject",
	} {
		got, err := w.Screen(t.Context(), gateway.ScreenRequest{Key: "s", OrderID: "o", Token: token})
		if err != nil || got.Decision != want || got.Reference == "" {
			t.Errorf("Screen(%s) = %+v, %v, want %s", token, got, err, want)
		}
	}
}

func TestPayments_MoneyIsNeverCreated(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})

	auth, err := w.authorize("a1", "tok_visa", 100)
	expect(t, "authorize", err, "ok")

	_, err = w.capture("c0", auth.ProviderRef, 101)
	expect(t, "capture too much", err, "rejected amount_too_large")
	_, err = w.capture("c0", auth.ProviderRef, 101)
	expect(t, "the same again", err, "rejected amount_too_large")
	_, err = w.capture("cx", "auth_unknown", 1)
	expect(t, "capture of nothing", err, "rejected unknown_authorization")

	taken, err := w.capture("c1", auth.ProviderRef, 60)
	expect(t, "capture", err, "ok")
	_, err = w.capture("c2", auth.ProviderRef, 41)
	expect(t, "capture beyond the rest", err, "rejected amount_too_large")
	expect(t, "void after capture", w.void("v1", "a1"), "rejected already_captured")

	_, err = w.refund("r1", taken.ProviderRef, 50)
	expect(t, "refund", err, "ok")
	_, err = w.refund("r2", taken.ProviderRef, 11)
	expect(t, "refund beyond the rest", err, "rejected amount_too_large")
	_, err = w.refund("r3", auth.ProviderRef, 10)
	expect(t, "refund by the authorisation's name", err, "ok")

	w.wantEffects("payments", "authorize a1 100", "capture c1 60", "refund r1 50", "refund r3 10")
}

func TestPayments_Expires_OnlyTheFirst(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})
	first, _ := w.authorize("a1", "tok_expires", 100)
	_, err := w.capture("c1", first.ProviderRef, 100)
	expect(t, "first capture", err, "expired authorization_expired")

	second, err := w.authorize("a2", "tok_expires", 100)
	expect(t, "second authorisation", err, "ok")
	_, err = w.capture("c2", second.ProviderRef, 100)
	expect(t, "second capture", err, "ok")
	w.wantEffects("payments", "authorize a1 100", "authorize a2 100", "capture c2 100")
}

func TestUndo_BeforeTheEffect_BlocksTheKey(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})

	expect(t, "void", w.void("v", "a"), "ok")
	_, err := w.authorize("a", "tok_visa", 1)
	expect(t, "late authorise", err, "rejected key_blocked")
	_, err = w.authorize("a", "tok_visa", 1)
	expect(t, "late authorise again", err, "rejected key_blocked")

	expect(t, "release", w.release("rl", "rs"), "ok")
	_, err = w.reserve("rs", line("l1", "SKU-1", 1))
	expect(t, "late reserve", err, "rejected key_blocked")

	expect(t, "cancel", w.cancel("x", "ups", "b"), "ok")
	_, err = w.book("b", "ups", "shp_1", "78701")
	expect(t, "late book", err, "rejected key_blocked")
	_, err = w.book("b", "dhl", "shp_1", "78701")
	expect(t, "the same key at another carrier", err, "ok")

	w.wantEffects("payments")
	w.wantEffects("stock")
	w.wantEffects("shipments", "book b 1")
}

func TestUndo_Twice_HasOneEffect(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})

	auth, err := w.authorize("a", "tok_visa", 7)
	expect(t, "authorize", err, "ok")
	expect(t, "void", w.void("v1", "a"), "ok")
	expect(t, "void again", w.void("v1", "a"), "ok")
	expect(t, "void by another key", w.void("v2", "a"), "ok")
	_, err = w.capture("c", auth.ProviderRef, 7)
	expect(t, "capture", err, "rejected authorization_voided")
	w.wantEffects("payments", "authorize a 7", "void v1 7")

	_, err = w.book("b", "ups", "shp_1", "78701")
	expect(t, "book", err, "ok")
	expect(t, "cancel", w.cancel("x1", "ups", "b"), "ok")
	expect(t, "cancel again", w.cancel("x2", "ups", "b"), "ok")
	w.wantEffects("shipments", "book b 1", "cancel x1 1")
}

func TestStock_ReservedIsReleasedPlusCommitted(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})

	got, err := w.reserve("r", line("l1", "SKU-1", 5), line("l2", "TWO-WAREHOUSES-1", 3))
	expect(t, "reserve", err, "ok")

	want := []gateway.StockLine{
		{LineID: "l1", SKU: "SKU-1", Quantity: 5, Warehouse: "wh-1"},
		{LineID: "l2", SKU: "TWO-WAREHOUSES-1", Quantity: 3, Warehouse: "wh-2"},
	}
	if diff := cmp.Diff(want, got.Allocations); diff != "" || got.ID == "" {
		t.Errorf("reservation %q (-want +got):\n%s", got.ID, diff)
	}

	expect(t, "commit too much", w.commit("c0", "r", line("l1", "SKU-1", 6)), "rejected more_than_reserved")
	expect(t, "commit", w.commit("c1", "r", line("l1", "SKU-1", 4)), "ok")
	expect(t, "release a line", w.release("x1", "r", line("l2", "TWO-WAREHOUSES-1", 1)), "ok")
	expect(t, "release the rest", w.release("x2", "r"), "ok")
	expect(t, "release once more", w.release("x3", "r"), "ok")
	expect(t, "commit after release", w.commit("c2", "r", line("l1", "SKU-1", 1)), "rejected more_than_reserved")
	expect(t, "commit of nothing", w.commit("c3", "other", line("l1", "SKU-1", 1)), "rejected unknown_reservation")
	w.wantEffects("stock", "reserve r 8", "commit c1 4", "release x1 1", "release x2 3")
}

func TestStock_Shortage_ReservesNothing(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})
	want := gateway.Reservation{Missing: []gateway.StockLine{line("l2", "OUT-OF-STOCK", 2), line("l3", "OUT-OF-STOCK-7", 1)}}

	for range 2 {
		got, err := w.reserve("r", line("l1", "SKU-1", 5), line("l2", "OUT-OF-STOCK", 2), line("l3", "OUT-OF-STOCK-7", 1))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("error %v, reservation (-want +got):\n%s", err, diff)
		}
	}

	expect(t, "release", w.release("x", "r"), "ok")
	w.wantEffects("stock")
}

func TestStock_Restock_IsInTheLedger(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})
	body := `{"order_id":"o","lines":[{"line_id":"l1","sku":"SKU-1","quantity":2}]}`

	for range 2 {
		if status, answer := w.call(http.MethodPost, "/stock/restock", body); status != http.StatusOK {
			t.Fatalf("restock: %d %s", status, answer)
		}
	}

	w.wantEffects("stock", "restock direct 2")
}

func TestCarrier_Refusals(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})

	for _, carrier := range []string{"fedex", "ups", "dhl", "usps"} {
		_, err := w.book("b/"+carrier, carrier, "shp_1", "00000")
		expect(t, carrier, err, "address address_undeliverable")

		got, err := w.book("ok/"+carrier, carrier, "shp_"+carrier, "78701")
		if err != nil || got.Carrier != carrier || got.TrackingNumber == "" || got.LabelURL == "" || got.ETA.IsZero() {
			t.Errorf("Book(%s) = %+v, %v", carrier, got, err)
		}
	}

	_, err := w.book("b", "pigeon", "shp_1", "78701")
	expect(t, "pigeon", err, "rejected unknown_carrier")
	expect(t, "pigeon", w.cancel("x", "pigeon", "b"), "rejected unknown_carrier")
}

func TestKey_UsedForSomethingElse_IsRefused(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})
	first, err := w.authorize("k", "tok_visa", 10)
	expect(t, "authorize", err, "ok")
	_, err = w.authorize("k", "tok_visa", 11)
	expect(t, "another amount", err, "rejected idempotency_mismatch")
	_, err = w.capture("k", first.ProviderRef, 10)
	expect(t, "another operation", err, "rejected idempotency_mismatch")

	for quantity, want := range []int{http.StatusConflict, http.StatusUnprocessableEntity} {
		body := `{"order_id":"o","lines":[{"line_id":"l1","quantity":` + strconv.Itoa(quantity) + `}]}`
		if status, answer := w.call(http.MethodPost, "/stock/restock", body); status != want {
			t.Errorf("restock %s = %d %s, want %d", body, status, answer, want)
		}
	}

	again, err := w.authorize("k", "tok_visa", 10)
	if err != nil || again != first {
		t.Errorf("again = %+v, %v, want %+v", again, err, first)
	}

	w.wantEffects("payments", "authorize k 10")
}

func TestKey_ConcurrentRequests_HaveOneEffect(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{DataDir: t.TempDir()})

	var (
		group   sync.WaitGroup
		answers [50]gateway.PaymentResult
	)

	for i := range answers {
		group.Go(func() {
			var err error

			answers[i], err = w.authorize("a", "tok_visa", 10)
			expect(t, "authorize", err, "ok")
			_, err = w.book("b", "ups", "shp_1", "78701")
			expect(t, "book", err, "ok")
			_, err = w.reserve("r", line("l1", "SKU-1", 2))
			expect(t, "reserve", err, "ok")
		})
	}

	group.Wait()

	for _, a := range answers {
		if a != answers[0] {
			t.Errorf("answers differ: %+v and %+v", a, answers[0])
		}
	}

	w.wantEffects("payments", "authorize a 10")
	w.wantEffects("shipments", "book b 1")
	w.wantEffects("stock", "reserve r 2")
}

func TestLookup_TellsWhatHappened(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})
	paid, _ := w.authorize("a", "tok_visa", 10)
	_, _ = w.authorize("declined", "tok_declined", 10)
	held, _ := w.reserve("r", line("l1", "SKU-1", 2))
	booked, _ := w.book("b", "ups", "shp_1", "78701")

	gotPaid, ok, err := w.LookupPayment(t.Context(), "a")
	if err != nil || !ok || gotPaid != paid {
		t.Errorf("LookupPayment = %+v, %v, %v, want %+v", gotPaid, ok, err, paid)
	}

	gotHeld, ok, err := w.LookupReservation(t.Context(), "r")
	if diff := cmp.Diff(held, gotHeld); diff != "" || err != nil || !ok {
		t.Errorf("LookupReservation: %v, %v (-want +got):\n%s", ok, err, diff)
	}

	gotBooked, ok, err := w.LookupBooking(t.Context(), "ups", "b")
	if err != nil || !ok || gotBooked != booked {
		t.Errorf("LookupBooking = %+v, %v, %v, want %+v", gotBooked, ok, err, booked)
	}

	for _, key := range []string{"declined", "never", ""} {
		if _, ok, err := w.LookupPayment(t.Context(), key); ok || err != nil {
			t.Errorf("LookupPayment(%q) = %v, %v, want false", key, ok, err)
		}
	}

	if _, ok, err := w.LookupBooking(t.Context(), "dhl", "b"); ok || err != nil {
		t.Errorf("LookupBooking at another carrier = %v, %v, want false", ok, err)
	}
}

func TestControl_Errors(t *testing.T) {
	t.Parallel()

	w := start(t, simulator.Options{})

	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/nowhere", "", 404},
		{"GET", "/ledger/gold", "", 404},
		{"GET", "/livez", "", 200},
		{"GET", "/ledger/payments", "", 200},
		{"POST", "/payments/authorize", "{", 400},
		{"POST", "/payments/authorize", "{} {}", 400},
		{"POST", "/payments/authorize", `{"amount":"ten"}`, 400},
		{"POST", "/webhooks/replay", "no", 400},
		{"POST", "/webhooks/replay", `{"shipment_id":"shp_9"}`, 404},
		{"POST", "/webhooks/replay", `{"shipment_id":"shp_9","times":-1}`, 400},
		{"POST", "/webhooks/send", `{"shipment_id":"shp_9","status":"lost"}`, 404},
		{"POST", "/webhooks/send", `{"shipment_id":"shp_9"}`, 400},
		{"POST", "/webhooks/send", `{"shipment_id":"shp_9","status":"teleported"}`, 400},
		{"POST", "/fraud/screen", "null and void", 400},
		{"DELETE", "/faults/fault_9", "", 404},
	} {
		status, body := w.call(tt.method, tt.path, tt.body)
		if status != tt.want || (body[0] != '{' && body[0] != '[') {
			t.Errorf("%s %s %s = %d %s, want %d and JSON", tt.method, tt.path, tt.body, status, body, tt.want)
		}
	}
}
