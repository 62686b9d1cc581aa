package readmodel_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orderly/order"
	"orderly/readmodel"
)

func TestStandingOrders_HaveStepsDue_ThoseThatWereQuietForLongestAreLast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("ord_old", placed("t", "c", ""))
	w.park("ord_parked", "t", "down")
	w.must("ord_held", placed("t", "c", ""))
	w.must("ord_held", order.HoldOrder{Code: "manual"})
	w.must("ord_booked", placed("t", "c", ""))
	w.carryOn("ord_booked", "")
	w.must("ord_released", placed("t", "c", ""))
	w.must("ord_released", order.HoldOrder{Code: "manual"})
	w.must("ord_released", order.ReleaseOrder{Code: "manual"})
	before := time.Now()
	w.must("ord_young", placed("t", "c", ""))
	w.project()
	released, old := readmodel.Standing{OrderID: "ord_released", Version: 3}, readmodel.Standing{OrderID: "ord_old", Version: 1}
	for limit, want := range map[int][]readmodel.Standing{1: {released}, 10: {released, old}} {
		got, err := w.reads.StandingOrders(t.Context(), before, limit)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("at most %d: %v (-want +got)\n%s", limit, err, diff)
		}
	}
	w.mustBeTheFold()
}
