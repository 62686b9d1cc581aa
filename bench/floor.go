package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

const (
	floorQueue = "orderly-bench-floor"
	// floorSteps are the local steps of a plain order before the carrier comes: placing, screening, reserving,
	// authorising, capturing, booking.
	floorSteps = 6
)

// floorWorkflow has the Temporal transitions of a plain order and does nothing: an update that starts it, local steps,
// and the carrier's two messages, each an update with a local step.
func floorWorkflow(ctx workflow.Context) error {
	messages := 0
	placed := false
	step := func(ctx workflow.Context) error {
		ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
			StartToCloseTimeout: time.Second, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
		})
		return workflow.ExecuteLocalActivity(ctx, nothing).Get(ctx, nil)
	}
	handle := func(name string, after func()) error {
		return workflow.SetUpdateHandler(ctx, name, func(ctx workflow.Context) error {
			err := step(ctx)
			after()
			return err
		})
	}
	if err := handle("place", func() { placed = true }); err != nil {
		return err
	}
	if err := handle("message", func() { messages++ }); err != nil {
		return err
	}
	if err := workflow.Await(ctx, func() bool { return placed }); err != nil {
		return err
	}
	for range floorSteps - 1 {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return workflow.Await(ctx, func() bool { return messages == 2 && workflow.AllHandlersFinished(ctx) })
}

func nothing(context.Context) error { return nil }

// floor drives the floor's workflow straight from the SDK.
type floor struct {
	temporal client.Client
	worker   worker.Worker
}

func startFloor(temporal client.Client) (*floor, error) {
	w := worker.New(temporal, floorQueue, worker.Options{
		MaxConcurrentWorkflowTaskPollers: 8, WorkerStopTimeout: 5 * time.Second, DisableRegistrationAliasing: true,
	})
	w.RegisterWorkflowWithOptions(floorWorkflow, workflow.RegisterOptions{Name: "Floor"})
	w.RegisterActivityWithOptions(nothing, activity.RegisterOptions{Name: "nothing"})
	if err := w.Start(); err != nil {
		return nil, fmt.Errorf("start the floor's worker: %w", err)
	}
	return &floor{temporal, w}, nil
}

func (f *floor) stop() { f.worker.Stop() }

// life runs one workflow from its start to its end.
func (f *floor) life(ctx context.Context) error {
	id := "floor-" + uuid.NewString()
	if err := f.place(ctx, id); err != nil {
		return err
	}
	return f.finish(ctx, id)
}

// place starts a workflow by an update, as an order is placed.
func (f *floor) place(ctx context.Context, id string) error {
	start := f.temporal.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID: id, TaskQueue: floorQueue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, "Floor")
	placed, err := f.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: start,
		UpdateOptions:          client.UpdateWorkflowOptions{UpdateName: "place", WaitForStage: client.WorkflowUpdateStageCompleted},
	})
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if err := placed.Get(ctx, nil); err != nil {
		return fmt.Errorf("place: %w", err)
	}
	return nil
}

// finish sends a workflow the carrier's messages, with which it ends.
func (f *floor) finish(ctx context.Context, id string) error {
	for range 2 {
		message, err := f.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
			WorkflowID: id, UpdateName: "message", WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err != nil {
			return fmt.Errorf("message: %w", err)
		}
		if err := message.Get(ctx, nil); err != nil {
			return fmt.Errorf("message: %w", err)
		}
	}
	return f.temporal.GetWorkflow(ctx, id, "").Get(ctx, nil)
}
