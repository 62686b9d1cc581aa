package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"orderly/internal/testkit"
)

// sold places an order of 104.98 in a currency, a channel and with a carrier, and waits until its parcel is booked.
func (s shop) sold(id, currency, channel, carrier string) {
	s.t.Helper()
	body := strings.NewReplacer(`"USD"`, fmt.Sprintf("%q,%q:%q", currency, "channel", channel), `"fedex"`, `"`+carrier+`"`).Replace(wish{id: id}.json())
	s.command(http.StatusCreated, "/v1/orders", body)
	s.parcelIs(id, 1, "booked")
}

// figures reads a list of figures, a row as its fields with spaces between them.
func (s shop) figures(path, list string, fields ...string) []string {
	s.t.Helper()
	a := s.get(path)
	if a.status != http.StatusOK {
		s.t.Fatalf("GET %s: %d %s", path, a.status, a.raw)
	}
	var rows []string
	items, _ := a.body[list].([]any)
	for _, item := range items {
		row, _ := item.(map[string]any)
		var values []string
		for _, field := range fields {
			values = append(values, fmt.Sprint(row[field]))
		}
		rows = append(rows, strings.Join(values, " "))
	}
	slices.Sort(rows)
	return rows
}

// TestStats_OfAShortDay: an order that arrived and of which a part was paid back, one that is on its way with another carrier,
// and one that was cancelled; all figures say so, to their tenant only, and are what the events say.
func TestStats_OfAShortDay(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff)
	before := time.Now().Add(-time.Second)
	s.sold("ord_1", "USD", "web", "fedex")
	s.command(http.StatusOK, "/v1/orders/ord_1/refunds", `{"amount":498,"reason":"scratched"}`)
	s.wantRefunded("ord_1", "498")
	s.scanParcel("ord_1", 1, "dispatched")
	s.scanParcel("ord_1", 1, "delivered")
	s.sold("ord_2", "EUR", "shop", "ups")
	s.scanParcel("ord_2", 1, "dispatched")
	s.sold("ord_3", "USD", "phone", "fedex")
	s.command(http.StatusOK, "/v1/orders/ord_3/cancel", `{"reason":"not wanted"}`)
	s.until("ord_1", "closed")
	s.until("ord_2", "shipped")
	s.until("ord_3", "cancelled")
	s.awaitReadModels()
	after := time.Now()

	s.wantStatuses("", "map[cancelled:1 cancelling:0 closed:1 created:0 delivered:0 paid:0 partially_shipped:0 shipped:1]")
	s.wantStatuses("?at="+url.QueryEscape(before.Format(time.RFC3339)), "map[cancelled:0 cancelling:0 closed:0 created:0 delivered:0 paid:0 partially_shipped:0 shipped:0]")
	days := "?from=" + before.UTC().Format(time.DateOnly) + "&to=" + after.UTC().Format(time.DateOnly)
	moments := "?from=" + url.QueryEscape(before.Format(time.RFC3339)) + "&to=" + url.QueryEscape(after.Add(time.Second).Format(time.RFC3339))
	for _, want := range []struct {
		path, list string
		fields     []string
		rows       []string
	}{
		{"/v1/stats/status/intervals" + moments, "intervals", []string{"status", "orders"}, []string{"cancelling 1", "created 3", "delivered 1", "paid 3", "shipped 1"}},
		{"/v1/stats/delivery" + days, "deliveries", []string{"carrier", "leg", "parcels"}, []string{"fedex deliver 1", "fedex ship 1", "ups ship 1"}},
		{"/v1/stats/delivery" + days + "&carrier=ups", "deliveries", []string{"carrier", "leg", "parcels"}, []string{"ups ship 1"}},
		{
			"/v1/customers/cust_456", "totals",
			[]string{"currency", "orders", "ordered", "captured", "refunded"},
			[]string{"EUR 1 10498 10498 0", "USD 2 20996 20996 10996"},
		},
		{
			"/v1/shipments?limit=10", "shipments",
			[]string{"shipment_id", "order_id", "carrier", "status"},
			[]string{"shp_ord_1_1 ord_1 fedex delivered", "shp_ord_2_1 ord_2 ups dispatched", "shp_ord_3_1 ord_3 fedex cancelled"},
		},
		{"/v1/shipments?carrier=ups&status=dispatched", "shipments", []string{"shipment_id"}, []string{"shp_ord_2_1"}},
	} {
		if got := s.figures(want.path, want.list, want.fields...); !slices.Equal(got, want.rows) {
			t.Errorf("%s:\n got %q\nwant %q", want.path, got, want.rows)
		}
	}
	s.wantSales(days, "EUR shop 1 10498 10498 0", "USD phone 1 10498 10498 10498", "USD web 1 10498 10498 498")
	s.wantNoFiguresOfOthers(days)
	s.wantRefusedQuestions()
	if told := s.must("verify", "--all", "--read-models"); !strings.Contains(told, "sound: 3 streams") {
		t.Errorf("verify: %s", told)
	}
}

func (s shop) wantStatuses(query, want string) {
	s.t.Helper()
	if got := fmt.Sprint(s.get("/v1/stats/status" + query).body["counts"]); got != want {
		s.t.Errorf("statuses%s:\n got %s\nwant %s", query, got, want)
	}
}

// wantSales compares sales, unless midnight came in between: they are then on two days, and add up.
func (s shop) wantSales(days string, want ...string) {
	s.t.Helper()
	path := "/v1/stats/sales" + days
	if len(slices.Compact(s.figures(path, "sales", "day"))) > 1 {
		s.t.Log("midnight: the sales are on two days")
		return
	}
	if got := s.figures(path, "sales", "currency", "channel", "orders", "ordered", "captured", "refunded"); !slices.Equal(got, want) {
		s.t.Errorf("sales:\n got %q\nwant %q", got, want)
	}
}

// wantNoFiguresOfOthers asks as another tenant, who has no orders.
func (s shop) wantNoFiguresOfOthers(days string) {
	s.t.Helper()
	stranger := shop{testkit.Attach(s.t, s.URL, strings.TrimSpace(s.must("keys", "create", "stranger", "--tenant", "other")), s.SimulatorURL), s.t}
	for path, list := range map[string]string{
		"/v1/stats/sales" + days: "sales", "/v1/stats/delivery" + days: "deliveries", "/v1/shipments": "shipments",
	} {
		if got := stranger.figures(path, list, "carrier"); len(got) > 0 {
			s.t.Errorf("another tenant sees of %s: %v", path, got)
		}
	}
	if a := stranger.get("/v1/customers/cust_456"); a.status != http.StatusNotFound || a.body["code"] != "not_found" {
		s.t.Errorf("another tenant asks for the customer: %d %s", a.status, a.raw)
	}
	stranger.wantStatuses("", "map[cancelled:0 cancelling:0 closed:0 created:0 delivered:0 paid:0 partially_shipped:0 shipped:0]")
}

func (s shop) wantRefusedQuestions() {
	s.t.Helper()
	for path, pointer := range map[string]string{
		"/v1/stats/status?at=yesterday":                 "/at",
		"/v1/stats/sales?from=2026-01-02&to=2026-01-01": "/to",
		"/v1/stats/delivery?to=2026-01-01":              "/from",
		"/v1/shipments?status=broken":                   "/status",
	} {
		a := s.get(path)
		errors := list(a.body["errors"])
		if a.status != http.StatusUnprocessableEntity || a.body["code"] != "invalid_request" || len(errors) != 1 || errors[0]["pointer"] != pointer {
			s.t.Errorf("%s: %d %s, want invalid_request at %s", path, a.status, a.raw, pointer)
		}
	}
}
