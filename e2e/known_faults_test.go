package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"orderly/gateway/stripe/stripetest"
)

// What is known to go wrong in systems like this one. The tests here are named TestKnownFault; the others of the list are
// where their matter is:
//
//   - an order with nothing available: TestNothingAvailable_IsNotSentInPart
//   - a database outage longer than a step may take: TestDatabaseDown_LongerThanAStepMayTake_ParksAndGoesOn
//   - charged but unshippable: TestChargedButUnshippable_AnotherAddressOrTheMoneyBack
//   - a fraud service outage: TestFraudServiceDown_AnOperatorSkipsIt

func TestKnownFault_TotalOfSeveralLines_IsWhatIsCharged(t *testing.T) {
	t.Parallel()
	s, account := openWithStripe(t)
	placed := s.command(http.StatusCreated, "/v1/orders", `{"customer_id":"cust_456","currency":"USD","lines":[
		{"sku":"SKU-1","quantity":3,"unit_price":333,"tax":71,"discount":10},
		{"sku":"SKU-2","quantity":1,"unit_price":1999},
		{"sku":"SKU-3","quantity":7,"unit_price":1,"tax":1,"discount":3}],"shipping_fee":499,
		"ship_to":{"name":"A. Buyer","line1":"1 Main St","city":"Austin","region":"TX","postal_code":"78701","country":"US"},
		"payment":{"method":"card","token":"`+stripetest.Visa+`"},"shipping":{"service":"standard","carrier":"fedex"}}`)
	const total = (3*333 + 71 - 10) + 1999 + (7*1 + 1 - 3) + 499
	if got := number(placed.body["total"]); got != total {
		t.Errorf("total %d, want %d", got, total)
	}
	if done := s.until(placed.body["order_id"].(string), "closed"); number(done["captured"]) != total {
		t.Errorf("captured %v, want %d", done["captured"], total)
	}
	wantBalance(t, account, 0, total, 0)
}

func TestKnownFault_UnknownChoiceOfACustomer_ChangesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.place(wish{skus: []string{"SKU-1", "OUT-OF-STOCK"}})
	s.Await("the customer is asked, and told", func() bool { return s.count(id, "CustomerNotified") == 1 })
	s.awaitReadModels()
	before := s.order(id)
	action := list(before["actions"])[0]["action_id"].(string)
	for _, body := range []string{`{"action_id":"` + action + `","choice":"a-pony"}`, `{"action_id":"` + action + `","choice":""}`} {
		s.command(http.StatusUnprocessableEntity, "/v1/orders/"+id+"/respond", body)
	}
	s.command(http.StatusConflict, "/v1/orders/"+id+"/respond", `{"action_id":"act_99","choice":"cancel"}`)
	if after := s.order(id); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the order changed from\n%v\nto\n%v", before, after)
	}
	s.command(http.StatusOK, "/v1/orders/"+id+"/respond", `{"action_id":"`+action+`","choice":"cancel"}`)
	s.until(id, "cancelled")
}

func TestKnownFault_SecondPostWithAnotherBody_IsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	key := uuid.NewString()
	first, err := s.call(http.MethodPost, "/v1/orders", key, wish{}.json())
	if err != nil || first.status != http.StatusCreated {
		t.Fatalf("first: %d %s %v", first.status, first.raw, err)
	}
	id := first.body["order_id"].(string)
	second, err := s.call(http.MethodPost, "/v1/orders", key, wish{skus: []string{"SKU-1", "SKU-2"}}.json())
	if err != nil || second.status != http.StatusUnprocessableEntity || second.body["code"] != "idempotency_key_reused" {
		t.Errorf("another body: %d %s %v", second.status, second.raw, err)
	}
	done := s.until(id, "closed")
	if len(list(done["lines"])) != 1 || number(done["total"]) != number(first.body["total"]) {
		t.Errorf("the order is not the first one: %v", done)
	}
	if orders := list(s.get("/v1/orders").body["orders"]); len(orders) != 1 {
		t.Errorf("%d orders, want 1", len(orders))
	}
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
}
