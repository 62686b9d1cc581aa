package readmodel_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"orderly/eventstore"
	"orderly/order"
	"orderly/projection"
	"orderly/readmodel"
)

func TestProjection_RandomHistories_RowsEqualTheFold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stop := w.start(w.store)
	histories := 0
	rapid.Check(t, func(rt *rapid.T) {
		histories++
		id := fmt.Sprintf("ord_%d", histories)
		w.must(id, placed("t", "c", ""))
		for range rapid.IntRange(0, 12).Draw(rt, "moves") {
			w.randomMove(rt, id)
		}
	})
	eventually(t, w.caughtUp)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	w.mustBeTheFold()
}

func TestProjection_TwoRunnersInTurn_RowsEqualTheFold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range 30 {
			id := fmt.Sprintf("ord_%d", n)
			w.must(id, placed("t", "c", ""))
			w.carryOn(id, "")
		}
	}()
	var stops []func() error
	const runners = 6
	for n := range runners {
		stops = append(stops, w.start(w.store))
		eventually(t, func() bool { return w.fence() == n+1 })
	}
	<-done
	eventually(t, w.caughtUp)
	for n, stop := range stops[:runners-1] {
		if err := stop(); err != nil && !errors.Is(err, projection.ErrFenced) {
			t.Errorf("runner %d: %v", n, err)
		}
	}
	if err := stops[runners-1](); err != nil {
		t.Errorf("the last runner: %v", err)
	}
	w.mustBeTheFold()
}

// fence is how often each projection was taken over, by the one that was so least.
func (w *world) fence() (fence int) {
	const query = `SELECT CASE WHEN count(*) = $1 THEN min(fence) ELSE 0 END FROM projections`
	if err := w.pool.QueryRow(context.Background(), query, len(readmodel.Projections())).Scan(&fence); err != nil {
		w.t.Error(err)
	}
	return fence
}

func TestProjection_AlreadyApplied_IsSkipped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("ord_1", placed("t", "c", ""))
	w.carryOn("ord_1", "")
	w.project()
	w.exec(`UPDATE projections SET checkpoint_tx = '0', checkpoint_position = 0`)
	w.project()
	w.mustBeTheFold()
}

func TestProjection_MissingEvents_StopsLoudly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("ord_1", placed("t", "c", ""))
	w.project()
	w.exec(`DELETE FROM order_views`)
	w.must("ord_1", order.AddNote{Text: "after the gap"})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := projection.NewRunner(w.pool, w.store, nil, readmodel.Orders(), 0).Run(ctx, nil)
	var gap *projection.GapError
	if !errors.As(err, &gap) || gap.Have != 0 || gap.Got != 2 {
		t.Errorf("got %v, want a GapError", err)
	}
}

