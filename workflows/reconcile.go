package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// ReconcileSchedule is the id of the Temporal Schedule that looks for open orders without a workflow, on the
// [OrderTaskQueue].
const ReconcileSchedule = "orderly-reconcile"

// ReconcileWorkflow is the registered name of [Reconcile], ReconcileActivity that of its activity: ReconcileInput,
// ReconcileResult.
const (
	ReconcileWorkflow = "Reconcile"
	ReconcileActivity = "StartMissingWorkflows"
)

const (
	// reconcileHeartbeat is how late the death of the worker is noticed; the next one goes on where that was.
	reconcileHeartbeat = 30 * time.Second
	// reconcileWithin bounds one try: millions of orders can be open, and all without a workflow.
	reconcileWithin = 6 * time.Hour
)

// ReconcileInput says which open orders are looked at.
type ReconcileInput struct {
	// Grace is how long nothing must have been recorded to an order; orders of which something was have a workflow.
	Grace time.Duration `json:"grace"`
}

// ReconcileResult counts orders.
type ReconcileResult struct {
	// Open is how many orders were looked at, Missing how many of them had no workflow as far as Temporal's lists know,
	// and Started for how many one was started: the lists lag behind a little.
	Open    int `json:"open"`
	Missing int `json:"missing"`
	Started int `json:"started"`
	// Woken is how many were told to read their order again: steps of it were due, and they did nothing.
	Woken int `json:"woken"`
}

// Reconcile starts a workflow for each open order that has none, after somebody terminated it or Temporal lost its data, and
// wakes those that have missed what was recorded to their order.
func Reconcile(ctx workflow.Context, in ReconcileInput) (ReconcileResult, error) {
	var found ReconcileResult
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:          "looks for open orders without a workflow",
		HeartbeatTimeout: reconcileHeartbeat, StartToCloseTimeout: reconcileWithin, ScheduleToCloseTimeout: reconcileWithin,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	}), ReconcileActivity, in).Get(ctx, &found)
	if err != nil {
		return ReconcileResult{}, err
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("looked at **%d** open orders: **%d** had no workflow, **%d** were started, **%d** were woken\n",
		found.Open, found.Missing, found.Started, found.Woken))
	return found, nil
}
