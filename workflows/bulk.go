package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// BulkWorkflow is the registered name of [Bulk], BulkActivity that of its activity: the operation's id, BulkProgress. It
// runs on the [OrderTaskQueue].
const (
	BulkWorkflow = "Bulk"
	BulkActivity = "CarryOutBulk"
	// BulkCancelActivity writes down that an operation was cancelled: its id, BulkProgress.
	BulkCancelActivity = "CancelBulk"
)

// BulkChanged is the signal that an operation was suspended, resumed or cancelled. Which of them, the database says.
const BulkChanged = "Changed"

// BulkWorkflowID is the id of the workflow of an operation over many orders.
func BulkWorkflowID(bulkID string) string { return "bulk-" + bulkID }

const (
	bulkHeartbeat = 10 * time.Second
	bulkWithin    = 5 * time.Minute
)

// BulkProgress is how far an operation is: State is running, suspended, cancelled or completed.
type BulkProgress struct {
	Command   string `json:"command"`
	StartedBy string `json:"started_by"`
	Reason    string `json:"reason"`
	State     string `json:"state"`
	Total     int    `json:"total"`
	Done      int    `json:"done"`
	Refused   int    `json:"refused"`
	Failed    int    `json:"failed"`
}

// Bulk gives a command to all orders of an operation, at its rate, until all have it. It waits while the operation is
// suspended. Cancelling the workflow cancels what is left of the operation; what was done stays.
func Bulk(ctx workflow.Context, bulkID string) (BulkProgress, error) {
	changed := workflow.GetSignalChannel(ctx, BulkChanged)
	for {
		for changed.ReceiveAsync(nil) { // what they say is in the database by now
		}
		progress, err := bulkActivity(ctx, BulkActivity, bulkID)
		if temporal.IsCanceledError(err) {
			disconnected, _ := workflow.NewDisconnectedContext(ctx)
			return bulkActivity(disconnected, BulkCancelActivity, bulkID)
		}
		if err != nil {
			return BulkProgress{}, err
		}
		workflow.SetCurrentDetails(ctx, progress.details())
		switch progress.State {
		case "running":
		case "suspended":
			selector := workflow.NewSelector(ctx)
			selector.AddReceive(changed, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) })
			selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
			selector.Select(ctx)
		default:
			return progress, nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return BulkProgress{}, workflow.NewContinueAsNewError(ctx, Bulk, bulkID)
		}
	}
}

func bulkActivity(ctx workflow.Context, name, bulkID string) (BulkProgress, error) {
	var progress BulkProgress
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		HeartbeatTimeout: bulkHeartbeat, StartToCloseTimeout: bulkWithin, WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second},
	}), name, bulkID).Get(ctx, &progress)
	return progress, err
}

func (p BulkProgress) details() string {
	return fmt.Sprintf("**%s**: %d of %d orders, %d refused, %d failed, %s\n\nstarted by %s: %s\n",
		p.Command, p.Done+p.Refused+p.Failed, p.Total, p.Refused, p.Failed, p.State, p.StartedBy, p.Reason)
}