func TestVerify_FindsWhatWasTamperedWith(t *testing.T) {
	t.Parallel()
	for what, statement := range map[string]string{
		"order_views":       `UPDATE order_views SET total = total + 1 WHERE order_id = 'ord_2'`,
		"order_views.state": `UPDATE order_views SET state = jsonb_set(state::jsonb, '{currency}', '"EUR"') WHERE order_id = 'ord_2'`,
		"attention_queue":   `DELETE FROM attention_queue WHERE order_id = 'ord_2'`,
		"shipment_index":    `INSERT INTO shipment_index VALUES ('shp_x', 'ord_2', 't', 'T')`,
		"order_skus":        `DELETE FROM order_skus WHERE order_id = 'ord_2' AND sku = 'SKU-1'`,
		"order_figures":     `UPDATE order_figures SET channel = 'x' WHERE order_id = 'ord_2'`,
		"status_changes":    `UPDATE status_changes SET since = since - interval '1 second' WHERE order_id = 'ord_2'`,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for n := range 4 {
				w.park(fmt.Sprintf("ord_%d", n), "t", "down")
			}
			w.project()
			w.mustBeTheFold()
			w.exec(statement)
			differences, err := readmodel.Verify(t.Context(), w.pool, w.store)
			if err != nil || len(differences) != 1 {
				t.Fatalf("differences: %+v, %v", differences, err)
			}
			got := readmodel.Difference{OrderID: differences[0].OrderID, What: differences[0].What}
			if diff := cmp.Diff(readmodel.Difference{OrderID: "ord_2", What: what}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestVerify_FindsCountersThatWereTamperedWith(t *testing.T) {
	t.Parallel()
	for table, statement := range map[string]string{
		"status_nets":     `UPDATE status_nets SET net = net + 1 WHERE span = 'day' AND status = 'created'`,
		"daily_sales":     `UPDATE daily_sales SET refunded = refunded + 1`,
		"customer_totals": `DELETE FROM customer_totals WHERE customer_id = 'c'`,
		"delivery_times":  `INSERT INTO delivery_times VALUES ('t', '2026-01-01', 'fedex', 'ship', 60, 1, 1)`,
	} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.must("ord_1", placed("t", "c", ""))
			w.project()
			w.mustBeTheFold()
			w.exec(statement)
			differences, err := readmodel.Verify(t.Context(), w.pool, w.store)
			if err != nil || len(differences) != 1 || differences[0].What != table || differences[0].OrderID != "" {
				t.Errorf("differences: %+v, %v; want one of %s", differences, err, table)
			}
		})
	}
}

func TestVerify_LooksAtEveryPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 450 {
		w.must(fmt.Sprintf("ord_%03d", n), placed("t", "c", ""))
	}
	w.project()
	w.mustBeTheFold()
	w.exec(`DELETE FROM order_views WHERE order_id = 'ord_449'`)
	w.exec(`INSERT INTO shipment_index VALUES ('shp_z', 'zzz', 't', 'T'), ('shp_a', 'aaa', 't', 'T')`)
	w.exec(`INSERT INTO order_skus VALUES ('SKU-1', 'ord_199a'), ('SKU-1', 'ord_200a'), ('SKU-1', 'ord_4')`)
	w.exec(`INSERT INTO status_changes SELECT 'ord_399a', version, tenant, at, '', since, to_status FROM status_changes WHERE order_id = 'ord_399'`)
	differences, err := readmodel.Verify(t.Context(), w.pool, w.store)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, d := range differences {
		found[d.OrderID] = true
	}
	if diff := cmp.Diff(map[string]bool{
		"ord_449": true, "zzz": true, "aaa": true, "ord_199a": true, "ord_200a": true, "ord_4": true, "ord_399a": true, "": true,
	}, found); diff != "" {
		t.Error(diff)
	}
}

