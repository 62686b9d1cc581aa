package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// RebuildWorkflow is the registered name of [Rebuild], RebuildActivity that of its activity: RebuildInput, no result. Both
// run on the [ProjectionTaskQueue].
const (
	RebuildWorkflow = "Rebuild"
	RebuildActivity = "RebuildProjection"
)

// rebuildWithin bounds one try, which goes on where the last one was.
const rebuildWithin = 7 * 24 * time.Hour

// RebuildWorkflowID is the id of the workflow that rebuilds a projection: only one does at a time.
func RebuildWorkflowID(name string) string { return "rebuild-" + name }

// RebuildInput says what is to be rebuilt.
type RebuildInput struct {
	Name string `json:"name"`
	// Version is the projection's: a worker that has another one leaves the rebuild to those that have it. 0 is any.
	Version int `json:"version,omitempty"`
}

// Rebuild builds the read model of a projection anew beside the one that is served, and ends when it has taken its place. What
// was built stays when a worker dies, or the workflow is cancelled; the next rebuild goes on with it.
func Rebuild(ctx workflow.Context, in RebuildInput) error {
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("builds the read model **%s** anew, beside the one that is served; the pending activity's heartbeat says how far it is\n", in.Name))
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary:          "rebuilds projection " + in.Name,
		HeartbeatTimeout: projectionHeartbeat, StartToCloseTimeout: rebuildWithin, WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second},
	}), RebuildActivity, in).Get(ctx, nil)
}
