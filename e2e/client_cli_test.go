package e2e_test

import (
	"encoding/json"
	"net/http"
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

func TestCLI_Load_AtTheRateLimit_WaitsAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_RATE_LIMIT=2", "ORDERLY_RATE_BURST=2")
	s.Setenv("ORDERLY_API_KEY=" + s.Key)
	var report struct {
		Sent, Acknowledged int
		RateLimited        int     `json:"rate_limited"`
		HeldBack           float64 `json:"held_back_seconds"`
		Statuses           map[string]int
	}
	output := s.cli(0, "load", "--rate", "20", "--duration", "2s", "--output", "json").stdout
	if err := json.Unmarshal([]byte(output), &report); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if report.RateLimited == 0 || report.HeldBack < 1 || report.Sent >= 40 || report.Sent < 3 {
		t.Errorf("it did not wait: %s", output)
	}
	if report.Acknowledged != report.Sent || report.Statuses["201 Created"] != report.Sent {
		t.Errorf("not all were taken in the end: %s", output)
	}
	wantLines(t, s.cli(0, "load", "--rate", "20", "--duration", "1s").stdout, `^held back +\d+\.\d s by the API's rate limit, which turned \d+ requests away`)
}

func TestCLI_Webhooks_FromTheEndpointToTheReplayOfWhatWasGivenUp(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_WEBHOOKS_ALLOW_PRIVATE=true", "ORDERLY_WEBHOOKS_RETRY_FIRST=50ms", "ORDERLY_WEBHOOKS_GIVE_UP_AFTER=200ms")
	s.Setenv("ORDERLY_API_KEY=" + s.Key)
	r := receiveHooks(t)
	r.status.Store(http.StatusInternalServerError)
	made := object(t, s.cli(0, "webhooks", "add", r.URL, "--event", "OrderCreated,PaymentReceived", "--description", "the shop", "-o", "json").stdout)
	id, secret := made["endpoint_id"].(string), made["secret"].(string)
	wantLines(t, s.cli(0, "webhooks", "list").stdout, `^ENDPOINT +STATUS +URL +EVENTS +DESCRIPTION$`, `^`+id+` +enabled +`+r.URL+` +OrderCreated,PaymentReceived +the shop$`)
	if listed := list(object(t, s.cli(0, "webhooks", "list", "-o", "json").stdout)["endpoints"]); len(listed) != 1 || listed[0]["secret"] != nil {
		t.Errorf("the list: %v", listed)
	}

	s.until(s.place(wish{id: "ord_hooks"}), "closed")
	var lost []map[string]any
	s.Await("both events are given up", func() bool {
		lost = list(object(t, s.cli(0, "webhooks", "dead-letters", id, "-o", "json").stdout)["deliveries"])
		return len(lost) == 2
	})
	wantLines(t, s.cli(0, "webhooks", "deliveries", id, "--status", "dead").stdout,
		`^DELIVERY +ORDER +VERSION +EVENT`, `^`+lost[1]["delivery_id"].(string)+` +ord_hooks +1 +OrderCreated +dead +\d+ +\S+ +the answer is 500`)
	if latest := list(object(t, s.cli(0, "webhooks", "deliveries", id, "--limit", "1", "-o", "json").stdout)["deliveries"]); len(latest) != 1 || latest[0]["event_type"] != "PaymentReceived" {
		t.Errorf("the latest: %v", latest)
	}

	rotated := object(t, s.cli(0, "webhooks", "rotate", id, "-o", "json").stdout)
	if rotated["secret"] == secret || rotated["old_secret_until"] == nil {
		t.Errorf("rotated: %v", rotated)
	}
	r.status.Store(http.StatusOK)
	wantLines(t, s.cli(0, "webhooks", "replay", id, lost[1]["delivery_id"].(string)).stdout, `ord_hooks +1 +OrderCreated +pending`)
	s.Await("it comes", func() bool { return len(r.versions()) == 1 })
	wantLines(t, s.cli(0, "webhooks", "replay", id, "--dead").stdout, `PaymentReceived +pending`)
	s.Await("the other comes", func() bool { return len(r.versions()) == 2 })
	s.verifyHooks(r, rotated["secret"].(string), 0)
	s.Await("nothing is given up any more", func() bool {
		return strings.Count(s.cli(0, "webhooks", "deliveries", id, "--status", "delivered").stdout, " delivered ") == 2
	})

	wantLines(t, s.cli(0, "webhooks", "enable", id).stdout, `^status +enabled$`)
	wantLines(t, s.cli(0, "webhooks", "delete", id).stdout, `^`+id+`: deleted$`)
	for _, refused := range [][]string{{"deliveries", id}, {"rotate", id}, {"replay", id, "msg_1"}, {"delete", id}} {
		wantComplaint(t, s.cli(1, append([]string{"webhooks"}, refused...)...), 1, "not_found")
	}
	wantComplaint(t, s.cli(1, "webhooks", "add", "ftp://shop.example.com"), 1, "/url")
	wantComplaint(t, s.cli(2, "webhooks", "replay", id), 2, "replay what?")
	wantComplaint(t, s.cli(2, "webhooks", "replay", id, "msg_1", "--dead"), 2, "replay what?")
	wantComplaint(t, s.cli(2, "webhooks"), 2, "webhooks what?")
}
