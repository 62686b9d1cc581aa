package api

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orderly/order"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with a file, or writes it.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); run with -update when that is meant:\n%s", path, diff)
	}
}

func TestGetOrder_AsItWas(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	before := time.Now()
	h.post(t, "/v1/orders/ord_1/hold", "k1", `{"code": "manual", "reason": "wait"}`)
	now := time.Now()
	for path, version := range map[string]int{
		"": 2, "?version=1": 1, "?version=2": 2, "?min_version=2": 2,
		"?at=" + url.QueryEscape(before.Format(time.RFC3339Nano)): 1,
		"?at=" + now.UTC().Format(time.RFC3339Nano):               2,
		// A zone whose + was not escaped.
		"?at=" + now.In(time.FixedZone("", 7200)).Format(time.RFC3339Nano): 2,
	} {
		answer := h.get(t, "/v1/orders/ord_1"+path)
		wantStatus(t, answer, http.StatusOK)
		if got := decode[Order](t, answer); got.Version != version || len(got.Holds) != version-1 || answer.Header().Get("ETag") != etag(version) {
			t.Errorf("%s: version %d, holds %v, ETag %s; want version %d", path, got.Version, got.Holds, answer.Header().Get("ETag"), version)
		}
	}
}

func TestGetOrder_MinVersion_WaitsAndThenAnswersFromTheStream(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	began := time.Now()
	answer := h.get(t, "/v1/orders/ord_1?min_version=9")
	wantStatus(t, answer, http.StatusOK)
	waited := time.Since(began)
	if waited < freshWait {
		t.Errorf("waited %s, want %s at least", waited, freshWait)
	}
	began = time.Now()
	wantProblem(t, h.get(t, "/v1/orders/ord_9?min_version=9"), codeOrderNotFound)
	if took := time.Since(began); took >= waited {
		t.Errorf("waited %s for an order that does not exist", took)
	}
}

func TestGetOrder_IfNoneMatch(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	for header, status := range map[string]int{
		`"1"`: http.StatusNotModified, `W/"1"`: http.StatusNotModified, `"7", "1"`: http.StatusNotModified, "*": http.StatusNotModified,
		`"2"`: http.StatusOK, "": http.StatusOK,
	} {
		answer := h.do(t, ask{method: http.MethodGet, path: "/v1/orders/ord_1", headers: []string{"If-None-Match", header}})
		if answer.Code != status || answer.Header().Get("ETag") != `"1"` || (status == http.StatusNotModified) != (answer.Body.Len() == 0) {
			t.Errorf("%s: status %d, ETag %s, body %q; want %d", header, answer.Code, answer.Header().Get("ETag"), answer.Body, status)
		}
	}
}

func TestGetEvents_ShowsAllButTheMeansOfPayment(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	h.post(t, "/v1/orders/ord_1/notes", "k1", `{"text": "a <b> & c"}`)
	answer := h.get(t, "/v1/orders/ord_1/events")
	wantStatus(t, answer, http.StatusOK)
	events := decode[Events](t, answer).Events
	if len(events) != 2 || events[0].EventType != "OrderCreated" || events[1].Version != 2 || len(events[1].Hash) != 64 || events[0].Position == "" {
		t.Errorf("events are %s", answer.Body)
	}
	if strings.Contains(answer.Body.String(), "tok_visa") {
		t.Error("the events show the means of payment")
	}
	if answer.Header().Get("ETag") != `"2"` {
		t.Errorf("ETag is %s", answer.Header().Get("ETag"))
	}
	raw := h.get(t, "/v1/orders/ord_1/events?raw=true")
	wantStatus(t, raw, http.StatusOK)
	if !strings.Contains(raw.Body.String(), "tok_visa") {
		t.Error("raw events are not as they were stored")
	}
	h.key = h.newKey(t, "acme", "supervisor")
	wantProblem(t, h.get(t, "/v1/orders/ord_1/events?raw=true"), codeForbidden)
}

func TestGetEvents_IfNoneMatch(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	known := func(etag string) ask {
		return ask{http.MethodGet, "/v1/orders/ord_1/events", "", []string{"If-None-Match", etag}}
	}
	answer := h.do(t, known(`"1"`))
	wantStatus(t, answer, http.StatusNotModified)
	if answer.Body.Len() > 0 || answer.Header().Get("ETag") != `"1"` {
		t.Errorf("answer is %s, headers %v", answer.Body, answer.Header())
	}
	h.post(t, "/v1/orders/ord_1/notes", "k1", `{"text": "a"}`)
	wantStatus(t, h.do(t, known(`"1"`)), http.StatusOK)
	wantStatus(t, h.do(t, known(`W/"1", "2"`)), http.StatusNotModified)
}

