package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const noCarrier = `{"service":"carrier","operation":"book","mode":"unavailable","rate":1.0}`

func TestFailedShipment_Retry_Delivers(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.fault(noCarrier)
	id := s.place(wish{})
	attention := s.attention(id, "BookShipment")
	s.awaitReadModels()
	queue := s.get("/v1/attention")
	if entries := list(queue.body["attention"]); len(entries) != 1 || entries[0]["order_id"] != id {
		t.Errorf("GET /v1/attention: %s", queue.raw)
	}
	s.healFaults()
	path := "/v1/orders/" + id + "/attention/" + attention["attention_id"].(string)
	s.command(http.StatusOK, path+"/retry", `{"reason":"the carriers are back"}`)
	s.until(id, "closed")
	s.wantLedger("shipments", id, map[string]int{"book": 1})
	s.command(http.StatusConflict, path+"/retry", `{}`)
}

func TestFailedShipment_Reroute_Delivers(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.fault(`{"service":"carrier","operation":"book","mode":"reject","rate":1.0}`)
	id := s.place(wish{})
	s.attention(id, "BookShipment")
	s.healFaults()
	s.command(http.StatusOK, "/v1/orders/"+id+"/shipments/shp_"+id+"_1/reroute", `{"carrier":"usps","reason":"the others refuse"}`)
	done := s.until(id, "closed")
	if carrier := list(done["shipments"])[0]["carrier"]; carrier != "usps" {
		t.Errorf("carrier: %v", carrier)
	}
}

func TestFailedShipment_Resolve_TakesTheTrackingNumber(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.fault(`{"service":"carrier","operation":"book","mode":"reject","rate":1.0}`)
	id := s.place(wish{})
	attention := s.attention(id, "BookShipment")
	path := "/v1/orders/" + id + "/attention/" + attention["attention_id"].(string)
	s.command(http.StatusUnprocessableEntity, path+"/resolve", `{"reason":"by phone"}`)
	done := s.command(http.StatusOK, path+"/resolve", `{"reason":"by phone","external_ref":"PHONE-1"}`)
	if tracking := list(done.body["shipments"])[0]["tracking_number"]; tracking != "PHONE-1" {
		t.Errorf("tracking number: %v", tracking)
	}
}

func TestFailedShipment_Cancel_RefundsOnce(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.fault(noCarrier)
	id := s.place(wish{})
	s.attention(id, "BookShipment")
	s.command(http.StatusOK, "/v1/orders/"+id+"/cancel", `{"reason":"cannot be shipped"}`)
	s.until(id, "cancelled")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1, "refund": 1})
	s.wantLedger("stock", id, map[string]int{"reserve": 1, "release": 1})
	s.wantLedger("shipments", id, map[string]int{})
}

func TestBookingFails_NextCarrierIsTried(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.fault(`{"service":"carrier","carrier":"fedex","operation":"book","mode":"reject","rate":1.0}`)
	id := s.place(wish{})
	done := s.until(id, "closed")
	if carrier := list(done["shipments"])[0]["carrier"]; carrier != "ups" {
		t.Errorf("carrier: %v", carrier)
	}
}

func TestCapture_TimesOutAfterTheEffect_ChargesOnce(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_GATEWAY_TIMEOUT=1s")
	s.fault(`{"service":"payments","operation":"capture","mode":"timeout_after","rate":1.0,"times":1}`)
	id := s.place(wish{})
	s.until(id, "closed")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
}

func TestCancel_WhilePaying_UndoesExactly(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.fault(`{"service":"payments","operation":"capture","mode":"unavailable","rate":1.0}`)
	id := s.place(wish{})
	s.Await("the payment is authorised", func() bool {
		payment, _ := s.order(id)["payment"].(map[string]any)
		return payment["state"] == "authorized"
	})
	s.command(http.StatusOK, "/v1/orders/"+id+"/cancel", `{"reason":"changed my mind"}`)
	s.until(id, "cancelled")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "void": 1})
	s.wantLedger("stock", id, map[string]int{"reserve": 1, "release": 1})
}

// TestAuthorizationUnknown_AndNobodyCanTell_ParksAndIsFoundByItsKey: the money was set aside, the answer was lost, and the look-up
// is down until the tries are used up. An operator who tries again when the provider is back finds what had happened.
func TestAuthorizationUnknown_AndNobodyCanTell_ParksAndIsFoundByItsKey(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_AUTHORIZE_WITHIN=3s")
	s.fault(`{"service":"payments","operation":"authorize","mode":"timeout_after","rate":1.0}`)
	s.fault(`{"service":"payments","operation":"lookup","mode":"unavailable","rate":1.0}`)
	id := s.place(wish{})
	attention := s.attention(id, "AuthorizePayment")
	if allowed := fmt.Sprint(attention["allowed"]); attention["code"] != "unknown_outcome" || !strings.Contains(allowed, "retry") {
		t.Errorf("attention: %v", attention)
	}
	if payment, _ := s.order(id)["payment"].(map[string]any); payment["state"] != "unknown" {
		t.Errorf("payment: %v", payment)
	}
	s.wantLedger("payments", id, map[string]int{"authorize": 1})
	s.healFaults()
	s.command(http.StatusOK, "/v1/orders/"+id+"/attention/"+attention["attention_id"].(string)+"/retry", `{"reason":"the provider is back"}`)
	s.until(id, "closed")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
	for _, each := range []string{"PaymentOutcomeUnknown", "StepRetried", "PaymentAuthorized", "PaymentReceived"} {
		if got := s.count(id, each); got != 1 {
			t.Errorf("%s: %d times", each, got)
		}
	}
}
