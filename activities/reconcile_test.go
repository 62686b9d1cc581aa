package activities_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/testsuite"

	"orderly/activities"
	"orderly/internal/testkit"
	"orderly/readmodel"
	"orderly/workflows"
)

// openOrders writes rows of the read model as the projection does for open orders of an hour ago, by id.
func openOrders(t testing.TB, pool *pgxpool.Pool, status string, ids ...string) {
	t.Helper()
	const insert = `
		INSERT INTO order_views (order_id, tenant, version, status, customer_id, external_ref, currency, total, placed_at, updated_at, needs_attention, state)
		SELECT id, 't', 1, $2, 'c', '', 'USD', 0, now() - interval '1 hour', now() - interval '1 hour', false, '{}' FROM unnest($1::text[]) AS id`
	if _, err := pool.Exec(t.Context(), insert, ids, status); err != nil {
		t.Fatal(err)
	}
}

func newReconciler(t testing.TB, pool *pgxpool.Pool) *activities.Reconciler {
	t.Helper()
	temporal, name := testkit.Temporal(t)
	return &activities.Reconciler{
		Reads: readmodel.New(pool), Temporal: temporal, Namespace: name, OrderURL: func(id string) string { return "http://orderly.test/" + id },
	}
}

func numbered(prefix string, n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("%s%05d", prefix, i))
	}
	return ids
}

// eventually waits until a round finds what is wanted: a new namespace is not known everywhere at once, and the lists lag.
func eventually(t *testing.T, want workflows.ReconcileResult, round func() (workflows.ReconcileResult, error)) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		got, err := round()
		if err == nil && got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
	}
}

func TestReconciler_StartsWhatIsMissing_PageByPage(t *testing.T) {
	t.Parallel()
	pool := testkit.Database(t)
	const open = 1100 // three pages
	openOrders(t, pool, "paid", numbered("open-", open)...)
	openOrders(t, pool, "cancelling", "with'quote")
	openOrders(t, pool, "closed", numbered("closed-", 20)...)
	openOrders(t, pool, "cancelled", "cancelled-1")
	r := newReconciler(t, pool)
	count := func() (workflows.ReconcileResult, error) {
		return r.Count(t.Context(), workflows.ReconcileInput{Grace: time.Minute})
	}
	eventually(t, workflows.ReconcileResult{Open: open + 1, Missing: open + 1}, count)
	var beats []int
	begin := time.Now()
	found, err := r.Start(t.Context(), workflows.ReconcileInput{Grace: time.Minute}, activities.Reconciled{}, func(now activities.Reconciled) {
		beats = append(beats, now.Open)
	})
	if want := (workflows.ReconcileResult{Open: open + 1, Missing: open + 1, Started: open + 1}); err != nil || found != want {
		t.Fatalf("got %+v, %v; want %+v", found, err, want)
	}
	t.Logf("%d workflows started in %s", found.Started, time.Since(begin))
	if !slices.IsSorted(beats) || beats[len(beats)-1] != open+1 || len(beats) < open {
		t.Errorf("%d beats, the last at %d", len(beats), beats[len(beats)-1])
	}
	eventually(t, workflows.ReconcileResult{Open: open + 1}, count)
	begin = time.Now()
	if _, err := count(); err != nil {
		t.Error(err)
	}
	t.Logf("%d running workflows were found in %s", open+1, time.Since(begin))
	young, err := r.Count(t.Context(), workflows.ReconcileInput{Grace: 2 * time.Hour})
	if err != nil || young != (workflows.ReconcileResult{}) {
		t.Errorf("orders of an hour ago: %+v, %v", young, err)
	}
}

// TestReconciler_NextTry_GoesOnWhereTheLastOneWas gives a try the heartbeat of one that came to the last order but two.
func TestReconciler_NextTry_GoesOnWhereTheLastOneWas(t *testing.T) {
	t.Parallel()
	pool := testkit.Database(t)
	openOrders(t, pool, "paid", numbered("open-", 10)...)
	r := newReconciler(t, pool)
	var told workflows.ReconcileResult
	r.Done = func(found workflows.ReconcileResult) { told = found }
	eventually(t, workflows.ReconcileResult{Open: 10, Missing: 10}, func() (workflows.ReconcileResult, error) {
		return r.Count(t.Context(), workflows.ReconcileInput{})
	})
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(r.StartMissingWorkflows)
	env.SetHeartbeatDetails(activities.Reconciled{ReconcileResult: workflows.ReconcileResult{Open: 8, Missing: 5, Started: 4}, After: "open-00007"})
	value, err := env.ExecuteActivity(r.StartMissingWorkflows, workflows.ReconcileInput{})
	if err != nil {
		t.Fatal(err)
	}
	var found workflows.ReconcileResult
	if err := value.Get(&found); err != nil {
		t.Fatal(err)
	}
	if want := (workflows.ReconcileResult{Open: 10, Missing: 7, Started: 6}); found != want || told != want {
		t.Errorf("got %+v, told %+v, want %+v", found, told, want)
	}
}

// BenchmarkReconcile compares what a round costs when nothing is missing: asking Temporal's lists, and trying to start each.
func BenchmarkReconcile(b *testing.B) {
	pool := testkit.Database(b)
	ids := numbered("open-", 3000)
	openOrders(b, pool, "paid", ids...)
	r := newReconciler(b, pool)
	in := workflows.ReconcileInput{}
	for {
		if _, err := r.Start(b.Context(), in, activities.Reconciled{}, func(activities.Reconciled) {}); err == nil {
			break
		}
	}
	for found := (workflows.ReconcileResult{Missing: 1}); found.Missing > 0; {
		var err error
		if found, err = r.Count(b.Context(), in); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("lists", func(b *testing.B) {
		for b.Loop() {
			if found, err := r.Start(b.Context(), in, activities.Reconciled{}, func(activities.Reconciled) {}); err != nil || found.Started > 0 {
				b.Fatal(found, err)
			}
		}
	})
	b.Run("starts", func(b *testing.B) {
		for b.Loop() {
			if started, err := activities.StartAll(b.Context(), r, ids); err != nil || started > 0 {
				b.Fatal(started, err)
			}
		}
	})
}
