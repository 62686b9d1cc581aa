package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// CheckpointSchedule is the id of the Temporal Schedule that makes checkpoints of the event store, on the
// [ProjectionTaskQueue].
const CheckpointSchedule = "orderly-checkpoint"

// CheckpointWorkflow is the registered name of [Checkpoint], CheckpointActivity that of its activity: no input,
// CheckpointResult.
const (
	CheckpointWorkflow = "Checkpoint"
	CheckpointActivity = "MakeCheckpoint"
)

const (
	// checkpointWithin bounds one try: the first checkpoint of a large store reads all of it.
	checkpointWithin = time.Hour
	// checkpointAtAll bounds all tries: after that the schedule's next run has its turn.
	checkpointAtAll = 12 * time.Hour
)

// CheckpointResult says which checkpoint was made, or was the last one when nothing had changed; 0 when there are no
// events yet.
type CheckpointResult struct {
	ID     int64     `json:"id"`
	MadeAt time.Time `json:"made_at,omitzero"`
	Heads  int       `json:"heads"`
	Root   string    `json:"root,omitempty"`
}

// Checkpoint makes one checkpoint of the event store.
func Checkpoint(ctx workflow.Context) (CheckpointResult, error) {
	var made CheckpointResult
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:             "signs the heads of all streams",
		StartToCloseTimeout: checkpointWithin, ScheduleToCloseTimeout: checkpointAtAll,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 5 * time.Minute},
	}), CheckpointActivity).Get(ctx, &made)
	if err != nil {
		return CheckpointResult{}, err
	}
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("**checkpoint %d** of %s: %d streams had changed\n\nroot `%s`\n",
		made.ID, made.MadeAt.Format(time.RFC3339), made.Heads, made.Root))
	return made, nil
}
