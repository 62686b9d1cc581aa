package api

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"orderly/eventstore"
	"orderly/internal/webhook"
	"orderly/journal"
	"orderly/orchestrator"
	"orderly/order"
)

// ship brings an order as far as a booked parcel, and gives the parcel's id.
func (h *harness) ship(t *testing.T, orderID string) string {
	t.Helper()
	h.place(t, orderID)
	shipment := order.ShipmentID(orderID, 1)
	for i, body := range []order.Body{
		order.RecordScreening{Decision: "clear"},
		order.RecordReservation{Key: orderID + "/reserve/1", ReservationID: "res_1", Allocations: []order.Allocation{
			{LineID: "l1", SKU: "SKU-1", Quantity: 2, Warehouse: "east"},
		}},
		order.RecordAuthorization{Key: orderID + "/auth/1", ProviderRef: "pay_1", Amount: 10498},
		order.RecordCapture{Key: orderID + "/capture/1", ProviderRef: "pay_1", Amount: 10498},
		order.RecordBooking{ShipmentID: shipment, Key: shipment + "/book/1", Carrier: "fedex", TrackingNumber: "FX-" + orderID},
	} {
		h.apply(t, orderID, fmt.Sprintf("step/%d", i), body)
	}
	return shipment
}

// apply decides a command of the system's.
func (h *harness) apply(t *testing.T, orderID, id string, body order.Body) {
	t.Helper()
	command := order.Command{ID: id, Actor: order.Actor{Type: "system", ID: "test"}, Source: "workflow", Body: body}
	if _, err := h.journal.Apply(t.Context(), orderID, command); err != nil {
		t.Fatalf("%T: %v", body, err)
	}
}

// pass lets time pass, and what is due by then happen.
func (h *harness) pass(t *testing.T, orderID string, after time.Duration) {
	t.Helper()
	later := journal.New(eventstore.New(h.pool, eventstore.Options{}), testPolicy, journal.Options{
		Clock: func() time.Time { return time.Now().Add(after) },
	})
	if _, err := later.Apply(t.Context(), orderID, order.Command{ID: "deadline/1", Source: "workflow", Body: order.PassDeadline{}}); err != nil {
		t.Fatal(err)
	}
	if state, err := later.Load(t.Context(), orderID); err != nil || !state.Ended() {
		t.Fatalf("after %s the order is %s, %v", after, state.Status, err)
	}
}

// deliver posts a webhook, signed with a secret at a moment.
func (h *harness) deliver(t *testing.T, secret string, at time.Time, body string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/webhooks/carrier", strings.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	if secret != "" {
		if err := webhook.SetHeaders(request.Header, secret, "msg_1", at, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	answer := httptest.NewRecorder()
	h.Handler().ServeHTTP(answer, request)
	return answer
}

func scan(eventID, shipmentID, status string) string {
	return fmt.Sprintf(`{"event_id": %q, "shipment_id": %q, "status": %q, "at": %q, "location": "Austin"}`,
		eventID, shipmentID, status, time.Now().UTC().Format(time.RFC3339))
}

func TestCarrierWebhook_IsStoredOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	shipment := h.ship(t, "ord_1")
	for range 3 {
		answer := h.deliver(t, testSecret, time.Now(), scan("evt_1", shipment, "delivered"))
		wantStatus(t, answer, http.StatusOK)
		if got := decode[Stored](t, answer); got.Status != "stored" {
			t.Errorf("answer is %s", answer.Body)
		}
	}
	got := decode[Order](t, h.get(t, "/v1/orders/ord_1"))
	if got.Status != "delivered" || got.Fulfilment.State != "delivered" {
		t.Errorf("order is %s, %s", got.Status, got.Fulfilment.State)
	}
	last := h.orders.sent[len(h.orders.sent)-1]
	if last.ID != "carrier/evt_1" || last.Actor.Type != "carrier" || last.Actor.ID != "fedex" {
		t.Errorf("the last command is %+v", last)
	}
}

// The update was committed, and the worker died before its workflow heard of it. The carrier sends it again: without that the
// workflow would wait for news that have come already.
func TestCarrierWebhook_StoredButUnknownToTheWorkflow_IsToldAgain(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	shipment := h.ship(t, "ord_1")
	h.apply(t, "ord_1", "carrier/evt_1", order.RecordCarrierUpdate{EventID: "evt_1", ShipmentID: shipment, Status: "delivered", At: time.Now()})
	before := h.orders.count()
	wantStatus(t, h.deliver(t, testSecret, time.Now(), scan("evt_1", shipment, "delivered")), http.StatusOK)
	if h.orders.count() != before+1 || h.orders.sent[before].ID != "carrier/evt_1" {
		t.Errorf("the workflow was told %v", h.orders.sent[before:])
	}
	if got := decode[Order](t, h.get(t, "/v1/orders/ord_1")); got.Status != "delivered" {
		t.Errorf("order is %s", got.Status)
	}
}

