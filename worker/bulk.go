package worker

import (
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"orderly/activities"
	"orderly/workflows"
)

// AddBulk lets a worker of orders carry out operations over many orders, too.
func AddBulk(w worker.Registry, operations *activities.Bulk) {
	registerWorkflow(w, workflows.BulkWorkflow)
	w.RegisterActivityWithOptions(operations.CarryOutBulk, activity.RegisterOptions{Name: workflows.BulkActivity})
	w.RegisterActivityWithOptions(operations.CancelBulk, activity.RegisterOptions{Name: workflows.BulkCancelActivity})
}