func TestLists_AreNeverNull(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for path, want := range map[string]string{
		"/v1/orders": `{"orders":[],"next_cursor":""}`, "/v1/attention": `{"attention":[],"next_cursor":""}`,
		"/v1/orders?customer_id=%00&q=%FF": `{"orders":[],"next_cursor":""}`,
	} {
		answer := h.get(t, path)
		wantStatus(t, answer, http.StatusOK)
		if got := strings.TrimSpace(answer.Body.String()); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestView_ShowsAWholeOrder(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	shown, err := h.show(t.Context(), wholeOrder())
	if err != nil {
		t.Fatal(err)
	}
	text := pretty(t, shown)
	golden(t, "testdata/order.json", text)
	if strings.Contains(string(text), "tok_secret") {
		t.Error("the view shows the means of payment")
	}
	if empty := string(pretty(t, h.view(order.State{OrderID: "ord_1", Version: 1, Status: order.Created}))); strings.Contains(empty, "[]") != true || strings.Contains(empty, `: null,
  "shipments"`) {
		t.Errorf("an order with nothing is shown as %s", empty)
	}
}

// wholeOrder has one of everything.
func wholeOrder() order.State {
	at := func(minute int) time.Time { return time.Date(2026, 1, 31, 12, minute, 0, 0, time.UTC) }
	later := at(59)
	return order.State{
		OrderID: "ord_1", Version: 12, Tenant: "acme", CustomerID: "cust_1", ExternalRef: "web-1", Channel: "web", Status: order.PartiallyShipped,
		PlacedAt: at(0), UpdatedAt: at(9), Currency: "USD", ShippingFee: 500, Total: 10498,
		Lines:   []order.Line{{LineID: "l1", SKU: "SKU-1", Quantity: 2, UnitPrice: 4999}},
		ShipTo:  order.ClearShipTo(order.Address{Name: "A. Buyer", Line1: "1 Main St", City: "Austin", PostalCode: "78701", Country: "US"}),
		Payment: order.Payment{State: order.PaymentCaptured, Method: "card", Token: "tok_secret", ProviderRef: "pay_1", Captured: 10498},
		Stock:   order.Stock{State: order.StockIsReserved}, Fraud: "clear", Shipping: order.Shipping{Service: "standard"},
		Shipments: []order.Shipment{
			{
				ShipmentID: "shp_ord_1_1", Status: order.ShipmentIsDispatched, Warehouse: "east", Carrier: "fedex", TrackingNumber: "FX1", ETA: &later,
				ScannedAt: at(8), Committed: true, Lines: []order.ShipmentLine{{LineID: "l1", SKU: "SKU-1", Quantity: 1}},
			},
			{
				ShipmentID: "shp_ord_1_2", Status: order.ShipmentHasFailed, Warehouse: "west", Carrier: "ups", BookNo: 2,
				Lines: []order.ShipmentLine{{LineID: "l1", SKU: "SKU-1", Quantity: 1}},
			},
		},
		Holds:   []order.Hold{{Code: "manual", Reason: "wait", Since: at(5), Until: &later}},
		Refunds: []order.Refund{{RefundID: "rf_1", Amount: 500, Reason: "it came late", Issued: true}},
		Actions: []order.Action{{ActionID: "act_1", Kind: order.ActionAddress, Options: []string{"retry", "cancel"}, Deadline: at(50)}},
		Attention: []order.Attention{{
			AttentionID: "att_1", Step: order.BookShipment, ShipmentID: "shp_ord_1_2", Key: "shp_ord_1_2/book/1",
			Code: "no_capacity", Message: "no carrier takes it", Since: at(7), Attempts: 8, NextRetryAt: &later, Allowed: []string{"retry", "reroute", "resolve", "cancel"},
		}},
	}
}

func TestGetOrder_ThatWasJustPlaced_WaitsForTheReadModel(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.projectedWithin = time.Minute
	h.place(t, "ord_1")
	answered := make(chan *httptest.ResponseRecorder, 1)
	go func() { answered <- h.get(t, "/v1/orders/ord_1") }()
	select {
	case <-answered:
		t.Fatal("answered from the stream: what the read model shows next would be older")
	case <-time.After(300 * time.Millisecond):
	}
	h.project(t)
	wantStatus(t, <-answered, http.StatusOK)
}
