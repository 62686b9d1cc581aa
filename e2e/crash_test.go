package e2e_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"
)

func TestSamePost_TwentyTimesAtOnce_OneOrderOneCharge(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	const senders = 20
	key, body := uuid.NewString(), wish{}.json()
	answers := make([]answer, senders)
	var group sync.WaitGroup
	for i := range senders {
		group.Go(func() {
			var err error
			if answers[i], err = s.call(http.MethodPost, "/v1/orders", key, body); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	ids := map[any]bool{}
	for _, a := range answers {
		switch {
		case a.status == http.StatusCreated:
			ids[a.body["order_id"]] = true
		case a.status == http.StatusConflict && a.body["code"] == "command_in_flight":
		default:
			t.Errorf("got %d %s", a.status, a.raw)
		}
	}
	if len(ids) != 1 {
		t.Fatalf("orders: %v", ids)
	}
	again, err := s.call(http.MethodPost, "/v1/orders", key, body)
	if err != nil || again.status != http.StatusCreated || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %d %v %v %s", again.status, again.header, err, again.raw)
	}
	for id := range ids {
		s.until(id.(string), "closed")
		s.wantLedger("payments", id.(string), map[string]int{"authorize": 1, "capture": 1})
	}
	s.awaitReadModels()
	if orders := list(s.get("/v1/orders").body["orders"]); len(orders) != 1 {
		t.Errorf("the list has %d orders", len(orders))
	}
}

func TestWorkerKilled_BetweenChargeAndItsEvent_ChargesOnceAndGoesOn(t *testing.T) {
	t.Parallel()
	s := open(t, []string{"--api", "--projector", "--worker"})
	// The provider charges and never tells: until it does, nothing but its ledger knows.
	s.fault(`{"service":"payments","operation":"capture","mode":"timeout_after","rate":1.0}`)
	s.fault(`{"service":"payments","operation":"lookup","mode":"unavailable","rate":1.0}`)
	id := s.place(wish{})
	s.Await("the charge", func() bool { return s.ledger("payments", id)["capture"] == 1 })
	s.Kill("--worker")
	if status := s.order(id)["status"]; status != "created" {
		t.Fatalf("status %v: the event was written before the worker died", status)
	}
	s.healFaults()
	s.StartRole("--worker")
	s.until(id, "closed")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
}

// TestWorkerKilled_BetweenChargeAndItsEvent_OrderHeld_TheChargeIsRecorded: looking a charge up does nothing new, so a hold does
// not keep it from the record.
func TestWorkerKilled_BetweenChargeAndItsEvent_OrderHeld_TheChargeIsRecorded(t *testing.T) {
	t.Parallel()
	s := open(t, []string{"--api", "--projector", "--worker"})
	s.fault(`{"service":"payments","operation":"capture","mode":"timeout_after","rate":1.0}`)
	s.fault(`{"service":"payments","operation":"lookup","mode":"unavailable","rate":1.0}`)
	id := s.place(wish{})
	s.Await("the charge", func() bool { return s.ledger("payments", id)["capture"] == 1 })
	s.command(http.StatusOK, "/v1/orders/"+id+"/hold", `{"code":"manual","reason":"look at it"}`)
	s.Kill("--worker")
	if got := s.count(id, "PaymentReceived"); got != 0 {
		t.Fatal("the event was written before the worker died")
	}
	s.healFaults()
	s.StartRole("--worker")
	s.happened(id, "PaymentReceived")
	if held := list(s.order(id)["holds"]); len(held) != 1 {
		t.Errorf("holds: %v", held)
	}
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
	s.wantLedger("shipments", id, nil)
	s.command(http.StatusOK, "/v1/orders/"+id+"/release", `{"code":"manual","reason":"it is fine"}`)
	s.until(id, "closed")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
}

func TestKillEverything_WithOrdersInFlight_AllAreDelivered(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	var ids []string
	for i := range 20 {
		ids = append(ids, s.place(wish{id: fmt.Sprintf("ord_%d", i)}))
	}
	s.Kill("--all")
	s.StartRole("--all")
	for _, id := range ids {
		s.until(id, "closed")
		s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
	}
}
