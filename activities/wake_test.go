package activities_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderly/internal/testkit"
	"orderly/workflows"
)

// lookers are order workflows that do what their order's id says, and write down who was told to look.
type lookers struct {
	mu   sync.Mutex
	told []string
}

func (l *lookers) order(ctx workflow.Context, in workflows.OrderInput) error {
	if in.OrderID == "ended" {
		return nil
	}
	if in.OrderID != "of_before" {
		err := workflow.SetUpdateHandler(ctx, workflows.LookUpdate, func(workflow.Context) (workflows.CommandResult, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.told = append(l.told, in.OrderID)
			return workflows.CommandResult{}, nil
		})
		if err != nil {
			return err
		}
	}
	if in.OrderID == "busy" {
		return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			TaskQueue: "nobody", StartToCloseTimeout: time.Hour,
		}), "Any").Get(ctx, nil)
	}
	return workflow.Await(ctx, func() bool { return false })
}

func TestReconciler_WakesWorkflowsThatDoNothing_OnceForEachVersion(t *testing.T) {
	t.Parallel()
	pool := testkit.Database(t)
	r := newReconciler(t, pool)
	all := []string{"busy", "ended", "of_before", "standing"}
	openOrders(t, pool, "paid", append(all, "waiting")...)
	if _, err := pool.Exec(t.Context(), `UPDATE order_views SET steps_due = order_id <> 'waiting'`); err != nil {
		t.Fatal(err)
	}
	var l lookers
	w := worker.New(r.Temporal, workflows.OrderTaskQueue, worker.Options{})
	w.RegisterWorkflowWithOptions(l.order, workflow.RegisterOptions{Name: workflows.OrderWorkflow})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	for _, id := range append(all, "waiting") {
		options := client.StartWorkflowOptions{ID: workflows.OrderWorkflowID(id), TaskQueue: workflows.OrderTaskQueue}
		if _, err := r.Temporal.ExecuteWorkflow(t.Context(), options, workflows.OrderWorkflow, workflows.OrderInput{OrderID: id}); err != nil {
			t.Fatal(err)
		}
	}
	woken := func() (workflows.ReconcileResult, error) {
		found, err := r.Wake(t.Context(), workflows.ReconcileInput{Grace: time.Minute})
		return workflows.ReconcileResult{Woken: found}, err
	}
	for range 2 {
		eventually(t, workflows.ReconcileResult{Woken: 1}, woken)
	}
	if _, err := pool.Exec(t.Context(), `UPDATE order_views SET version = 2`); err != nil {
		t.Fatal(err)
	}
	eventually(t, workflows.ReconcileResult{Woken: 1}, woken)
	l.mu.Lock()
	defer l.mu.Unlock()
	if want := []string{"standing", "standing"}; !slices.Equal(l.told, want) {
		t.Errorf("told to look: %v, want %v", l.told, want)
	}
}
