package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
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
