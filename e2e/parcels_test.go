package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"orderly/internal/testkit"
	"orderly/internal/webhook"
)

// parcel is a shipment of an order, counted from 1.
func (s shop) parcel(id string, number int) map[string]any {
	s.t.Helper()
	for _, shipment := range list(s.order(id)["shipments"]) {
		if shipment["shipment_id"] == parcelID(id, number) {
			return shipment
		}
	}
	return nil
}

func parcelID(order string, number int) string { return fmt.Sprintf("shp_%s_%d", order, number) }

// parcelIs waits until a parcel has a status.
func (s shop) parcelIs(id string, number int, status string) {
	s.t.Helper()
	s.Await(fmt.Sprintf("parcel %d of %s is %s", number, id, status), func() bool { return s.parcel(id, number)["status"] == status })
}

// twoParcels is an order of two lines from two warehouses, both booked; each is worth 9998 and half of the 500 of shipping.
func (s shop) twoParcels() string {
	s.t.Helper()
	id := s.place(wish{skus: []string{"SKU-1", "TWO-WAREHOUSES-1"}})
	s.parcelIs(id, 1, "booked")
	s.parcelIs(id, 2, "booked")
	return id
}

func (s shop) wantRefunded(id string, want string) {
	s.t.Helper()
	s.Await("the refund is "+want, func() bool { return fmt.Sprint(s.order(id)["refunded"]) == want })
}

func (s shop) cancelParcel(id string, number int) {
	s.t.Helper()
	s.command(http.StatusOK, "/v1/orders/"+id+"/cancel", fmt.Sprintf(`{"reason":"not wanted","shipment_ids":[%q]}`, parcelID(id, number)))
}

func TestTwoParcels_OneCannotBeBooked_IsRefundedAndTheOtherDelivered(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff, "ORDERLY_ATTENTION_GIVE_UP_AFTER=2s", "ORDERLY_ATTENTION_RETRY_EVERY=1h")
	s.fault(`{"service":"carrier","operation":"book","mode":"reject","rate":1.0}`)
	id := s.place(wish{skus: []string{"SKU-1", "TWO-WAREHOUSES-1"}})
	s.attention(id, "BookShipment")
	s.Await("both wait", func() bool { return len(list(s.order(id)["attention"])) == 2 })
	s.healFaults()
	s.command(http.StatusOK, "/v1/orders/"+id+"/shipments/"+parcelID(id, 2)+"/reroute", `{"carrier":"dhl","reason":"they take it"}`)
	s.parcelIs(id, 2, "booked")
	s.parcelIs(id, 1, "cancelled")
	s.wantRefunded(id, "10248")
	s.scanParcel(id, 2, "delivered")
	s.until(id, "closed")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1, "refund": 1})
	s.wantLedger("shipments", id, map[string]int{"book": 1})
}

func TestTwoParcels_OneIsCancelled_TheOtherGoesOn(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff)
	id := s.twoParcels()
	s.cancelParcel(id, 2)
	s.parcelIs(id, 2, "cancelled")
	s.wantRefunded(id, "10248")
	s.scanParcel(id, 1, "delivered")
	s.until(id, "closed")
	s.wantLedger("shipments", id, map[string]int{"book": 2, "cancel": 1})
	s.wantLedger("stock", id, map[string]int{"reserve": 1, "release": 1, "commit": 1})
	s.command(http.StatusUnprocessableEntity, "/v1/orders/"+id+"/cancel", `{"reason":"x","shipment_ids":[]}`)
}

func TestTwoParcels_BothAreCancelled_OneByOne_TheOrderIs(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff)
	id := s.twoParcels()
	s.cancelParcel(id, 1)
	s.parcelIs(id, 1, "cancelled")
	s.cancelParcel(id, 2)
	done := s.until(id, "cancelled")
	if fmt.Sprint(done["refunded"]) != fmt.Sprint(done["captured"]) {
		t.Errorf("captured %v, refunded %v", done["captured"], done["refunded"])
	}
}

func TestParcel_RejectedByAllCarriers_LeavesFromAnotherWarehouse(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_CARRIERS=fedex")
	s.fault(`{"service":"carrier","operation":"book","mode":"reject","rate":1.0,"times":1}`)
	id := s.place(wish{})
	s.until(id, "closed")
	if warehouse := s.parcel(id, 1)["warehouse"]; warehouse != "wh-2" {
		t.Errorf("it left from %v", warehouse)
	}
	s.wantLedger("stock", id, map[string]int{"reserve": 2, "release": 1, "commit": 1})
}

func TestParcel_RerouteToAnotherWarehouse(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.fault(noCarrier)
	id := s.place(wish{})
	s.attention(id, "BookShipment")
	path := "/v1/orders/" + id + "/shipments/" + parcelID(id, 1) + "/reroute"
	s.command(http.StatusUnprocessableEntity, path, `{"warehouse":"wh-1","reason":"it is there"}`)
	s.healFaults()
	s.command(http.StatusOK, path, `{"warehouse":"wh-2","reason":"nearer"}`)
	s.until(id, "closed")
	if warehouse := s.parcel(id, 1)["warehouse"]; warehouse != "wh-2" {
		t.Errorf("it left from %v", warehouse)
	}
	s.wantLedger("stock", id, map[string]int{"reserve": 2, "release": 1, "commit": 1})
}

