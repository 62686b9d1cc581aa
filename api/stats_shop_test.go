package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orderly/order"
)

// decided has the journal decide a command, as a workflow does.
func (h *harness) decided(t *testing.T, id string, body order.Body) order.State {
	t.Helper()
	result, err := h.orders.journal.Apply(t.Context(), id, order.Command{ID: fmt.Sprintf("test-%d", time.Now().UnixNano()), Reason: "test", Source: "test", Body: body})
	if err != nil {
		t.Fatalf("%s on %s: %v", body.CommandName(), id, err)
	}
	return result.State
}

// carryOut carries out an order's steps, each with its good outcome, until none is left.
func (h *harness) carryOut(t *testing.T, id string) order.State {
	t.Helper()
	state := h.decided(t, id, order.AddNote{Text: "go on"})
	for {
		steps := h.orders.journal.PlanFor(state).Steps
		if len(steps) == 0 {
			return state
		}
		state = h.decided(t, id, goodOutcome(t, state, steps[0]))
	}
}

func goodOutcome(t *testing.T, s order.State, step order.Step) order.Body {
	t.Helper()
	switch step.Name {
	case order.ScreenFraud:
		return order.RecordScreening{Decision: "clear"}
	case order.ReserveStock:
		var all []order.Allocation
		for _, line := range s.Lines {
			all = append(all, order.Allocation{LineID: line.LineID, SKU: line.SKU, Quantity: line.Quantity, Warehouse: "wh-1"})
		}
		return order.RecordReservation{Key: step.Key, ReservationID: "r", Allocations: all}
	case order.AuthorizePayment:
		return order.RecordAuthorization{Key: step.Key, ProviderRef: "pay", Amount: s.Due()}
	case order.CapturePayment:
		return order.RecordCapture{Key: step.Key, ProviderRef: "pay", Amount: s.Payment.Authorized}
	case order.BookShipment:
		shipment, _ := s.Shipment(step.ShipmentID)
		return order.RecordBooking{ShipmentID: step.ShipmentID, Key: step.Key, Carrier: shipment.Carrier, TrackingNumber: "T-" + step.ShipmentID}
	case order.CommitStock:
		return order.RecordCommit{Key: step.Key, ShipmentID: step.ShipmentID}
	case order.CancelShipment:
		return order.RecordBookingCancelled{ShipmentID: step.ShipmentID}
	case order.RefundPayment:
		return order.RecordRefund{RefundID: step.RefundID, ProviderRef: "re"}
	case order.ReleaseStock:
		return order.RecordRelease{Key: step.Key, ShipmentID: step.ShipmentID}
	case order.Notify:
		return order.RecordNotification{Key: step.Key}
	default:
		t.Fatalf("step %s is not played", step.Name)
		return nil
	}
}

// sell places an order of 104.98, of a channel unless that is empty, and carries out all that it needs until the carrier has it.
func (h *harness) sell(t *testing.T, id, currency, channel, carrier string) order.State {
	t.Helper()
	named := ""
	if channel != "" {
		named = `"channel":"` + channel + `",`
	}
	body := strings.NewReplacer(`"USD"`, `"`+currency+`"`, `"channel":"web",`, named, `"fedex"`, `"`+carrier+`"`).Replace(with(t, "order_id", id))
	wantStatus(t, h.post(t, "/v1/orders", "place-"+id, body), http.StatusCreated)
	return h.carryOut(t, id)
}

// scanned has a carrier say something of an order's parcel, so long after the order was placed.
func (h *harness) scanned(t *testing.T, s order.State, status string, after time.Duration) {
	t.Helper()
	h.decided(t, s.OrderID, order.RecordCarrierUpdate{ShipmentID: s.Shipments[0].ShipmentID, Status: status, At: s.PlacedAt.Add(after)})
}

