package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"orderly/orchestrator"
	"orderly/order"
)

func TestPlaceOrder_AnswersTheOrder(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	answer := h.post(t, "/v1/orders", "k1", with(t, "order_id", "ord_1"))
	wantStatus(t, answer, http.StatusCreated)
	for header, want := range map[string]string{
		"Location": "/v1/orders/ord_1", "ETag": `"1"`, "X-Event-Version": "1", "Idempotent-Replayed": "", "Cache-Control": "no-store",
	} {
		if got := answer.Header().Get(header); got != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	placed := decode[Order](t, answer)
	if placed.Status != "created" || placed.Total != 10498 || placed.Lines[0].LineID != "l1" || placed.Payment.Method != "card" {
		t.Errorf("order is %+v", placed)
	}
	if strings.Contains(answer.Body.String(), "tok_visa") {
		t.Error("the answer shows the means of payment")
	}
	command := h.orders.sent[0]
	if command.Actor.Type != "operator" || command.Source != "api" || len(command.ID) != 64 {
		t.Errorf("command is %+v", command)
	}
}

func TestPlaceOrder_IsAnsweredWhenRecorded_ThoughTheWorkflowIsBusyWithSteps(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	stepsAreDone := make(chan struct{})
	h.orders.busy = func() { <-stepsAreDone }
	defer close(stepsAreDone)
	answer := h.post(t, "/v1/orders", "k1", with(t, "order_id", "ord_1"))
	wantStatus(t, answer, http.StatusCreated)
	if version, replayed := answer.Header().Get("X-Event-Version"), answer.Header().Get("Idempotent-Replayed"); version != "1" || replayed != "" {
		t.Errorf("version %q, replayed %q", version, replayed)
	}
	again := h.post(t, "/v1/orders", "k1", with(t, "order_id", "ord_1"))
	if wantStatus(t, again, http.StatusCreated); again.Body.String() != answer.Body.String() || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("the same request again: %v %s, want %s", again.Header(), again.Body, answer.Body)
	}
}

func TestPlaceOrder_RecordedByATryThatGotNoAnswer_IsReplayed(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.orders.answer = func(command order.Command) error {
		_, err := h.orders.journal.Apply(t.Context(), "ord_1", command)
		return errors.Join(err, &orchestrator.UnavailableError{Err: errors.New("the connection is lost")})
	}
	lost := h.post(t, "/v1/orders", "k1", with(t, "order_id", "ord_1"))
	h.orders.answer = nil
	again := h.post(t, "/v1/orders", "k1", with(t, "order_id", "ord_1"))
	wantStatus(t, again, http.StatusCreated)
	if got := again.Header().Get("Idempotent-Replayed"); got != "true" {
		t.Errorf("after %d, Idempotent-Replayed is %q", lost.Code, got)
	}
}

func TestPlaceOrder_OfAnotherCommand_IsNotAnsweredByItsEvent(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	sure := make(chan struct{})
	h.orders.answer = func(order.Command) error { <-sure; return nil }
	go func() {
		time.Sleep(time.Second) // the stream is looked at several times
		close(sure)
	}()
	wantProblem(t, h.post(t, "/v1/orders", "k2", with(t, "order_id", "ord_1")), codeOrderExists)
}

func TestPlaceOrder_WithoutID_TakesOneFromTheKey(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	first := decode[Order](t, h.post(t, "/v1/orders", "k1", usualOrder))
	if !isOrderID(first.OrderID) || !strings.HasPrefix(first.OrderID, "ord_") || len(first.OrderID) != 30 {
		t.Errorf("order id is %q", first.OrderID)
	}
	if again := decode[Order](t, h.post(t, "/v1/orders", "k1", usualOrder)); again.OrderID != first.OrderID {
		t.Errorf("the same key made %q and %q", first.OrderID, again.OrderID)
	}
	if other := decode[Order](t, h.post(t, "/v1/orders", "k2", usualOrder)); other.OrderID == first.OrderID {
		t.Error("another key made the same order")
	}
}

func TestPlaceOrder_OptionalFieldsMayBeLeftOut(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	const least = `{"customer_id": "c", "currency": "JPY", "lines": [{"sku": "S", "quantity": 1, "unit_price": 0}],
		"ship_to": {"line1": "1", "city": "X", "postal_code": "1", "country": "JP"}, "payment": {"method": "card", "token": "tok_visa"}}`
	answer := h.post(t, "/v1/orders", "k1", least)
	wantStatus(t, answer, http.StatusCreated)
	if placed := decode[Order](t, answer); placed.Shipping.Service != "standard" || placed.Total != 0 {
		t.Errorf("order is %+v", placed)
	}
}

func TestPlaceOrder_TakesWhatIsJustWithinTheLimits(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	lines := make([]map[string]any, 200)
	for i := range lines {
		lines[i] = map[string]any{"sku": "S", "quantity": 10_000, "unit_price": 0}
	}
	cases := map[string]string{
		"200 lines":      withTotal(t, "lines", lines, 500),
		"largest amount": withTotal(t, "lines", []map[string]any{{"sku": "S", "quantity": 1, "unit_price": 999_999_999_500}}, 1_000_000_000_000),
		"longest id":     with(t, "order_id", "a"+strings.Repeat("-", 49)),
		"full discount":  withTotal(t, "lines.0.discount", 9998, 500),
		"a name":         with(t, "ship_to.name", "Łukasz 🙂 O'Neill"),
	}
	for name, body := range cases {
		answer := h.post(t, "/v1/orders", "key-"+strings.ReplaceAll(name, " ", "-"), body)
		if answer.Code != http.StatusCreated {
			t.Errorf("%s: status %d: %s", name, answer.Code, answer.Body)
		}
	}
}

// withTotal is the usual order with a field and its total changed.
func withTotal(t *testing.T, path string, value any, total int64) string {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal([]byte(with(t, path, value)), &body); err != nil {
		t.Fatal(err)
	}
	body["total"] = total
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPlaceOrder_UnderAnIDThatIsTaken_IsRefused(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	wantProblem(t, h.post(t, "/v1/orders", "another", with(t, "order_id", "ord_1")), codeOrderExists)
	h.key = h.newKey(t, "rival", "admin")
	answer := h.post(t, "/v1/orders", "place-ord_1", with(t, "order_id", "ord_1"))
	wantProblem(t, answer, codeOrderExists)
	if strings.Contains(answer.Body.String(), "cust_456") {
		t.Error("the answer shows another tenant's order")
	}
}
