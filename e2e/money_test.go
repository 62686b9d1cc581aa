package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// happened waits until an event of this type is in an order's stream.
func (s shop) happened(id, eventType string) {
	s.t.Helper()
	s.Await(id+" has "+eventType, func() bool { return s.count(id, eventType) > 0 })
}

func (s shop) count(id, eventType string) int {
	s.t.Helper()
	count := 0
	for _, event := range list(s.get("/v1/orders/" + id + "/events").body["events"]) {
		if event["event_type"] == eventType {
			count++
		}
	}
	return count
}

// stuck is an order whose parcel no carrier takes for now: it is paid, and waits for an operator.
func (s shop) stuck() string {
	s.t.Helper()
	s.fault(noCarrier)
	id := s.place(wish{})
	s.attention(id, "BookShipment")
	return id
}

// TestCancel_AtEachStep_UndoesExactly stops an order at each step in turn, cancels it there, and compares what was undone
// with what was done.
func TestCancel_AtEachStep_UndoesExactly(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	for _, at := range []struct {
		fault, after               string
		payments, stock, shipments map[string]int
	}{
		{`"fraud","operation":"screen"`, "OrderCreated", nil, nil, nil},
		{`"stock","operation":"reserve"`, "FraudScreened", nil, nil, nil},
		{`"payments","operation":"authorize"`, "StockReserved", nil, map[string]int{"reserve": 1, "release": 1}, nil},
		{`"payments","operation":"capture"`, "PaymentAuthorized", map[string]int{"authorize": 1, "void": 1}, map[string]int{"reserve": 1, "release": 1}, nil},
		{`"carrier","carrier":"fedex","operation":"book"`, "PaymentReceived", map[string]int{"authorize": 1, "capture": 1, "refund": 1}, map[string]int{"reserve": 1, "release": 1}, nil},
	} {
		s.fault(`{"service":` + at.fault + `,"mode":"rate_limit","rate":1.0}`)
		id := s.place(wish{})
		s.happened(id, at.after)
		s.command(http.StatusOK, "/v1/orders/"+id+"/cancel", `{"reason":"changed my mind"}`)
		s.healFaults()
		s.until(id, "cancelled")
		s.wantLedger("payments", id, at.payments)
		s.wantLedger("stock", id, at.stock)
		s.wantLedger("shipments", id, at.shipments)
	}
}

// TestCancel_WhenBooked_TakesTheParcelBack: the last step before nothing can be undone any more.
func TestCancel_WhenBooked_TakesTheParcelBack(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.fault(`{"service":"carrier","operation":"book","mode":"rate_limit","rate":1.0}`)
	id := s.place(wish{skus: []string{"SKU-1", "TWO-WAREHOUSES-1"}})
	s.happened(id, "PaymentReceived")
	s.command(http.StatusOK, "/v1/orders/"+id+"/hold", `{"code":"manual","reason":"wait"}`)
	s.healFaults()
	s.fault(`{"service":"carrier","operation":"cancel","mode":"timeout_after","rate":1.0,"times":1}`)
	s.command(http.StatusOK, "/v1/orders/"+id+"/cancel", `{"reason":"changed my mind"}`)
	s.until(id, "cancelled")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1, "refund": 1})
	s.wantLedger("stock", id, map[string]int{"reserve": 1, "release": 1})
	if got := s.ledger("shipments", id); got["book"] != got["cancel"] {
		t.Errorf("shipments: %v", got)
	}
}

func TestRefundRefused_StaysCancellingUntilItIsWaived(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.stuck()
	s.fault(`{"service":"payments","operation":"refund","mode":"reject","rate":1.0}`)
	s.command(http.StatusOK, "/v1/orders/"+id+"/cancel", `{"reason":"cannot be shipped"}`)
	attention := s.attention(id, "RefundPayment")
	if allowed := fmt.Sprint(attention["allowed"]); allowed != "[retry resolve waive]" {
		t.Errorf("allowed: %s", allowed)
	}
	if status := s.order(id)["status"]; status != "cancelling" {
		t.Errorf("status: %v", status)
	}
	path := "/v1/orders/" + id + "/attention/" + attention["attention_id"].(string)
	s.command(http.StatusUnprocessableEntity, path+"/waive", `{}`)
	s.command(http.StatusOK, path+"/waive", `{"reason":"the card is closed, paid by transfer","external_ref":"FIN-7"}`)
	done := s.until(id, "cancelled")
	if fmt.Sprintf("%v %v", done["captured"], done["refunded"]) != "10498 0" {
		t.Errorf("captured %v, refunded %v", done["captured"], done["refunded"])
	}
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
	s.wantLedger("stock", id, map[string]int{"reserve": 1, "release": 1})
	for _, each := range []string{"CompensationStarted", "RefundFailed", "CompensationFailed", "CompensationWaived", "CompensationCompleted", "OrderCancelled"} {
		if got := s.count(id, each); got != 1 {
			t.Errorf("%s: %d times", each, got)
		}
	}
}

