package torture

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"orderly/workflows"
)

// workflowFaults are what people do to workflows through Temporal's own tools.
func (i *injector) workflowFaults() []fault {
	return []fault{
		{"terminate workflows", 2, i.toWorkflows(func(ctx context.Context, id string) error {
			return i.stack.client.TerminateWorkflow(ctx, id, "", "torture")
		})},
		{"cancel workflow", 1, i.toWorkflows(func(ctx context.Context, id string) error {
			return i.stack.client.CancelWorkflow(ctx, id, "")
		})},
		{"reset workflows", 2, i.toWorkflows(i.reset)},
	}
}

// toWorkflows does something to a few workflows of orders. One that has ended meanwhile, or that cannot be reset yet, is left.
func (i *injector) toWorkflows(do func(context.Context, string) error) func(context.Context, *rand.Rand) error {
	return func(ctx context.Context, random *rand.Rand) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		i.load.mu.Lock()
		recently := i.load.placed[max(0, len(i.load.placed)-recent):]
		i.load.mu.Unlock()
		if len(recently) == 0 {
			return nil
		}
		for range 3 {
			err := do(ctx, workflows.OrderWorkflowID(one(random, recently...)))
			var gone *serviceerror.NotFound
			var never *serviceerror.InvalidArgument
			if err != nil && !errors.As(err, &gone) && !errors.As(err, &never) {
				return err
			}
		}
		return nil
	}
}

// reset has a workflow go back to its first workflow task.
func (i *injector) reset(ctx context.Context, id string) error {
	history := i.stack.client.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		if err != nil {
			return err
		}
		if event.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			continue
		}
		_, err = i.stack.client.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: i.stack.namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id},
			Reason: "torture", WorkflowTaskFinishEventId: event.GetEventId(), RequestId: uuid.NewString(),
		})
		return err
	}
	return nil
}
