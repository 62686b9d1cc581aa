package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// WebhookWorkflow is the registered name of [Webhook], WebhookActivity that of its activity: the endpoint's id, whether the
// endpoint is still to be told. They run on the [OrderTaskQueue].
const (
	WebhookWorkflow = "Webhook"
	WebhookActivity = "DeliverWebhooks"
)

// WebhookChanged is the signal that an endpoint was made, or enabled.
const WebhookChanged = "Changed"

// WebhookWorkflowID is the id of the workflow of a webhook endpoint.
func WebhookWorkflowID(endpointID string) string { return "webhook-" + endpointID }

const (
	webhookHeartbeat = 5 * time.Second
	webhookWithin    = 15 * time.Minute
	// webhookRounds bounds the history of a run.
	webhookRounds = 50
)

// Webhook delivers events to an endpoint while that is enabled: a worker at a time carries it, as an activity that heartbeats,
// and another one takes over when that ends, however it ends. What is delivered, and when it is tried again, the database says.
func Webhook(ctx workflow.Context, endpointID string) error {
	changed := workflow.GetSignalChannel(ctx, WebhookChanged)
	for range webhookRounds {
		drain(changed) // what they say is in the database by now
		var enabled bool
		err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
			Summary:          "delivers to webhook endpoint " + endpointID,
			HeartbeatTimeout: webhookHeartbeat, StartToCloseTimeout: webhookWithin, WaitForCancellation: true,
			RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 30 * time.Second},
		}), WebhookActivity, endpointID).Get(ctx, &enabled)
		if err != nil {
			return err
		}
		if !enabled && changed.Len() == 0 {
			return nil
		}
	}
	drain(changed)
	return workflow.NewContinueAsNewError(ctx, Webhook, endpointID)
}

func drain(signals workflow.ReceiveChannel) {
	for signals.ReceiveAsync(nil) {
	}
}
