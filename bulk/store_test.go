package bulk_test

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/bulk"
	"orderly/internal/testkit"
)

// begun is an operation on the orders that are given, and its database.
func begun(t *testing.T, ids ...string) (*bulk.Store, *pgxpool.Pool) {
	t.Helper()
	const insert = `
		INSERT INTO order_views (order_id, tenant, version, status, customer_id, external_ref, currency, total, placed_at, updated_at, needs_attention, state)
		SELECT id, 't', 1, 'paid', 'c', '', 'USD', 0, now(), clock_timestamp(), false, '{}' FROM unnest($1::text[]) AS id`
	pool := testkit.Database(t)
	if _, err := pool.Exec(t.Context(), insert, ids); err != nil {
		t.Fatal(err)
	}
	store := bulk.NewStore(pool)
	if _, _, err := store.Begin(t.Context(), bulk.Operation{ID: "blk_1", Tenant: "t", Command: bulk.Cancel, Filter: bulk.Filter{Status: "paid"}, Rate: 1}, []byte{1}); err != nil {
		t.Fatal(err)
	}
	return store, pool
}

func due(t *testing.T, store *bulk.Store, limit int) (ids []string) {
	t.Helper()
	targets, err := store.Due(t.Context(), "blk_1", limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range targets {
		ids = append(ids, target.OrderID)
	}
	return ids
}

func TestPostpone_ComesAfterTheOthers_LaterEachTime_AndHasFailedInTheEnd(t *testing.T) {
	t.Parallel()
	store, pool := begun(t, "a", "b", "c")
	if got := due(t, store, 2); !slices.Equal(got, []string{"a", "b"}) {
		t.Fatalf("due first: %v", got)
	}
	for try := 1; try <= bulk.Tries; try++ {
		if err := store.Postpone(t.Context(), "blk_1", bulk.Target{OrderID: "a"}, "nobody answers"); err != nil {
			t.Fatal(err)
		}
		if got := due(t, store, 3); !slices.Equal(got, []string{"b", "c"}) {
			t.Errorf("due after try %d: %v", try, got)
		}
		var pause float64
		const read = `SELECT round(extract(epoch FROM try_at - now()))::float8 FROM bulk_targets WHERE order_id = 'a'`
		if err := pool.QueryRow(t.Context(), read).Scan(&pause); err != nil {
			t.Fatal(err)
		}
		if want := float64(int(1) << (try - 1)); pause > want || pause < want/2 {
			t.Errorf("after try %d it is due in %v s, want %v", try, pause, want)
		}
		o, err := store.Get(t.Context(), "t", "blk_1")
		failed := 0
		if try == bulk.Tries {
			failed = 1
		}
		if want := (bulk.Counts{Total: 3, Pending: 3 - failed, Failed: failed}); err != nil || o.Counts != want {
			t.Errorf("after try %d: %+v, %v; want %+v", try, o.Counts, err, want)
		}
	}
	if failed, err := store.Targets(t.Context(), "blk_1", "failed", "", "", 10); err != nil || len(failed) != 1 || failed[0].Detail != "nobody answers" {
		t.Errorf("failed: %+v, %v", failed, err)
	}
}
