package readmodel_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"orderly/eventstore"
	"orderly/journal"
	"orderly/order"
	"orderly/readmodel"
)

// TestStatusCounts_RandomHistories_EqualTheFoldAtAnyInstant: orders of two tenants whose times lie crosswise over two years are
// counted at the instants of all events, just beside them, at the edges of minutes, hours, days and months, and anywhere.
func TestStatusCounts_RandomHistories_EqualTheFoldAtAnyInstant(t *testing.T) {
	t.Parallel()
	begin := time.Date(2024, 11, 30, 23, 58, 0, 0, time.UTC)
	now := begin
	w := newWorldAt(t, func() time.Time { return now })
	stop := w.start(w.store)
	tenants := []string{"a", "b"}
	histories := 0
	rapid.Check(t, func(rt *rapid.T) {
		histories++
		id := fmt.Sprintf("ord_%d", histories)
		now = begin.Add(time.Duration(rapid.Int64Range(0, int64(730*24*time.Hour)).Draw(rt, "placed")))
		w.must(id, placed(rapid.SampledFrom(tenants).Draw(rt, "tenant"), "c", ""))
		for range rapid.IntRange(0, 12).Draw(rt, "moves") {
			now = now.Add(rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute, time.Hour, 26 * time.Hour}).Draw(rt, "pause")).Truncate(time.Second)
			w.randomMove(rt, id)
		}
	})
	eventually(t, w.caughtUp)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	w.mustBeTheFold()
	past := w.statusesOfAll()
	instants := []time.Time{begin.Add(-time.Hour), begin.AddDate(3, 0, 0)}
	for range 200 {
		instants = append(instants, begin.Add(rand.N(730*24*time.Hour)).Truncate(time.Microsecond))
	}
	for _, lives := range past {
		for _, life := range lives {
			for _, each := range life {
				at := each.at
				instants = append(instants, at, at.Add(-time.Microsecond), at.Add(time.Microsecond), at.Truncate(time.Minute), at.Truncate(time.Hour),
					at.Truncate(24*time.Hour), time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC).Add(-time.Microsecond))
			}
		}
	}
	for _, tenant := range tenants {
		for some := range slices.Chunk(instants, 1000) {
			counts, err := w.reads.StatusCounts(t.Context(), tenant, some...)
			if err != nil || len(counts) != len(some) {
				t.Fatalf("%d counts for %d instants, %v", len(counts), len(some), err)
			}
			for i, at := range some {
				if diff := cmp.Diff(countAt(past[tenant], at), counts[i].Counts); diff != "" || !counts[i].At.Equal(at) {
					t.Fatalf("tenant %s at %s (answer of %s; -want +got):\n%s", tenant, at, counts[i].At, diff)
				}
			}
		}
	}
}

// statusAt is a status of an order, and since when.
type statusAt struct {
	at     time.Time
	status order.Status
}

// statusesOfAll folds all events as orders do, by tenant and order.
func (w *world) statusesOfAll() map[string]map[string][]statusAt {
	w.t.Helper()
	states := map[string]order.State{}
	past := map[string]map[string][]statusAt{}
	for after := (eventstore.Position{}); ; {
		events, err := w.store.ReadFeed(w.t.Context(), after, 1000)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(events) == 0 {
			return past
		}
		for _, event := range events {
			after = event.Position
			recorded, err := journal.DecodeEvent(event)
			if err != nil {
				w.t.Fatal(err)
			}
			state := order.FoldOnto(states[event.StreamID], []order.Recorded{recorded})
			states[event.StreamID] = state
			if past[state.Tenant] == nil {
				past[state.Tenant] = map[string][]statusAt{}
			}
			past[state.Tenant][event.StreamID] = append(past[state.Tenant][event.StreamID], statusAt{event.CreatedAt, state.Status})
		}
	}
}

func countAt(lives map[string][]statusAt, at time.Time) map[order.Status]int64 {
	counts := map[order.Status]int64{}
	for _, status := range order.Statuses {
		counts[status] = 0
	}
	for life := range maps.Values(lives) {
		var status order.Status
		for _, each := range life {
			if !each.at.After(at) {
				status = each.status
			}
		}
		if status != "" {
			counts[status]++
		}
	}
	return counts
}

