package worker

import (
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderly/activities"
	"orderly/workflows"
)

// AddBulk lets a worker of orders carry out operations over many orders, too.
func AddBulk(w worker.Registry, operations *activities.Bulk) {
	w.RegisterWorkflowWithOptions(workflows.Bulk, workflow.RegisterOptions{Name: workflows.BulkWorkflow})
	w.RegisterActivityWithOptions(operations.CarryOutBulk, activity.RegisterOptions{Name: workflows.BulkActivity})
	w.RegisterActivityWithOptions(operations.CancelBulk, activity.RegisterOptions{Name: workflows.BulkCancelActivity})
}
