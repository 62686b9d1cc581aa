package activities_test

import (
	"testing"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderly/activities"
	"orderly/bulk"
	"orderly/internal/testkit"
	"orderly/orchestrator"
	"orderly/order"
	"orderly/workflows"
)

// answerCancels runs order workflows that take cancellations, but those of one order fail with what is no refusal.
func answerCancels(t *testing.T, broken string) *orchestrator.Orchestrator {
	t.Helper()
	c, _ := testkit.Temporal(t)
	w := worker.New(c, workflows.OrderTaskQueue, worker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.OrderInput) error {
		err := workflow.SetUpdateHandler(ctx, order.CancelOrder{}.CommandName(), func(workflow.Context, order.Command) (workflows.CommandResult, error) {
			if in.OrderID == broken {
				return workflows.CommandResult{}, temporal.NewApplicationError("its events do not add up", "Corrupt")
			}
			return workflows.CommandResult{Version: 2}, nil
		})
		if err != nil {
			return err
		}
		return workflow.Await(ctx, func() bool { return false })
	}, workflow.RegisterOptions{Name: workflows.OrderWorkflow})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return orchestrator.New(c, func(id string) string { return id })
}

// turn lets an operation go on for one activity.
func turn(t *testing.T, b *activities.Bulk) (progress workflows.BulkProgress) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(b.CarryOutBulk)
	value, err := env.ExecuteActivity(b.CarryOutBulk, "blk_1")
	if err != nil {
		t.Fatal(err)
	}
	if err := value.Get(&progress); err != nil {
		t.Fatal(err)
	}
	return progress
}

func TestBulk_OneOrderFailsForEver_TheOthersGetTheirCommand_AndTheOperationEnds(t *testing.T) {
	t.Parallel()
	pool := testkit.Database(t)
	openOrders(t, pool, "paid", "ord_0", "ord_1", "ord_2", "ord_3")
	b := &activities.Bulk{Store: bulk.NewStore(pool), Orders: answerCancels(t, "ord_0")}
	wanted := bulk.Operation{ID: "blk_1", Tenant: "t", Command: bulk.Cancel, Filter: bulk.Filter{Status: "paid"}, Rate: 1}
	if _, _, err := b.Store.Begin(t.Context(), wanted, []byte{1}); err != nil {
		t.Fatal(err)
	}
	if now := turn(t, b); now.State != "running" || now.Done != 3 || now.Failed != 0 {
		t.Fatalf("after a turn: %+v", now)
	}
	if _, err := pool.Exec(t.Context(), `UPDATE bulk_targets SET tries = $1 - 1, try_at = now() WHERE order_id = 'ord_0'`, bulk.Tries); err != nil {
		t.Fatal(err)
	}
	if now := turn(t, b); now.State != "completed" || now.Done != 3 || now.Failed != 1 {
		t.Errorf("after its last try: %+v", now)
	}
	failed, err := b.Store.Targets(t.Context(), "blk_1", "failed", "", "", 10)
	if err != nil || len(failed) != 1 || failed[0].OrderID != "ord_0" || failed[0].Detail == "" {
		t.Errorf("failed: %+v, %v", failed, err)
	}
}