// someSales are: one order that has arrived, with a part paid back; one that is on its way, of another currency, channel and
// carrier; one that was cancelled and paid back; one that was only placed; and one of another tenant.
func (h *harness) someSales(t *testing.T) {
	t.Helper()
	arrived := h.sell(t, "ord_1", "USD", "web", "fedex")
	h.scanned(t, arrived, "dispatched", 2*time.Hour)
	h.scanned(t, arrived, "delivered", 28*time.Hour)
	wantStatus(t, h.post(t, "/v1/orders/ord_1/refunds", "refund", `{"amount":498,"reason":"scratched"}`), http.StatusOK)
	h.carryOut(t, "ord_1")
	h.scanned(t, h.sell(t, "ord_2", "EUR", "shop", "ups"), "dispatched", 30*time.Minute)
	h.sell(t, "ord_3", "USD", "", "fedex")
	wantStatus(t, h.post(t, "/v1/orders/ord_3/cancel", "cancel", `{"reason":"not wanted"}`), http.StatusOK)
	h.carryOut(t, "ord_3")
	h.place(t, "ord_4")
	mine := h.key
	h.key = h.newKey(t, "other", "admin")
	h.sell(t, "ord_5", "USD", "web", "fedex")
	h.key = mine
	h.project(t)
}

// aroundNow is a range of query parameters: two days of UTC, should midnight come in between.
func aroundNow(format string) string {
	now := time.Now().UTC()
	return "?from=" + now.Add(-24*time.Hour).Format(format) + "&to=" + now.Add(24*time.Hour).Format(format)
}

