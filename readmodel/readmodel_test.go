package readmodel_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orderly/eventstore"
	"orderly/order"
	"orderly/projection"
	"orderly/readmodel"
)

func TestOrder_IsOfItsTenantOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want, _ := w.must("ord_1", placed("a", "c", ""))
	w.project()
	for _, tenant := range []string{"a", ""} {
		got, err := w.reads.Order(t.Context(), tenant, "ord_1")
		if diff := cmp.Diff(want.WithoutCommands(), got); err != nil || diff != "" {
			t.Errorf("as tenant %q: %v (-want +got)\n%s", tenant, err, diff)
		}
	}
	if _, err := w.reads.Order(t.Context(), "b", "ord_1"); !errors.Is(err, order.ErrNotFound) {
		t.Errorf("another tenant's: got %v", err)
	}
	if _, ok, err := w.reads.WaitForVersion(t.Context(), "b", "ord_1", 1, 0); ok || err != nil {
		t.Errorf("waiting for another tenant's: %v, %v", ok, err)
	}
}

func TestOrders_EachFilter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("ord_1", placed("a", "cust_1", "web-1"))
	w.must("ord_2", placed("a", "cust_2", "web-2"))
	w.must("ord_3", placed("b", "cust_1", ""))
	w.carryOn("ord_2", order.CommitStock)
	w.park("ord_4", "a", "down")
	w.project()
	second, err := w.reads.Order(t.Context(), "", "ord_2")
	if err != nil || len(second.Shipments) == 0 || second.Shipments[0].TrackingNumber == "" {
		t.Fatalf("ord_2 has no parcel: %+v, %v", second, err)
	}
	yes, no := true, false
	for name, test := range map[string]struct {
		filter readmodel.Filter
		want   []string
	}{
		"all":              {readmodel.Filter{}, []string{"ord_4", "ord_3", "ord_2", "ord_1"}},
		"tenant":           {readmodel.Filter{Tenant: "a"}, []string{"ord_4", "ord_2", "ord_1"}},
		"status":           {readmodel.Filter{Status: order.Paid}, []string{"ord_2"}},
		"customer":         {readmodel.Filter{CustomerID: "cust_1"}, []string{"ord_3", "ord_1"}},
		"attention":        {readmodel.Filter{NeedsAttention: &yes}, []string{"ord_4"}},
		"no attention":     {readmodel.Filter{NeedsAttention: &no, Tenant: "a"}, []string{"ord_2", "ord_1"}},
		"after":            {readmodel.Filter{PlacedAfter: second.PlacedAt}, []string{"ord_4", "ord_3"}},
		"before":           {readmodel.Filter{PlacedBefore: second.PlacedAt}, []string{"ord_1"}},
		"order id":         {readmodel.Filter{Query: "ord_3"}, []string{"ord_3"}},
		"of its tenant":    {readmodel.Filter{Query: "ord_3", Tenant: "a"}, nil},
		"external ref":     {readmodel.Filter{Query: "web-2"}, []string{"ord_2"}},
		"query: customer":  {readmodel.Filter{Query: "cust_1"}, []string{"ord_3", "ord_1"}},
		"tracking number":  {readmodel.Filter{Query: second.Shipments[0].TrackingNumber}, []string{"ord_2"}},
		"nothing":          {readmodel.Filter{Query: "none"}, nil},
		"cannot be stored": {readmodel.Filter{Query: "\x00\xff"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := w.reads.Orders(t.Context(), test.filter)
			if diff := cmp.Diff(test.want, ids(page)); err != nil || diff != "" {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
}

func ids(page readmodel.Page) []string {
	var ids []string
	for _, each := range page.Orders {
		ids = append(ids, each.OrderID)
	}
	return ids
}

func TestOrders_PagesAreRightWhileRowsAreAdded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	for n := range 11 {
		id := fmt.Sprintf("ord_%02d", n)
		w.must(id, placed("t", "c", ""))
		want = append(want, id)
	}
	w.project()
	// Two have the same time: the id tells them apart.
	w.exec(`UPDATE order_views SET placed_at = (SELECT placed_at FROM order_views WHERE order_id = 'ord_05') WHERE order_id = 'ord_06'`)
	slices.Reverse(want)
	var got []string
	filter := readmodel.Filter{Limit: 2}
	for n := 0; ; n++ {
		page, err := w.reads.Orders(t.Context(), filter)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, ids(page)...)
		if filter.Cursor = page.NextCursor; filter.Cursor == "" {
			break
		}
		w.must(fmt.Sprintf("ord_new_%d", n), placed("t", "c", ""))
		w.project()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestCursors_ThatNoPageGave_AreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, cursor := range []string{"x", "e30", "bnVsbA", "eyJhdCI6IjIwMjYtMDEtMDFUMDA6MDA6MDBaIiwiaWQiOltdfQ", "!!"} {
		if _, err := w.reads.Orders(t.Context(), readmodel.Filter{Cursor: cursor}); !errors.Is(err, readmodel.ErrBadCursor) {
			t.Errorf("orders, cursor %q: %v", cursor, err)
		}
		if _, err := w.reads.Attention(t.Context(), readmodel.AttentionFilter{Cursor: cursor}); !errors.Is(err, readmodel.ErrBadCursor) {
			t.Errorf("attention, cursor %q: %v", cursor, err)
		}
	}
}

func TestAttention_OldestFirst_UntilItIsDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 5 {
		w.park(fmt.Sprintf("ord_%d", n), []string{"a", "b"}[n%2], []string{"down", "slow"}[n%2])
	}
	w.project()
	if got := w.queue(readmodel.AttentionFilter{Limit: 2}); !slices.Equal(got, []string{"ord_0", "ord_1", "ord_2", "ord_3", "ord_4"}) {
		t.Errorf("all: %v", got)
	}
	for _, filter := range []readmodel.AttentionFilter{{Tenant: "b"}, {Code: "slow"}} {
		if got := w.queue(filter); !slices.Equal(got, []string{"ord_1", "ord_3"}) {
			t.Errorf("%+v: %v", filter, got)
		}
	}
	if got := w.queue(readmodel.AttentionFilter{Step: order.BookShipment}); got != nil {
		t.Errorf("another step: %v", got)
	}
	w.must("ord_0", order.RetryStep{AttentionID: "att_1"})
	w.project()
	if got := w.queue(readmodel.AttentionFilter{}); !slices.Equal(got, []string{"ord_1", "ord_2", "ord_3", "ord_4"}) {
		t.Errorf("after a retry: %v", got)
	}
	w.mustBeTheFold()
}

func TestAttention_OfAParcel_NamesItsCarrier(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("ord_1", placed("t", "c", ""))
	_, plan := w.carryOn("ord_1", order.BookShipment)
	state, _ := w.must("ord_1", order.ReportStepFailure{Step: plan.Steps[0], Class: order.ClassUnavailable, Code: "no", Message: "no", Attempts: 1})
	for len(state.Attention) == 0 {
		_, plan = w.carryOn("ord_1", order.BookShipment)
		state, _ = w.must("ord_1", order.ReportStepFailure{Step: plan.Steps[0], Class: order.ClassUnavailable, Code: "no", Message: "no", Attempts: 1})
	}
	w.project()
	shipment, _ := state.Shipment(state.Attention[0].ShipmentID)
	got := w.queue(readmodel.AttentionFilter{Carrier: shipment.Carrier, Step: order.BookShipment})
	if !slices.Equal(got, []string{"ord_1"}) || shipment.Carrier == "" {
		t.Errorf("carrier %q: %v", shipment.Carrier, got)
	}
}

// queue reads the whole work queue, page by page.
func (w *world) queue(filter readmodel.AttentionFilter) []string {
	w.t.Helper()
	var ids []string
	for {
		page, err := w.reads.Attention(w.t.Context(), filter)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, item := range page.Attention {
			ids = append(ids, item.OrderID)
		}
		if filter.Cursor = page.NextCursor; filter.Cursor == "" {
			return ids
		}
	}
}

func TestOrderByTracking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("ord_1", placed("t", "c", ""))
	state, _ := w.carryOn("ord_1", order.CommitStock)
	w.project()
	if got, err := w.reads.OrderByTracking(t.Context(), state.Shipments[0].TrackingNumber); err != nil || got != "ord_1" {
		t.Errorf("got %q, %v", got, err)
	}
	for _, number := range []string{"", "unknown"} {
		if _, err := w.reads.OrderByTracking(t.Context(), number); !errors.Is(err, order.ErrNotFound) {
			t.Errorf("%q: got %v", number, err)
		}
	}
	w.exec(`INSERT INTO shipment_index SELECT shipment_id || 'x', 'ord_x', tenant, tracking_number FROM shipment_index WHERE tracking_number <> ''`)
	if _, err := w.reads.OrderByTracking(t.Context(), state.Shipments[0].TrackingNumber); !errors.Is(err, readmodel.ErrAmbiguousTracking) {
		t.Errorf("of two orders: %v", err)
	}
}

