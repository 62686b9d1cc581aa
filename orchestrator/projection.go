package orchestrator

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"orderly/workflows"
)

// StartRebuild starts the rebuild of a projection in a version of it, or joins the rebuild that is under way.
func StartRebuild(ctx context.Context, temporal client.Client, name string, version int) (client.WorkflowRun, error) {
	run, err := temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.RebuildWorkflowID(name), TaskQueue: workflows.ProjectionTaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		StaticSummary:            "rebuilds the read model " + name,
	}, workflows.RebuildWorkflow, workflows.RebuildInput{Name: name, Version: version})
	if err != nil {
		return nil, fmt.Errorf("start the rebuild of %s: %w", name, err)
	}
	return run, nil
}

// SteerProjection sends a signal to all shards of a projection: [workflows.PauseProjection] or [workflows.ResumeProjection]. One
// that has no workflow is started: paused, or not.
func SteerProjection(ctx context.Context, temporal client.Client, name string, shards int, signal string) error {
	for shard := range max(shards, 1) {
		id := workflows.ProjectionWorkflowID(name, shard)
		_, err := temporal.SignalWithStartWorkflow(ctx, id, signal, nil, projectionOptions(name, shard), workflows.ProjectionWorkflow,
			workflows.ProjectionInput{Name: name, Shard: shard, Paused: signal == workflows.PauseProjection})
		if err != nil {
			return fmt.Errorf("send %s to %s: %w", signal, id, err)
		}
	}
	return nil
}

// StartProjection makes sure that all shards of a projection have their workflows; those that run are left alone.
func StartProjection(ctx context.Context, temporal client.Client, name string, shards int) error {
	for shard := range max(shards, 1) {
		_, err := temporal.ExecuteWorkflow(ctx, projectionOptions(name, shard), workflows.ProjectionWorkflow,
			workflows.ProjectionInput{Name: name, Shard: shard})
		if err != nil {
			return fmt.Errorf("start the projection %s: %w", name, err)
		}
	}
	return nil
}

func projectionOptions(name string, shard int) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID: workflows.ProjectionWorkflowID(name, shard), TaskQueue: workflows.ProjectionTaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "runs the projection " + name,
	}
}