func TestStats_OfSomeSales(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.someSales(t)

	counts := decode[StatusCounts](t, h.get(t, "/v1/stats/status")).Counts
	want := map[order.Status]int64{
		order.Created: 1, order.Paid: 0, order.PartiallyShipped: 0, order.Shipped: 1, order.Delivered: 1, order.Closed: 0, order.Cancelling: 0, order.Cancelled: 1,
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	history := decode[StatusHistory](t, h.get(t, "/v1/stats/status/history"+aroundNow(time.RFC3339)+"&step=24h")).History
	if len(history) != 3 || history[0].Counts[order.Created] != 0 || !cmp.Equal(history[2].Counts, want) {
		t.Errorf("history: %+v", history)
	}
	left := map[order.Status]int64{}
	for _, each := range decode[StatusIntervals](t, h.get(t, "/v1/stats/status/intervals"+aroundNow(time.RFC3339))).Intervals {
		left[each.Status] = each.Orders
		if each.Mean < 0 || each.P50 > each.P99 {
			t.Errorf("interval %+v", each)
		}
	}
	if diff := cmp.Diff(map[order.Status]int64{order.Created: 3, order.Paid: 3, order.Shipped: 1, order.Cancelling: 1}, left); diff != "" {
		t.Errorf("statuses that were left (-want +got):\n%s", diff)
	}
}

func TestSales_ByCurrencyAndChannel_AndOfACustomer(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.someSales(t)

	got := map[string]DailySales{}
	for _, day := range decode[SalesList](t, h.get(t, "/v1/stats/sales"+aroundNow(time.DateOnly))).Sales {
		sum := got[day.Currency+"/"+day.Channel]
		got[day.Currency+"/"+day.Channel] = DailySales{
			Orders: sum.Orders + day.Orders, Ordered: sum.Ordered + day.Ordered, Captured: sum.Captured + day.Captured, Refunded: sum.Refunded + day.Refunded,
		}
	}
	want := map[string]DailySales{
		"USD/web":  {Orders: 2, Ordered: 20996, Captured: 10498, Refunded: 498},
		"USD/":     {Orders: 1, Ordered: 10498, Captured: 10498, Refunded: 10498},
		"EUR/shop": {Orders: 1, Ordered: 10498, Captured: 10498},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sales (-want +got):\n%s", diff)
	}
	customer := decode[Customer](t, h.get(t, "/v1/customers/cust_456"))
	for i := range customer.Totals {
		if customer.Totals[i].FirstPlacedAt.After(customer.Totals[i].LastPlacedAt) {
			t.Errorf("totals: %+v", customer.Totals[i])
		}
		customer.Totals[i].FirstPlacedAt, customer.Totals[i].LastPlacedAt = time.Time{}, time.Time{}
	}
	totals := []CustomerTotals{
		{Currency: "EUR", Orders: 1, Ordered: 10498, Captured: 10498}, {Currency: "USD", Orders: 3, Ordered: 31494, Captured: 20996, Refunded: 10996},
	}
	if diff := cmp.Diff(Customer{CustomerID: "cust_456", Totals: totals}, customer); diff != "" {
		t.Errorf("customer (-want +got):\n%s", diff)
	}
	wantProblem(t, h.get(t, "/v1/customers/nobody"), codeNotFound)
}

func TestDeliveryTimes_AndShipments_ByCarrier(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.someSales(t)

	within := func(d time.Duration) *int64 { seconds := int64(d / time.Second); return &seconds }
	leg := func(carrier, leg string, took, bound time.Duration) Distribution {
		return Distribution{
			Carrier: carrier, Leg: leg, Parcels: 1, Mean: int64(took / time.Second), P50: within(bound), P90: within(bound), P99: within(bound),
			Buckets: []Bucket{{Within: within(bound), Parcels: 1}},
		}
	}
	want := []Distribution{
		leg("fedex", "ship", 2*time.Hour, 3*time.Hour), leg("fedex", "deliver", 26*time.Hour, 48*time.Hour), leg("ups", "ship", 30*time.Minute, time.Hour),
	}
	days := aroundNow(time.DateOnly)
	if diff := cmp.Diff(want, decode[DeliveryList](t, h.get(t, "/v1/stats/delivery"+days)).Deliveries); diff != "" {
		t.Errorf("delivery times (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[2:], decode[DeliveryList](t, h.get(t, "/v1/stats/delivery"+days+"&carrier=ups")).Deliveries); diff != "" {
		t.Errorf("delivery times of ups (-want +got):\n%s", diff)
	}
	for query, want := range map[string][]string{
		"?limit=1":                               {"shp_ord_3_1", "shp_ord_2_1", "shp_ord_1_1"},
		"?limit=1&carrier=fedex":                 {"shp_ord_3_1", "shp_ord_1_1"},
		"?limit=2&status=delivered":              {"shp_ord_1_1"},
		"?limit=2&status=cancelled":              {"shp_ord_3_1"},
		"?limit=2&status=lost":                   nil,
		"?limit=2&carrier=nobody":                nil,
		"?limit=2&status=dispatched&carrier=ups": {"shp_ord_2_1"},
	} {
		if got := h.shipments(t, query); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
}

// shipments reads a list of parcels, page by page.
func (h *harness) shipments(t *testing.T, query string) (ids []string) {
	t.Helper()
	for cursor := ""; ; {
		answer := h.get(t, "/v1/shipments"+query+"&cursor="+cursor)
		wantStatus(t, answer, http.StatusOK)
		page := decode[ShipmentList](t, answer)
		for _, each := range page.Shipments {
			if each.OrderID == "" || each.Warehouse != "wh-1" || each.PlacedAt.IsZero() {
				t.Errorf("parcel %+v", each)
			}
			ids = append(ids, each.ShipmentID)
		}
		if cursor = page.NextCursor; cursor == "" {
			return ids
		}
	}
}

// TestStats_OfAnotherTenant_ShowNothingOfOurs: the other tenant has one order, which is paid.
func TestStats_OfAnotherTenant_ShowNothingOfOurs(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.someSales(t)
	h.key = h.newKey(t, "other", "auditor")
	if got := decode[StatusCounts](t, h.get(t, "/v1/stats/status")).Counts; got[order.Paid] != 1 || got[order.Created]+got[order.Shipped]+got[order.Cancelled] != 0 {
		t.Errorf("statuses: %v", got)
	}
	if got := decode[SalesList](t, h.get(t, "/v1/stats/sales"+aroundNow(time.DateOnly))).Sales; len(got) != 1 || got[0].Captured != 10498 || got[0].Refunded != 0 {
		t.Errorf("sales: %+v", got)
	}
	if got := decode[DeliveryList](t, h.get(t, "/v1/stats/delivery"+aroundNow(time.DateOnly))).Deliveries; len(got) != 0 {
		t.Errorf("delivery times: %+v", got)
	}
	if got := decode[Customer](t, h.get(t, "/v1/customers/cust_456")).Totals; len(got) != 1 || got[0].Orders != 1 {
		t.Errorf("customer: %+v", got)
	}
	if got := h.shipments(t, "?limit=10"); !slices.Equal(got, []string{"shp_ord_5_1"}) {
		t.Errorf("parcels: %v", got)
	}
	h.key = h.newKey(t, "nobody", "auditor")
	wantProblem(t, h.get(t, "/v1/customers/cust_456"), codeNotFound)
}