func TestWaitForVersion_IsWoken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	listener := eventstore.NewListener(w.pool, projection.Channel)
	ctx, cancel := context.WithCancel(t.Context())
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		listener.Run(ctx)
	}()
	defer func() {
		cancel()
		<-listening
	}()
	subscribed := make(chan struct{}, 1)
	reads := readmodel.New(w.pool, readmodel.Options{Projected: func() (<-chan struct{}, func()) {
		defer func() { subscribed <- struct{}{} }()
		return listener.On(projection.Channel)()
	}})
	w.must("ord_1", placed("t", "c", ""))
	type answer struct {
		state order.State
		ok    bool
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		state, ok, err := reads.WaitForVersion(t.Context(), "t", "ord_1", 1, patience)
		answered <- answer{state, ok, err}
	}()
	<-subscribed
	w.project()
	if got := <-answered; got.err != nil || !got.ok || got.state.Version != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestWaitForVersion_TimeIsOver_GivesWhatIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("ord_1", placed("t", "c", ""))
	w.project()
	state, ok, err := w.reads.WaitForVersion(t.Context(), "t", "ord_1", 2, 10*time.Millisecond)
	if err != nil || ok || state.Version != 1 {
		t.Errorf("got version %d, %v, %v", state.Version, ok, err)
	}
	state, ok, err = w.reads.WaitForVersion(t.Context(), "t", "none", 1, time.Millisecond)
	if err != nil || ok || state.Exists() {
		t.Errorf("of an order that is not there: %+v, %v, %v", state, ok, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := w.reads.WaitForVersion(ctx, "t", "ord_1", 2, patience); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