func TestRefundRefused_RetriedLater_IsPaidOnce(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.stuck()
	s.fault(`{"service":"payments","operation":"refund","mode":"reject","rate":1.0,"times":1}`)
	s.command(http.StatusOK, "/v1/orders/"+id+"/cancel", `{"reason":"cannot be shipped"}`)
	attention := s.attention(id, "RefundPayment")
	s.command(http.StatusOK, "/v1/orders/"+id+"/attention/"+attention["attention_id"].(string)+"/retry", `{"reason":"the bank said so"}`)
	s.until(id, "cancelled")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1, "refund": 1})
}

func TestGoodwillRefund_EachKeyIsARefund_NeverMoreThanWasTaken(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.stuck()
	path := "/v1/orders/" + id + "/refunds"
	for range 2 { // the same request, sent again under its key
		if a, err := s.call(http.MethodPost, path, "goodwill-1", `{"amount":1000,"reason":"sorry"}`); err != nil || a.status != http.StatusOK {
			t.Fatalf("refund: %v %v", a, err)
		}
	}
	s.command(http.StatusOK, path, `{"amount":1000,"reason":"sorry"}`)
	s.command(http.StatusUnprocessableEntity, path, `{"amount":8499,"reason":"too much"}`)
	s.command(http.StatusUnprocessableEntity, path, `{"amount":1000}`)
	s.Await("both are paid", func() bool { return fmt.Sprint(s.order(id)["refunded"]) == "2000" })
	if refunds := list(s.order(id)["refunds"]); len(refunds) != 2 || refunds[1]["state"] != "issued" {
		t.Errorf("refunds: %v", refunds)
	}
	s.command(http.StatusOK, "/v1/orders/"+id+"/cancel", `{"reason":"cannot be shipped"}`)
	done := s.until(id, "cancelled")
	if fmt.Sprint(done["refunded"]) != "10498" {
		t.Errorf("refunded: %v", done["refunded"])
	}
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1, "refund": 3})
}

func TestAmend_PaidOrder_TheMoneyFollows(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	for quantity, want := range map[int]struct {
		total    string
		payments map[string]int
	}{
		3: {"15497", map[string]int{"authorize": 2, "capture": 2}},
		1: {"5499", map[string]int{"authorize": 1, "capture": 1, "refund": 1}},
	} {
		id := s.stuck()
		path := "/v1/orders/" + id + "/amend"
		s.command(http.StatusUnprocessableEntity, path, `{"lines":[{"line_id":"l9","quantity":1}],"reason":"x"}`)
		s.command(http.StatusUnprocessableEntity, path, `{"lines":[{"line_id":"l1","quantity":0}],"reason":"x"}`)
		s.command(http.StatusUnprocessableEntity, path, `{"lines":[{"line_id":"l1","quantity":10001}],"reason":"x"}`)
		s.healFaults()
		s.command(http.StatusOK, path, fmt.Sprintf(`{"lines":[{"line_id":"l1","quantity":%d}],"reason":"the customer called"}`, quantity))
		done := s.until(id, "closed")
		if fmt.Sprint(done["total"]) != want.total {
			t.Errorf("total: %v, want %s", done["total"], want.total)
		}
		s.wantLedger("payments", id, want.payments)
		s.wantLedger("stock", id, map[string]int{"reserve": 2, "release": 1, "commit": 1})
		s.wantLedger("shipments", id, map[string]int{"book": 1})
		s.command(http.StatusConflict, path, `{"lines":[{"line_id":"l1","quantity":2}],"reason":"too late"}`)
	}
}

func TestAmend_WhenAuthorised_TheOldAuthorisationIsGivenUp(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.fault(`{"service":"payments","operation":"capture","mode":"unavailable","rate":1.0}`)
	id := s.place(wish{})
	s.happened(id, "PaymentAuthorized")
	s.command(http.StatusOK, "/v1/orders/"+id+"/amend", `{"lines":[{"line_id":"l1","quantity":3}],"reason":"one more"}`)
	s.happened(id, "PaymentVoided")
	s.healFaults()
	done := s.until(id, "closed")
	if fmt.Sprint(done["captured"]) != "15497" {
		t.Errorf("captured: %v", done["captured"])
	}
	s.wantLedger("payments", id, map[string]int{"authorize": 2, "capture": 1, "void": 1})
}

