package readmodel_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"orderly/eventstore"
	"orderly/readmodel"
)

// TestFigures_RandomHistories_EqualAnotherCount: orders of two tenants live at random, their events are applied in batches of
// random sizes, some of them twice, and every figure is what another way of counting says.
func TestFigures_RandomHistories_EqualAnotherCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	checks, seen := 0, map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		checks++ // tenants are never counted together: those of each check have the tables for themselves
		tenants := []string{fmt.Sprintf("a%d", checks), fmt.Sprintf("b%d", checks)}
		h := newHistory(rt, fmt.Sprintf("ord_%d", checks), tenants)
		for _, each := range h.feed {
			seen[each.stored.Type]++
		}
		w.applyInBatches(rt, h)
		for _, tenant := range tenants {
			w.compareFigures(rt, h, tenant)
		}
	})
	for _, kind := range []string{"OrderAmended", "PaymentReceived", "RefundIssued", "ShipmentDispatched", "ShipmentDelivered", "ReturnReceived", "OrderCancelled", "OrderClosed"} {
		if seen[kind] == 0 && checks >= 100 {
			t.Errorf("no history has %s: %v", kind, seen)
		}
	}
}

// applyInBatches applies the feed of a history. A batch may begin with what the one before it had already.
func (w *world) applyInBatches(rt *rapid.T, h *history) {
	w.t.Helper()
	events := make([]eventstore.Event, len(h.feed))
	for i, each := range h.feed {
		events[i] = each.stored
	}
	for done := 0; done < len(events); {
		from := max(0, done-rapid.SampledFrom([]int{0, 0, 1, 7}).Draw(rt, "again"))
		done = min(len(events), done+rapid.IntRange(1, 40).Draw(rt, "batch"))
		err := pgx.BeginFunc(w.t.Context(), w.pool, func(tx pgx.Tx) error {
			return readmodel.Figures().Apply(w.t.Context(), tx, events[from:done])
		})
		if err != nil {
			rt.Fatal(err)
		}
	}
}

// compareFigures asks for all figures of a tenant, within random ranges that begin and end where something happened.
func (w *world) compareFigures(rt *rapid.T, h *history, tenant string) {
	w.t.Helper()
	ctx, feed, moments := w.t.Context(), h.of(tenant), []time.Time{time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
	for _, each := range feed {
		moments = append(moments, each.recorded.At)
	}
	from, to := rapid.SampledFrom(moments).Draw(rt, "from"), rapid.SampledFrom(moments).Draw(rt, "to")
	if to.Before(from) {
		from, to = to, from
	}
	first, last := dayOf(from), dayOf(to)
	carrier := rapid.SampledFrom(append([]string{""}, historyCarriers...)).Draw(rt, "of carrier")

	sales, err := w.reads.Sales(ctx, tenant, first, last)
	same(rt, "sales", countSales(feed, first, last), sales, err)
	for _, customer := range historyCustomers {
		totals, err := w.reads.Customer(ctx, tenant, customer)
		same(rt, "totals of "+customer, h.countCustomer(tenant, customer), totals, err)
	}
	deliveries, err := w.reads.DeliveryTimes(ctx, tenant, carrier, first, last)
	same(rt, "delivery times", countDeliveries(feed, carrier, first, last), deliveries, err)
	intervals, err := w.reads.StatusIntervals(ctx, tenant, from, to)
	same(rt, "intervals", countIntervals(feed, from, to), intervals, err)

	for _, at := range slices.Clone(moments) {
		moments = append(moments, at.Add(-time.Microsecond), at.Add(time.Microsecond), dayOf(at), dayOf(at).Add(-time.Microsecond))
	}
	counts, err := w.reads.StatusCounts(ctx, tenant, moments...)
	for i, count := range counts {
		same(rt, "statuses at "+moments[i].String(), countStatuses(feed, moments[i]), count.Counts, err)
	}
	same(rt, "instants", len(moments), len(counts), err)
}

// same holds what the read model says against what was counted.
func same[T any](rt *rapid.T, what string, want, got T, err error) {
	rt.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateApprox(1e-9, 1e-6)); err != nil || diff != "" {
		rt.Fatalf("%s: %v (-want +got):\n%s", what, err, diff)
	}
}