func TestParcel_Lost_IsSentAgain(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff)
	id := s.place(wish{})
	s.parcelIs(id, 1, "booked")
	s.scanParcel(id, 1, "lost")
	attention := s.attention(id, "AwaitDelivery")
	if attention["code"] != "lost" || !slices.Contains(attention["allowed"].([]any), any("retry")) {
		t.Errorf("attention: %v", attention)
	}
	s.command(http.StatusOK, fmt.Sprintf("/v1/orders/%s/attention/%s/retry", id, attention["attention_id"]), `{"reason":"send it again"}`)
	s.parcelIs(id, 2, "booked")
	if second := s.parcel(id, 2); second["replaces"] != parcelID(id, 1) {
		t.Errorf("second parcel: %v", second)
	}
	s.scanParcel(id, 2, "delivered")
	s.until(id, "closed")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
	s.wantLedger("stock", id, map[string]int{"reserve": 2, "commit": 2})
}

func TestParcel_Lost_IsPaidBack(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff, "ORDERLY_FAILED_PARCEL=refund")
	id := s.twoParcels()
	s.scanParcel(id, 1, "lost")
	s.wantRefunded(id, "10248")
	s.scanParcel(id, 2, "delivered")
	s.until(id, "closed")
	if lost := s.parcel(id, 1); lost["status"] != "lost" || lost["settled"] != "refunded" {
		t.Errorf("the lost parcel: %v", lost)
	}
}

func TestParcel_ReturnedToSender_IsPaidBackAndRestocked(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff)
	id := s.place(wish{})
	s.parcelIs(id, 1, "booked")
	s.scanParcel(id, 1, "return_to_sender")
	s.attention(id, "AwaitDelivery")
	s.cancelParcel(id, 1)
	s.until(id, "cancelled")
	s.scanParcel(id, 1, "returned")
	s.Await("the goods are in the stock again", func() bool { return s.ledger("stock", id)["restock"] == 1 })
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1, "refund": 1})
	s.wantLedger("stock", id, map[string]int{"reserve": 1, "commit": 1, "restock": 1})
}

func TestParcel_SilentForTooLong_IsLost(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff, "ORDERLY_TRANSIT_WITHIN=1s", "ORDERLY_LOST_AFTER=3s")
	id := s.place(wish{})
	s.parcelIs(id, 1, "booked")
	s.scanParcel(id, 1, "dispatched")
	if code := s.attention(id, "AwaitDelivery")["code"]; code != "stalled_in_transit" && code != "lost" {
		t.Errorf("attention: %v", code)
	}
	s.parcelIs(id, 1, "lost")
}

// TestCarriersNews_ShuffledAndDoubled: whatever the order in which they come, the order ends the same.
func TestCarriersNews_ShuffledAndDoubled(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff)
	id := s.place(wish{})
	s.parcelIs(id, 1, "booked")
	for _, status := range []string{"out_for_delivery", "attempt_failed", "dispatched", "lost"} {
		s.scanParcel(id, 1, status)
	}
	body := fmt.Sprintf(`{"shipment_id":%q,"times":3,"shuffle":true}`, parcelID(id, 1))
	response, err := http.Post(s.SimulatorURL+"/webhooks/replay", "application/json", bytes.NewBufferString(body))
	if err != nil || response.StatusCode/100 != 2 {
		t.Fatalf("replay: %v %v", response, err)
	}
	_ = response.Body.Close()
	s.scanParcel(id, 1, "delivered")
	s.until(id, "closed")
	if got := s.count(id, "ShipmentLost"); got != 1 {
		t.Errorf("it was lost %d times", got)
	}
	s.Await("what came late is recorded as nothing but notes", func() bool { return s.order(id)["status"] == "closed" })
	s.scanParcel(id, 1, "lost")
	if status := s.parcel(id, 1)["status"]; status != "delivered" {
		t.Errorf("after the end: %v", status)
	}
}

// tell posts a carrier's news as the carrier does, and gives the answer.
func (s shop) tell(eventID, shipmentID, status string) answer {
	s.t.Helper()
	body := fmt.Sprintf(`{"event_id":%q,"shipment_id":%q,"status":%q,"at":%q}`, eventID, shipmentID, status, time.Now().UTC().Format(time.RFC3339))
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL+"/v1/webhooks/carrier", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if err := webhook.SetHeaders(request.Header, testkit.WebhookSecret, eventID, time.Now(), []byte(body)); err != nil {
		s.t.Fatal(err)
	}
	a, err := s.exchange(request)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// TestCarrierWebhook_BeforeItsParcelIsBooked_CountsWhenToldAgain: the parcel was booked, and the carrier has it, before we have
// recorded the booking.
func TestCarrierWebhook_BeforeItsParcelIsBooked_CountsWhenToldAgain(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff)
	s.fault(noCarrier)
	id := s.place(wish{})
	s.attention(id, "BookShipment")
	if early := s.tell("evt_1", parcelID(id, 1), "dispatched"); early.status != http.StatusConflict || early.body["code"] != "not_allowed_now" {
		t.Fatalf("before the booking: %d %s", early.status, early.raw)
	}
	s.healFaults()
	s.command(http.StatusOK, "/v1/orders/"+id+"/attention/att_1/retry", `{"reason":"the carriers are back"}`)
	s.parcelIs(id, 1, "booked")
	if again := s.tell("evt_1", parcelID(id, 1), "dispatched"); again.status != http.StatusOK {
		t.Fatalf("after the booking: %d %s", again.status, again.raw)
	}
	s.parcelIs(id, 1, "dispatched")
	s.scan(id, "delivered")
	s.until(id, "closed")
}