// A closed order has no workflow to tell: carriers that repeat themselves must not start one.
func TestCarrierWebhook_StoredForAnEndedOrder_StartsNothing(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	shipment := h.ship(t, "ord_1")
	wantStatus(t, h.deliver(t, testSecret, time.Now(), scan("evt_1", shipment, "delivered")), http.StatusOK)
	h.apply(t, "ord_1", "step/commit", order.RecordCommit{Key: shipment + "/commit/1", ShipmentID: shipment})
	h.pass(t, "ord_1", testPolicy.CloseAfter)
	before := h.orders.count()
	wantStatus(t, h.deliver(t, testSecret, time.Now(), scan("evt_1", shipment, "delivered")), http.StatusOK)
	if h.orders.count() != before {
		t.Errorf("the workflow was told %v", h.orders.sent[before:])
	}
}

func TestCarrierWebhook_ThatIsNotSigned_IsRefused(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	shipment := h.ship(t, "ord_1")
	sent := h.orders.count()
	now := time.Now()
	body := scan("evt_1", shipment, "delivered")
	for name, answer := range map[string]*httptest.ResponseRecorder{
		"unsigned":                 h.deliver(t, "", now, body),
		"signed by somebody else":  h.deliver(t, "whsec_c29tZWJvZHkgZWxzZQ==", now, body),
		"recorded":                 h.deliver(t, testSecret, now.Add(-6*time.Minute), body),
		"from the future":          h.deliver(t, testSecret, now.Add(6*time.Minute), body),
		"unsigned, and not JSON":   h.deliver(t, "", now, "{"),
		"with an API key's header": h.do(t, ask{http.MethodPost, "/v1/webhooks/carrier", body, nil}),
	} {
		t.Log(name)
		wantProblem(t, answer, codeSignature)
	}
	if h.orders.count() != sent {
		t.Error("an update was taken")
	}
}

func TestCarrierWebhook_BadInput(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	shipment := h.ship(t, "ord_1")
	sent := h.orders.count()
	good := scan("evt_1", shipment, "delivered")
	for _, c := range []struct {
		name, body string
		code       Code
		pointer    string
	}{
		{"not JSON", "{", codeMalformed, none},
		{"no event id", strings.Replace(good, `"event_id": "evt_1",`, "", 1), codeInvalid, "/event_id"},
		{"no shipment", strings.Replace(good, `"shipment_id": "`+shipment+`",`, "", 1), codeInvalid, "/shipment_id"},
		{"unknown status", strings.Replace(good, "delivered", "eaten", 1), codeInvalid, "/status"},
		{"time without a zone", `{"event_id": "e", "shipment_id": "s", "status": "lost", "at": "2026-01-01T00:00:00"}`, codeInvalid, "/at"},
		{"time of the dinosaurs", `{"event_id": "e", "shipment_id": "s", "status": "lost", "at": "0001-01-01T00:00:00Z"}`, codeInvalid, "/at"},
		{"time to come", `{"event_id": "e", "shipment_id": "s", "status": "lost", "at": "2999-01-01T00:00:00Z"}`, codeInvalid, "/at"},
		{"unknown field", strings.Replace(good, `"status"`, `"colour": "red", "status"`, 1), codeInvalid, "/colour"},
		{"no such order", scan("evt_1", "shp_ord_9_1", "lost"), codeOrderNotFound, none},
		{"no such parcel", scan("evt_1", "shp_ord_1_9", "lost"), codeOrderNotFound, none},
		{"no id of a parcel", scan("evt_1", "parcel", "lost"), codeOrderNotFound, none},
		{"a path", scan("evt_1", "shp_../../x_1", "lost"), codeOrderNotFound, none},
		{"no such tracking number", strings.Replace(good, `"shipment_id": "`+shipment+`"`, `"tracking_number": "none"`, 1), codeOrderNotFound, none},
		{"too large", good + strings.Repeat(" ", maxWebhook), codeTooLarge, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			var pointers []string
			if c.pointer != none {
				pointers = []string{c.pointer}
			}
			wantProblem(t, h.deliver(t, testSecret, time.Now(), c.body), c.code, pointers...)
		})
	}
	if h.orders.count() != sent {
		t.Error("an update was sent on")
	}
}

func TestCarrierWebhook_InTrouble_IsSentAgain(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	shipment := h.ship(t, "ord_1")
	for _, err := range []error{orchestrator.ErrPending, &orchestrator.UnavailableError{Err: context.DeadlineExceeded}} {
		h.orders.answer = func(order.Command) error { return err }
		wantProblem(t, h.deliver(t, testSecret, time.Now(), scan("evt_1", shipment, "lost")), codeOrchestratorDown)
	}
	h.orders.answer = nil
	wantStatus(t, h.deliver(t, testSecret, time.Now(), scan("evt_1", shipment, "lost")), http.StatusOK)
}
