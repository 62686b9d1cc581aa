package readmodel_test

import (
	"testing"

	"orderly/order"
	"orderly/projection"
	"orderly/readmodel"
)

// TestOrders_StatesOfBefore_AreServedUntilTheNextGeneration: migrations leave a table alone that is read and written, and those who
// have read from it go on when the next generation takes its place.
func TestOrders_StatesOfBefore_AreServedUntilTheNextGeneration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("ord_1", placed("t", "c", ""))
	w.must("ord_held", placed("t", "c", ""))
	w.must("ord_held", order.HoldOrder{Code: "manual"}) // for a reason, which is in the metadata
	w.project()
	for _, before := range []string{"jsonb", "json"} {
		w.exec(`ALTER TABLE order_views ALTER COLUMN state TYPE ` + before + ` USING state::` + before)
		w.wantStatesAre(before)
		if err := projection.NewRebuilder(w.pool, w.store, nil, readmodel.Orders()).Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		w.wantStatesAre("text")
		w.mustBeTheFold()
	}
	w.must("ord_2", placed("t", "c", ""))
	w.project()
	w.mustBeTheFold()
}

// wantStatesAre checks the type of the states, and that all connections of the pool read them.
func (w *world) wantStatesAre(kind string) {
	w.t.Helper()
	const query = `SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'order_views'::regclass AND attname = 'state'`
	var is string
	if err := w.pool.QueryRow(w.t.Context(), query).Scan(&is); err != nil || is != kind {
		w.t.Errorf("states are %s, want %s; %v", is, kind, err)
	}
	connections := w.pool.AcquireAllIdle(w.t.Context())
	for _, each := range connections {
		each.Release()
		if state, err := w.reads.Order(w.t.Context(), "t", "ord_1"); err != nil || state.Version != 1 {
			w.t.Errorf("read at version %d, %v", state.Version, err)
		}
	}
}
