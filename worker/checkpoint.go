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

// AddCheckpoints lets a worker of projections make checkpoints, too.
func AddCheckpoints(w worker.Registry, checkpointer *activities.Checkpointer) {
	registerWorkflow(w, workflows.CheckpointWorkflow)
	w.RegisterActivityWithOptions(checkpointer.MakeCheckpoint, activity.RegisterOptions{Name: workflows.CheckpointActivity})
}

// ScheduleCheckpoints makes sure of the schedule by which checkpoints are made. One that is there is kept, paused or not,
// and gets the interval when that is another one.
func ScheduleCheckpoints(ctx context.Context, temporalClient client.Client, every time.Duration) error {
	schedules := temporalClient.ScheduleClient()
	spec := client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: every}}}
	_, err := schedules.Create(ctx, client.ScheduleOptions{
		ID: workflows.CheckpointSchedule, Spec: spec,
		Action: &client.ScheduleWorkflowAction{
			ID: workflows.CheckpointSchedule, Workflow: workflows.CheckpointWorkflow, TaskQueue: workflows.ProjectionTaskQueue,
			StaticSummary: "makes a signed checkpoint of the event store",
		},
		Note: "signs how far all streams have come; see docs/auditors.md",
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = schedules.GetHandle(ctx, workflows.CheckpointSchedule).Update(ctx, client.ScheduleUpdateOptions{
			DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) { return withInterval(in, spec) },
		})
	}
	if err != nil {
		return fmt.Errorf("schedule checkpoints: %w", err)
	}
	return nil
}

func withInterval(in client.ScheduleUpdateInput, spec client.ScheduleSpec) (*client.ScheduleUpdate, error) {
	schedule := in.Description.Schedule
	if has := schedule.Spec; has != nil && len(has.Intervals) == 1 && has.Intervals[0].Every == spec.Intervals[0].Every {
		return nil, temporal.ErrSkipScheduleUpdate
	}
	schedule.Spec = &spec
	return &client.ScheduleUpdate{Schedule: &schedule}, nil
}
