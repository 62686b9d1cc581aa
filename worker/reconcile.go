package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"orderly/activities"
	"orderly/workflows"
)

// reconcileCatchup is how late a round may begin; one that was missed by more is left to the next.
const reconcileCatchup = time.Minute

// AddReconciler lets a worker of orders look for open orders without a workflow, too.
func AddReconciler(w worker.Registry, reconciler *activities.Reconciler) {
	registerWorkflow(w, workflows.ReconcileWorkflow)
	w.RegisterActivityWithOptions(reconciler.StartMissingWorkflows, activity.RegisterOptions{Name: workflows.ReconcileActivity})
}

// ScheduleReconcile makes sure of the schedule by which open orders without a workflow are looked for. One that is there
// is kept, paused or not, and gets interval and input when those are others.
func ScheduleReconcile(ctx context.Context, temporalClient client.Client, every time.Duration, in workflows.ReconcileInput) error {
	schedules := temporalClient.ScheduleClient()
	spec := client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: every}}}
	action := &client.ScheduleWorkflowAction{
		ID: workflows.ReconcileSchedule, Workflow: workflows.ReconcileWorkflow, TaskQueue: workflows.OrderTaskQueue, Args: []any{in},
		StaticSummary: "starts a workflow for each open order that has none",
	}
	_, err := schedules.Create(ctx, client.ScheduleOptions{
		ID: workflows.ReconcileSchedule, Spec: spec, Action: action, CatchupWindow: reconcileCatchup,
		Note: "starts the workflows of open orders that were terminated or lost; see docs/operations.md",
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = schedules.GetHandle(ctx, workflows.ReconcileSchedule).Update(ctx, client.ScheduleUpdateOptions{
			DoUpdate: func(now client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
				schedule := now.Description.Schedule
				schedule.Spec, schedule.Action = &spec, action
				return &client.ScheduleUpdate{Schedule: &schedule}, nil
			},
		})
	}
	if err != nil {
		return fmt.Errorf("schedule the search for orders without a workflow: %w", err)
	}
	return nil
}