// TestVerify_TakesLongerThanAStatementMay_GoesOn has it wait in the middle for longer than its session lets a statement take.
func TestVerify_TakesLongerThanAStatementMay_GoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("ord_1", placed("t", "c", ""))
	w.project()
	const bound = 500 * time.Millisecond
	config := w.pool.Config()
	config.ConnConfig.RuntimeParams["statement_timeout"] = bound.String()
	hurried, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer hurried.Close()
	if err := hurried.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	held, err := w.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.Exec(t.Context(), `LOCK TABLE projections IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(3*bound, func() { _ = held.Rollback(context.Background()) })
	if differences, err := readmodel.Verify(t.Context(), hurried, w.store); err != nil || len(differences) > 0 {
		t.Errorf("differences: %+v, %v", differences, err)
	}
}

func (w *world) exec(statement string) {
	w.t.Helper()
	if _, err := w.pool.Exec(w.t.Context(), statement); err != nil {
		w.t.Fatal(err)
	}
}

// TestVerify_LooksAtEveryShard: one shard is behind, another one has a dead letter, and a third one a wrong row.
func TestVerify_LooksAtEveryShard(t *testing.T) {
	t.Parallel()
	const shards = 3
	w := newWorld(t)
	ids := idsByShard(shards)
	for _, id := range ids {
		w.must(id, placed("t", "c", ""))
	}
	w.runShards(shards, 0, 1, 2)
	w.spoil(ids[1])
	w.must(ids[0], order.AddNote{Text: "more"})
	w.must(ids[2], order.AddNote{Text: "more"})
	w.must("new_"+ids[2], placed("t", "c", ""))
	w.runShards(shards, 1, 2)
	w.mustBeTheFold()
	w.exec(`DELETE FROM order_views WHERE order_id = '` + ids[2] + `'`)
	w.exec(`UPDATE order_figures SET channel = 'x' WHERE order_id = '` + ids[2] + `'`)
	differences, err := readmodel.Verify(t.Context(), w.pool, w.store)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, d := range differences {
		found[d.What] = d.OrderID
	}
	want := map[string]string{"order_views": ids[2], "order_views.state": ids[2], "order_figures": ids[2]}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
}

// idsByShard are ids of orders, one for each shard; with new_ before it, too.
func idsByShard(shards int) []string {
	ids := make([]string, shards)
	for n, found := 0, 0; found < shards; n++ {
		id := fmt.Sprintf("ord_%d", n)
		shard := projection.ShardOf(id, shards)
		if ids[shard] == "" && projection.ShardOf("new_"+id, shards) == shard {
			ids[shard] = id
			found++
		}
	}
	return ids
}

// runShards runs some shards of all projections until they have everything.
func (w *world) runShards(shards int, which ...int) {
	w.t.Helper()
	const level = `
		SELECT count(*) = $1 FROM projections WHERE shard = ANY($2) AND (checkpoint_tx, checkpoint_position)
			= (SELECT tx, position FROM order_events ORDER BY tx DESC, position DESC LIMIT 1)`
	ctx, stop := context.WithCancel(w.t.Context())
	ended := make(chan error)
	runners := 0
	for _, p := range readmodel.Projections() {
		p.Shards = shards
		for _, shard := range which {
			runners++
			go func() { ended <- projection.NewRunner(w.pool, w.store, nil, p, shard).Run(ctx, nil) }()
		}
	}
	eventually(w.t, func() (all bool) {
		if err := w.pool.QueryRow(w.t.Context(), level, runners, which).Scan(&all); err != nil {
			w.t.Error(err)
		}
		return all
	})
	stop()
	for range runners {
		if err := <-ended; err != nil {
			w.t.Error(err)
		}
	}
}

// spoil gives an order an event that nobody knows, and says how far it is good.
func (w *world) spoil(id string) (version int) {
	w.t.Helper()
	_, head, err := w.store.Load(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	unknown := eventstore.NewEvent{
		ID: uuid.Must(uuid.NewV7()), Type: "NobodyKnows", SchemaVersion: 1, Data: json.RawMessage(`{}`), Metadata: json.RawMessage(`{}`),
	}
	if _, _, err := w.store.Append(w.t.Context(), id, head, unknown); err != nil {
		w.t.Fatal(err)
	}
	return head.Version()
}

// TestProjection_EventOfAnUnknownType_ParksItsOrder: the row stays what it was before the event, and Verify expects so.
func TestProjection_EventOfAnUnknownType_ParksItsOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must("ord_1", placed("t", "c", ""))
	w.must("ord_2", placed("t", "c", ""))
	good := w.spoil("ord_1")
	w.spoil("ord_1")
	w.must("ord_2", order.AddNote{Text: "goes on"})
	w.project()
	w.mustBeTheFold()
	for id, want := range map[string]int{"ord_1": good, "ord_2": 2} {
		if state, err := w.reads.Order(t.Context(), "", id); err != nil || state.Version != want {
			t.Errorf("%s is at version %d (%v), want %d", id, state.Version, err, want)
		}
	}
	w.exec(`UPDATE order_views SET version = 9 WHERE order_id = 'ord_1'`)
	if differences, err := readmodel.Verify(t.Context(), w.pool, w.store); err != nil || len(differences) != 1 {
		t.Errorf("differences: %+v, %v", differences, err)
	}
}