// TestStatusCounts_NameThePositionUpToWhichTheyAreTrue: it is that of the checkpoint, which has seen all of it.
func TestStatusCounts_NameThePositionUpToWhichTheyAreTrue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("ord_1", placed("t", "c", ""))
	w.project()
	events, err := w.store.ReadFeed(t.Context(), eventstore.Position{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	w.must("ord_2", placed("t", "c", ""))
	counts, err := w.reads.StatusCounts(t.Context(), "t", time.Now().Add(time.Hour))
	if err != nil || len(counts) != 1 || counts[0].Position != events[0].Position || counts[0].Counts[order.Created] != 1 {
		t.Errorf("got %+v, %v; want one created order as of %s", counts, err, events[0].Position)
	}
}

// TestFigures_ManyWritersAtOnce_LoseNothing: the counters are shared by all orders; writers that each have some of the orders
// write them at the same time, in small batches.
func TestFigures_ManyWritersAtOnce_LoseNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const writers = 4
	for n := range 24 {
		id := fmt.Sprintf("ord_%d", n)
		w.must(id, placed([]string{"a", "b"}[n%2], fmt.Sprintf("cust_%d", n%3), ""))
		w.carryOn(id, "")
	}
	events := w.feed()
	ended := make(chan error, writers)
	for writer := range writers {
		go func() { ended <- w.applyFigures(events, writer, writers) }()
	}
	for range writers {
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	last := events[len(events)-1].Position
	for _, name := range []string{"figures", "orders"} {
		if _, err := w.pool.Exec(t.Context(), `INSERT INTO projections (name, shard, version, checkpoint_tx, checkpoint_position) VALUES ($1, 0, 1, $2, $3)`,
			name, last.Tx, last.Seq); err != nil {
			t.Fatal(err)
		}
	}
	differences, err := readmodel.Verify(t.Context(), w.pool, w.store)
	for _, d := range differences {
		if !slices.Contains([]string{"order_views", "order_views.state", "order_skus", "shipment_index"}, d.What) { // nobody wrote those
			t.Errorf("%+v", d)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// feed is every event, as soon as transactions of other tests in the same cluster do not hold it back any more.
func (w *world) feed() []eventstore.Event {
	w.t.Helper()
	var total int
	if err := w.pool.QueryRow(w.t.Context(), `SELECT count(*) FROM order_events`).Scan(&total); err != nil {
		w.t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		events, err := w.store.ReadFeed(w.t.Context(), eventstore.Position{}, 10_000)
		if err != nil || time.Now().After(deadline) {
			w.t.Fatalf("the feed gave %d of %d events, %v", len(events), total, err)
		}
		if len(events) == total {
			return events
		}
	}
}

// applyFigures applies the events of one writer's orders, three at a time.
func (w *world) applyFigures(events []eventstore.Event, writer, writers int) error {
	var mine []eventstore.Event
	for _, event := range events {
		if int(event.StreamID[len(event.StreamID)-1])%writers == writer {
			mine = append(mine, event)
		}
	}
	for some := range slices.Chunk(mine, 3) {
		err := pgx.BeginFunc(w.t.Context(), w.pool, func(tx pgx.Tx) error {
			return readmodel.Figures().Apply(w.t.Context(), tx, some)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func TestSeries(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	instants, err := readmodel.Series(from, from.Add(150*time.Minute), time.Hour)
	if want := []time.Time{from, from.Add(time.Hour), from.Add(2 * time.Hour)}; err != nil || !slices.Equal(instants, want) {
		t.Errorf("got %v, %v; want %v", instants, err, want)
	}
	if _, err := readmodel.Series(from, from.Add(readmodel.MaxInstants*time.Hour), time.Hour); !errors.Is(err, readmodel.ErrTooManyInstants) {
		t.Errorf("one too many: got %v", err)
	}
	if instants, err := readmodel.Series(from, from.Add((readmodel.MaxInstants-1)*time.Hour), time.Hour); err != nil || len(instants) != readmodel.MaxInstants {
		t.Errorf("as many as may be: got %d, %v", len(instants), err)
	}
	for _, step := range []time.Duration{0, -time.Hour} {
		if _, err := readmodel.Series(from, from.Add(time.Hour), step); err == nil {
			t.Errorf("a step of %s was taken", step)
		}
	}
}

func TestStatusIntervals_MeasureFromOneChangeToTheNext(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	w := newWorldAt(t, func() time.Time { return now })
	w.must("ord_1", placed("t", "c", ""))
	now = now.Add(time.Hour)
	w.must("ord_1", order.CancelOrder{})
	w.project()
	intervals, err := w.reads.StatusIntervals(t.Context(), "t", now.Add(-time.Minute), now.Add(time.Minute))
	if err != nil || len(intervals) == 0 || intervals[0].Status != order.Cancelling && intervals[0].Status != order.Created {
		t.Fatalf("got %+v, %v", intervals, err)
	}
	for _, each := range intervals {
		if each.Status == order.Created && (each.Orders != 1 || each.Mean < 3600 || each.Mean > 3601 || each.P50 != each.P99) {
			t.Errorf("got %+v, want one order that was created for an hour", each)
		}
	}
	if others, err := w.reads.StatusIntervals(t.Context(), "another", now.Add(-time.Minute), now.Add(time.Minute)); err != nil || len(others) > 0 {
		t.Errorf("another tenant's: got %+v, %v", others, err)
	}
}