func TestAmend_DifferenceDeclined_IsTakenBack(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.stuck()
	s.healFaults()
	s.fault(`{"service":"payments","operation":"authorize","mode":"reject","rate":1.0}`)
	s.command(http.StatusOK, "/v1/orders/"+id+"/amend", `{"lines":[{"line_id":"l1","quantity":3}],"reason":"one more"}`)
	s.Await("the customer is asked", func() bool { return len(list(s.order(id)["actions"])) == 1 })
	action := list(s.order(id)["actions"])[0]
	if options := fmt.Sprint(action["options"]); options != "[payment_method take_back cancel]" {
		t.Errorf("options: %s", options)
	}
	s.command(http.StatusOK, "/v1/orders/"+id+"/respond", fmt.Sprintf(`{"action_id":%q,"choice":"take_back"}`, action["action_id"]))
	done := s.until(id, "closed")
	if fmt.Sprintf("%v %v", done["total"], done["captured"]) != "10498 10498" {
		t.Errorf("total %v, captured %v", done["total"], done["captured"])
	}
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
}

func TestFraudReview_AcceptOrReject(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	for decision, end := range map[string]string{"accept": "closed", "reject": "cancelled"} {
		id := s.place(wish{token: "tok_fraud_review"})
		s.Await("the order is held", func() bool { return len(list(s.order(id)["holds"])) == 1 })
		path := "/v1/orders/" + id + "/fraud-review"
		s.command(http.StatusUnprocessableEntity, path, `{"decision":"maybe","reason":"x"}`)
		s.command(http.StatusOK, path, `{"decision":"`+decision+`","reason":"called the customer"}`)
		s.until(id, end)
		charges := map[string]int{}
		if decision == "accept" {
			charges = map[string]int{"authorize": 1, "capture": 1}
		}
		s.wantLedger("payments", id, charges)
		s.command(http.StatusConflict, path, `{"decision":"accept","reason":"again"}`)
	}
}

func TestFraudServiceDown_AnOperatorSkipsIt(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_SCREEN_WITHIN=1s")
	s.fault(`{"service":"fraud","mode":"unavailable","rate":1.0}`)
	id := s.place(wish{})
	attention := s.attention(id, "ScreenFraud")
	s.command(http.StatusOK, "/v1/orders/"+id+"/attention/"+attention["attention_id"].(string)+"/skip", `{"reason":"a known customer"}`)
	s.until(id, "closed")
}

func TestNothingAvailable_IsNotSentInPart(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.place(wish{skus: []string{"OUT-OF-STOCK"}})
	s.Await("the customer is asked", func() bool { return len(list(s.order(id)["actions"])) == 1 })
	action := list(s.order(id)["actions"])[0]
	if options := fmt.Sprint(action["options"]); options != "[retry cancel]" {
		t.Errorf("options: %s", options)
	}
	answer := fmt.Sprintf(`{"action_id":%q,"choice":`, action["action_id"])
	s.command(http.StatusUnprocessableEntity, "/v1/orders/"+id+"/respond", answer+`"ship_available"}`)
	s.command(http.StatusOK, "/v1/orders/"+id+"/respond", answer+`"cancel"}`)
	s.until(id, "cancelled")
	s.wantLedger("payments", id, map[string]int{})
}

func TestPaymentOutcomeUnknown_IsLookedUpBeforeAnythingElse(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_GATEWAY_TIMEOUT=500ms", "ORDERLY_CAPTURE_WITHIN=2s")
	s.fault(`{"service":"payments","operation":"capture","mode":"timeout_after","rate":1.0,"times":1}`)
	s.fault(`{"service":"payments","operation":"lookup","mode":"unavailable","rate":1.0}`)
	id := s.place(wish{})
	attention := s.attention(id, "CapturePayment")
	if got := s.count(id, "PaymentOutcomeUnknown"); got != 1 {
		t.Errorf("PaymentOutcomeUnknown: %d times", got)
	}
	s.healFaults()
	s.command(http.StatusOK, "/v1/orders/"+id+"/attention/"+attention["attention_id"].(string)+"/retry", `{}`)
	s.until(id, "closed")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
}

func TestCustomer_IsToldAndReminded(t *testing.T) {
	t.Parallel()
	// Far apart: reminders that are late become one, and one that is later than the answer was due becomes none.
	s := open(t, everything, "ORDERLY_PAYMENT_ANSWER_WITHIN=30s", "ORDERLY_REMIND_AT=0.1,0.5", "ORDERLY_CLOSE_AFTER=2s")
	plain := s.place(wish{})
	silent := s.place(wish{token: "tok_declined"})
	s.until(plain, "closed")
	s.wantLedger("notifications", plain, map[string]int{"shipped": 1})
	s.until(silent, "cancelled")
	s.Await("all was told", func() bool { return s.count(silent, "CustomerNotified") == 4 })
	s.wantLedger("notifications", silent, map[string]int{"action_requested": 1, "cancelled": 1, "reminder": 2})
	if got := s.count(silent, "CustomerReminded"); got != 2 {
		t.Errorf("reminded %d times", got)
	}
}

