package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCLI_Attention_ListsRetriesAndCancels(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff)
	s.Setenv("ORDERLY_API_KEY=" + s.Key)
	s.fault(noCarrier)
	for _, id := range []string{"ord_retried", "ord_resolved", "ord_cancelled"} {
		s.place(wish{id: id})
		s.attention(id, "BookShipment")
	}
	s.awaitReadModels()
	wantLines(t, s.cli(0, "attention", "list", "--step", "BookShipment").stdout, `^ord_retried +att_1 +BookShipment`, `^ord_resolved +att_1`, `^ord_cancelled +att_1`)
	if none := s.cli(0, "attention", "list", "--step", "RefundPayment", "--output", "json").stdout; strings.Contains(none, "ord_") {
		t.Errorf("other steps: %s", none)
	}
	s.healFaults()
	wantLines(t, s.cli(0, "attention", "retry", "ord_retried", "att_1", "--reason", "the carriers are back").stdout, `^ord_retried: paid at version \d+$`)
	wantLines(t, s.cli(0, "attention", "resolve", "ord_resolved", "att_1", "--reason", "booked by phone", "--external-ref", "FX-1").stdout, `^ord_resolved: paid at version \d+$`)
	wantLines(t, s.cli(0, "attention", "cancel", "ord_cancelled").stdout, `^ord_cancelled: cancell`)
	s.until("ord_cancelled", "cancelled")
	if refused := s.cli(1, "attention", "retry", "ord_nowhere", "att_1").stderr; !strings.Contains(refused, "order_not_found") {
		t.Errorf("an order that there is not: %s", refused)
	}
}

func TestCLI_Load_PlacesOrdersAndMeasures(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.Setenv("ORDERLY_API_KEY=" + s.Key)
	var report struct {
		Sent, Acknowledged int
		P50                float64 `json:"p50_ms"`
		P99                float64 `json:"p99_ms"`
		Statuses           map[string]int
	}
	output := s.cli(0, "load", "--rate", "5", "--duration", "2s", "--output", "json").stdout
	if err := json.Unmarshal([]byte(output), &report); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if report.Sent != 10 || report.Acknowledged != report.Statuses["201 Created"] || report.P50 <= 0 || report.P99 < report.P50 {
		t.Errorf("the report: %s", output)
	}
	s.awaitReadModels()
	if orders := list(s.get("/v1/orders").body["orders"]); len(orders) < report.Acknowledged {
		t.Errorf("%d orders, and %d were acknowledged", len(orders), report.Acknowledged)
	}
}
