package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

var everything = []string{"--all"}

func TestRoad_FromPostToClosed(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	placed := s.command(http.StatusCreated, "/v1/orders", wish{id: "ord_123"}.json())
	if placed.header.Get("Location") != "/v1/orders/ord_123" && !strings.HasSuffix(placed.header.Get("Location"), "/v1/orders/ord_123") {
		t.Errorf("Location: %q", placed.header.Get("Location"))
	}
	if placed.header.Get("X-Event-Version") == "" || placed.header.Get("ETag") == "" {
		t.Errorf("headers: %v", placed.header)
	}
	s.until("ord_123", "closed")
	s.wantLedger("payments", "ord_123", map[string]int{"authorize": 1, "capture": 1})
	s.wantLedger("stock", "ord_123", map[string]int{"reserve": 1, "commit": 1})
	s.wantLedger("shipments", "ord_123", map[string]int{"book": 1})

	var types []string
	for _, event := range list(s.get("/v1/orders/ord_123/events").body["events"]) {
		types = append(types, event["event_type"].(string))
	}
	want := []string{
		"OrderCreated", "FraudScreened", "StockReserved", "ShipmentPlanned", "PaymentAuthorized", "PaymentReceived", "ShipmentBooked",
		"ShipmentDispatched", "OrderShipped", "StockCommitted", "ShipmentDelivered", "OrderDelivered", "OrderClosed",
	}
	var road []string
	for _, each := range types {
		if slices.Contains(want, each) {
			road = append(road, each)
		}
	}
	slices.Sort(road)
	slices.Sort(want)
	if !slices.Equal(road, want) {
		t.Errorf("events: got %v, want each of %v once", types, want)
	}
	timeline, err := s.Run("timeline", "ord_123")
	if err != nil || !strings.Contains(timeline, "PaymentReceived") || !strings.Contains(timeline, "$104.98") {
		t.Errorf("timeline: %v\n%s", err, timeline)
	}
}

func TestTwoWarehouses_ShipInTwoParcels(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.place(wish{skus: []string{"SKU-1", "TWO-WAREHOUSES-1"}})
	done := s.until(id, "closed")
	if parcels := list(done["shipments"]); len(parcels) != 2 {
		t.Errorf("shipments: %v", parcels)
	}
	s.wantLedger("shipments", id, map[string]int{"book": 2})
}

func TestDecline_AsksForAnotherMethodAndGoesOn(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.place(wish{token: "tok_declined"})
	s.Await("the customer is asked", func() bool { return len(list(s.order(id)["actions"])) == 1 })
	s.command(http.StatusOK, "/v1/orders/"+id+"/payment-method", `{"method":"card","token":"tok_visa"}`)
	s.until(id, "closed")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
}

func TestDecline_ThreeTimes_Cancels(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.place(wish{token: "tok_declined"})
	for range 2 {
		s.Await("the customer is asked", func() bool { return len(list(s.order(id)["actions"])) == 1 })
		s.command(http.StatusOK, "/v1/orders/"+id+"/payment-method", `{"method":"card","token":"tok_insufficient_funds"}`)
	}
	s.until(id, "cancelled")
	s.wantLedger("payments", id, map[string]int{})
	s.wantLedger("stock", id, map[string]int{"reserve": 1, "release": 1})
}

func TestShortage_AsksTheCustomer(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.place(wish{skus: []string{"SKU-1", "OUT-OF-STOCK"}})
	s.Await("the customer is asked", func() bool { return len(list(s.order(id)["actions"])) == 1 })
	action := list(s.order(id)["actions"])[0]
	actionID := action["action_id"].(string)
	s.command(http.StatusUnprocessableEntity, "/v1/orders/"+id+"/respond", `{"action_id":"`+actionID+`","choice":"a-pony"}`)
	s.command(http.StatusOK, "/v1/orders/"+id+"/respond", `{"action_id":"`+actionID+`","choice":"ship_available"}`)
	done := s.until(id, "closed")
	if len(list(done["lines"])) != 1 {
		t.Errorf("lines: %v", done["lines"])
	}
}

func TestFraudReview_HoldsUntilReleased(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.place(wish{token: "tok_fraud_review"})
	s.Await("the order is held", func() bool { return len(list(s.order(id)["holds"])) == 1 })
	s.wantLedger("payments", id, map[string]int{})
	s.command(http.StatusOK, "/v1/orders/"+id+"/release", `{"code":"fraud_review","reason":"looked at"}`)
	s.until(id, "closed")
}
