package orchestrator

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"orderly/workflows"
)

// StartRebuild starts the rebuild of a projection, or joins the one that is under way.
func StartRebuild(ctx context.Context, temporal client.Client, name string) (client.WorkflowRun, error) {
	run, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.RebuildWorkflowID(name), TaskQueue: workflows.ProjectionTaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:            "rebuilds the read model " + name,
	}, workflows.RebuildWorkflow, workflows.RebuildInput{Name: name})
	if err != nil {
		return nil, fmt.Errorf("start the rebuild of %s: %w", name, err)
	}
	return run, nil
}
