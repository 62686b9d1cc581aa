package activities

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"orderly/readmodel"
	"orderly/workflows"
)

const (
	// wakesARound bounds what a round asks of Temporal. Each order is among those that have been quiet for the shortest time
	// once, however many others wait for a provider that is away.
	wakesARound = 1000
	wakesAtOnce = 8
	wakeWithin  = 10 * time.Second
)

// wake has workflows read their orders again that do nothing though steps are due: what was recorded to the order was decided in
// a task of the workflow that was lost, with the worker and Temporal's memory of the command, and nobody has sent it again.
func (r *Reconciler) wake(ctx context.Context, in workflows.ReconcileInput, beat func()) (int, error) {
	standing, err := r.Reads.StandingOrders(ctx, time.Now().Add(-in.Grace), wakesARound)
	if err != nil {
		return 0, err
	}
	var woken atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(wakesAtOnce)
	for _, each := range standing {
		group.Go(func() error {
			is, err := r.wakeOne(ctx, each)
			if is {
				woken.Add(1)
			}
			return err
		})
		beat()
	}
	err = group.Wait()
	return int(woken.Load()), err
}

// wakeOne wakes a workflow that does nothing, once for each version of its order: one that waits until it may try a step again
// keeps waiting. One that does not answer is left to the next round.
func (r *Reconciler) wakeOne(ctx context.Context, each readmodel.Standing) (bool, error) {
	idle, err := r.idle(ctx, each.OrderID)
	if err != nil || !idle {
		return false, err
	}
	answered, cancel := context.WithTimeout(ctx, wakeWithin)
	defer cancel()
	handle, err := r.Temporal.UpdateWorkflow(answered, client.UpdateWorkflowOptions{
		WorkflowID: workflows.OrderWorkflowID(each.OrderID), UpdateID: fmt.Sprintf("look/%d", each.Version), UpdateName: workflows.LookUpdate,
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(answered, nil)
	}
	if err != nil && !unheard(err) {
		return false, fmt.Errorf("wake the workflow of %s: %w", each.OrderID, err)
	}
	return err == nil, nil
}

// unheard says whether a workflow was asked that gave no answer, has just ended, or is run by a worker of before that does not know
// the question.
func unheard(err error) bool {
	_, silent := errors.AsType[*client.WorkflowUpdateServiceTimeoutOrCanceledError](err)
	_, ended := errors.AsType[*serviceerror.NotFound](err)
	_, unknown := errors.AsType[*temporal.ApplicationError](err)
	return silent || ended || unknown
}

// idle says whether an order's workflow runs and does nothing: no activity is under way or waits for its next try, and no worker
// has to do with it.
func (r *Reconciler) idle(ctx context.Context, orderID string) (bool, error) {
	now, err := r.Temporal.DescribeWorkflowExecution(ctx, workflows.OrderWorkflowID(orderID), "")
	if _, none := errors.AsType[*serviceerror.NotFound](err); none {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask Temporal what the workflow of %s does: %w", orderID, err)
	}
	running := now.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	return running && len(now.GetPendingActivities()) == 0 && now.GetPendingWorkflowTask() == nil, nil
}