func TestNotifierDown_HoldsNothingUp(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_NOTIFY_WITHIN=1s", "ORDERLY_CLOSE_AFTER=5s")
	s.fault(`{"service":"notifications","mode":"unavailable","rate":1.0}`)
	id := s.place(wish{})
	s.until(id, "delivered")
	s.happened(id, "NotificationSkipped")
	if attention := list(s.order(id)["attention"]); len(attention) != 0 {
		t.Errorf("attention: %v", attention)
	}
	s.until(id, "closed")
	s.wantLedger("notifications", id, map[string]int{})
}

// TestDatabaseDown_LongerThanAStepMayTake_ParksAndGoesOn: the step's tries are used up while nothing can be recorded; that
// they were is recorded when the database is back.
func TestDatabaseDown_LongerThanAStepMayTake_ParksAndGoesOn(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_AUTHORIZE_WITHIN=3s")
	s.fault(`{"service":"payments","operation":"authorize","mode":"rate_limit","rate":1.0}`)
	id := s.place(wish{})
	s.happened(id, "StockReserved")
	up := s.takeDatabaseDown()
	began := time.Now()
	s.Await("the outage to be longer than the step's time", func() bool { return time.Since(began) > 5*time.Second })
	up()
	s.healFaults()
	attention := s.attention(id, "AuthorizePayment")
	s.command(http.StatusOK, "/v1/orders/"+id+"/attention/"+attention["attention_id"].(string)+"/retry", `{"reason":"it is back"}`)
	s.until(id, "closed")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
	s.wantLedger("stock", id, map[string]int{"reserve": 1, "commit": 1})
}

// takeDatabaseDown lets nobody into the system's database until the function that it gives is called.
func (s shop) takeDatabaseDown() func() {
	s.t.Helper()
	config, err := pgx.ParseConfig(s.DatabaseURL)
	if err != nil {
		s.t.Fatal(err)
	}
	server, err := pgx.Connect(s.t.Context(), os.Getenv("DATABASE_URL"))
	if err != nil {
		s.t.Fatal(err)
	}
	name := pgx.Identifier{config.Database}.Sanitize()
	do := func(statement string, args ...any) {
		s.t.Helper()
		if _, err := server.Exec(context.WithoutCancel(s.t.Context()), statement, args...); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
	do("alter database " + name + " with allow_connections false")
	do("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", config.Database)
	return func() {
		do("alter database " + name + " with allow_connections true")
		_ = server.Close(context.WithoutCancel(s.t.Context()))
	}
}

// TestMoneyEvents_AreInTheTimeline: what was undone is told like everything else.
func TestMoneyEvents_AreInTheTimeline(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.stuck()
	s.command(http.StatusOK, "/v1/orders/"+id+"/cancel", `{"reason":"cannot be shipped"}`)
	s.until(id, "cancelled")
	timeline, err := s.Run("timeline", id)
	missing := slices.DeleteFunc([]string{"CompensationStarted", "RefundRequested", "RefundIssued", "CompensationCompleted"}, func(name string) bool {
		return strings.Contains(timeline, name)
	})
	if err != nil || len(missing) > 0 {
		t.Errorf("the timeline lacks %v (%v):\n%s", missing, err, timeline)
	}
}

func TestChargedButUnshippable_AnotherAddressOrTheMoneyBack(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_ADDRESS_ANSWER_WITHIN=8s")
	answered, silent := s.place(wish{postal: "00000"}), s.place(wish{postal: "00000"})
	s.Await("the customer is asked", func() bool { return len(list(s.order(answered)["actions"])) == 1 })
	s.command(http.StatusOK, "/v1/orders/"+answered+"/address",
		`{"name":"A. Buyer","line1":"2 Side St","city":"Austin","region":"TX","postal_code":"78701","country":"US"}`)
	s.until(answered, "closed")
	s.wantLedger("payments", answered, map[string]int{"authorize": 1, "capture": 1})
	s.until(silent, "cancelled")
	s.wantLedger("payments", silent, map[string]int{"authorize": 1, "capture": 1, "refund": 1})
	s.wantLedger("stock", silent, map[string]int{"reserve": 1, "release": 1})
	s.wantLedger("shipments", silent, map[string]int{})
}
