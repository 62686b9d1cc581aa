package webhooks

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"orderly/workflows"
)

// startWithin bounds how long the start of a workflow may take.
const startWithin = 5 * time.Second

// Start makes sure that the workflow of an endpoint runs, and looks at the endpoint again.
func Start(ctx context.Context, temporal client.Client, endpointID string) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	_, err := temporal.SignalWithStartWorkflow(ctx, workflows.WebhookWorkflowID(endpointID), workflows.WebhookChanged, nil, client.StartWorkflowOptions{
		TaskQueue: workflows.OrderTaskQueue, WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary: "delivers to webhook endpoint " + endpointID,
	}, workflows.WebhookWorkflow, endpointID)
	if err != nil {
		return fmt.Errorf("start the deliveries to %s: %w", endpointID, err)
	}
	return nil
}
