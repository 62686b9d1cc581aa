package worker

import (
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"

	"orderly/activities"
	"orderly/workflows"
)

// AddWebhooks lets a worker of orders deliver webhooks, too.
func AddWebhooks(w worker.Registry, deliveries *activities.Webhooks) {
	registerWorkflow(w, workflows.WebhookWorkflow)
	w.RegisterActivityWithOptions(deliveries.DeliverWebhooks, activity.RegisterOptions{Name: workflows.WebhookActivity})
}
