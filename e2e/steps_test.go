package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"orderly/order"
)

// TestStep_RetriesUsedUp_NeedsAttention_ThenGoesOn takes the service of each step away for longer than the step is tried. An
// operator has it tried again when the service is back.
func TestStep_RetriesUsedUp_NeedsAttention_ThenGoesOn(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_SCREEN_WITHIN=1s", "ORDERLY_RESERVE_WITHIN=1s", "ORDERLY_AUTHORIZE_WITHIN=1s", "ORDERLY_CAPTURE_WITHIN=1s")
	for _, step := range []struct{ name, service, operation string }{
		{"ScreenFraud", "fraud", "screen"},
		{"ReserveStock", "stock", "reserve"},
		{"AuthorizePayment", "payments", "authorize"},
		{"CapturePayment", "payments", "capture"},
		{"BookShipment", "carrier", "book"},
	} {
		t.Run(step.name, func(t *testing.T) { // one after the other: faults are everybody's
			s := shop{s.System, t}
			s.fault(fmt.Sprintf(`{"service":%q,"operation":%q,"mode":"unavailable","rate":1.0}`, step.service, step.operation))
			id := s.place(wish{})
			attention := s.attention(id, step.name)
			s.healFaults()
			s.command(http.StatusOK, "/v1/orders/"+id+"/attention/"+attention["attention_id"].(string)+"/retry", `{"reason":"it is back"}`)
			s.until(id, "closed")
			s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
			s.wantLedger("stock", id, map[string]int{"reserve": 1, "commit": 1})
			s.wantLedger("shipments", id, map[string]int{"book": 1})
		})
	}
}

// TestStep_TimeIsUpWhileNoWorkerLives: Temporal ends the step by a time-out, whatever its tries have said. It may have had its effect
// when a try was under way, and else what the last try said holds.
func TestStep_TimeIsUpWhileNoWorkerLives(t *testing.T) {
	t.Parallel()
	const within = 14 * time.Second // less than one try may take
	for name, c := range map[string]struct {
		first   string // the pause after the first try
		state   enumspb.PendingActivityState
		code    string
		unknown int
	}{
		"between two tries": {"13s", enumspb.PENDING_ACTIVITY_STATE_SCHEDULED, "unavailable", 0},
		"in a try":          {"100ms", enumspb.PENDING_ACTIVITY_STATE_STARTED, "unknown_outcome", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, []string{"--api", "--projector", "--worker"}, "ORDERLY_AUTHORIZE_WITHIN="+within.String(),
				"ORDERLY_RETRY_FIRST="+c.first, "ORDERLY_RETRY_MAX=13s", "ORDERLY_GATEWAY_TIMEOUT=1m")
			s.fault(`{"service":"payments","operation":"authorize","mode":"unavailable","rate":1.0,"times":2}`)
			s.fault(`{"service":"payments","operation":"authorize","mode":"timeout_after","rate":1.0}`)
			id := s.place(wish{})
			s.Await("the second try of "+id, func() bool {
				authorization := s.pending(id, order.AuthorizePayment)
				return authorization.GetAttempt() == 2 && authorization.GetState() == c.state
			})
			s.Kill("--worker")
			s.Await("the end of the step of "+id, func() bool { return s.pending(id, order.AuthorizePayment) == nil })
			s.healFaults()
			s.StartRole("--worker")
			if attention := s.attention(id, "AuthorizePayment"); attention["code"] != c.code {
				t.Errorf("attention: %v", attention)
			}
			if got := s.count(id, "PaymentOutcomeUnknown"); got != c.unknown {
				t.Errorf("PaymentOutcomeUnknown: %d times", got)
			}
		})
	}
}

// TestCommitStock_IsTriedUntilItIsDone: there is no end to it, and nothing waits for it but the closing.
func TestCommitStock_IsTriedUntilItIsDone(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.fault(`{"service":"stock","operation":"commit","mode":"unavailable","rate":1.0,"times":5}`)
	id := s.place(wish{})
	s.until(id, "closed")
	s.wantLedger("stock", id, map[string]int{"reserve": 1, "commit": 1})
}

func TestFraud_Rejected_CancelsWithoutACharge(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.place(wish{token: "tok_fraud_reject"})
	s.until(id, "cancelled")
	s.wantLedger("payments", id, map[string]int{})
	s.wantLedger("shipments", id, map[string]int{})
}
