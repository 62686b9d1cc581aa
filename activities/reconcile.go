package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"orderly/readmodel"
	"orderly/workflows"
)

const (
	// reconcilePage is how many orders Temporal is asked about at a time.
	reconcilePage = 500
	// startsAtOnce bounds the load that starting workflows puts on Temporal.
	startsAtOnce = 8
	// resumedPriority lets new orders go before those that are started again, of which there may be very many at once.
	resumedPriority = 4
)

// Reconciler finds open orders without a workflow and starts one for each, and finds workflows that stand still and wakes them:
// the activity of the reconcile workflow, and what the doctor uses.
type Reconciler struct {
	Reads     *readmodel.ReadModel
	Temporal  client.Client
	Namespace string
	// OrderURL is where people find an order.
	OrderURL func(orderID string) string
	// Done, when set, hears what a whole round has found.
	Done func(workflows.ReconcileResult)
}

// Reconciled is how far a round has come: all orders up to After have been looked at.
type Reconciled struct {
	workflows.ReconcileResult
	After string `json:"after"`
}

// StartMissingWorkflows goes through all open orders once. A try that follows another goes on where that was.
func (r *Reconciler) StartMissingWorkflows(ctx context.Context, in workflows.ReconcileInput) (workflows.ReconcileResult, error) {
	var done Reconciled
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &done); err != nil {
			return workflows.ReconcileResult{}, fmt.Errorf("read how far the last try was: %w", err)
		}
	}
	found, err := r.Start(ctx, in, done, func(now Reconciled) { activity.RecordHeartbeat(ctx, now) })
	if err == nil && r.Done != nil {
		r.Done(found)
	}
	return found, err
}

// Start starts a workflow for each open order that has none, from where done has come to, wakes those that stand still, and tells
// beat how far it is.
func (r *Reconciler) Start(
	ctx context.Context, in workflows.ReconcileInput, done Reconciled, beat func(Reconciled),
) (workflows.ReconcileResult, error) {
	found, err := r.walk(ctx, in, done, func(now *Reconciled, missing []string) error {
		started, err := r.start(ctx, missing, func() { beat(*now) })
		now.Started += started
		return err
	}, func(now Reconciled) { done = now; beat(now) })
	if err != nil {
		return found, err
	}
	found.Woken, err = r.wake(ctx, in, func() { beat(done) })
	return found, err
}

// Count only counts.
func (r *Reconciler) Count(ctx context.Context, in workflows.ReconcileInput) (workflows.ReconcileResult, error) {
	return r.walk(ctx, in, Reconciled{}, func(*Reconciled, []string) error { return nil }, func(Reconciled) {})
}

// walk goes through the open orders, a page at a time.
func (r *Reconciler) walk(
	ctx context.Context, in workflows.ReconcileInput, done Reconciled, each func(now *Reconciled, missing []string) error, beat func(Reconciled),
) (workflows.ReconcileResult, error) {
	quietSince := time.Now().Add(-in.Grace)
	for {
		ids, err := r.Reads.OpenOrders(ctx, quietSince, done.After, reconcilePage)
		if err != nil || len(ids) == 0 {
			return done.ReconcileResult, err
		}
		missing, err := r.missing(ctx, ids)
		if err != nil {
			return done.ReconcileResult, err
		}
		next := done
		next.Open += len(ids)
		next.Missing += len(missing)
		if err := each(&next, missing); err != nil {
			return next.ReconcileResult, err
		}
		next.After = ids[len(ids)-1]
		done = next
		beat(done)
	}
}

// missing are those of the orders of which Temporal lists no running workflow.
func (r *Reconciler) missing(ctx context.Context, ids []string) ([]string, error) {
	quoted := make([]string, len(ids))
	for i, id := range ids {
		quoted[i] = "'" + strings.ReplaceAll(workflows.OrderWorkflowID(id), "'", "''") + "'"
	}
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: r.Namespace, PageSize: int32(len(ids)) + 1,
		Query: "ExecutionStatus = 'Running' AND WorkflowId IN (" + strings.Join(quoted, ", ") + ")",
	}
	running := map[string]bool{}
	for {
		page, err := r.Temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("ask Temporal for the workflows of %d orders: %w", len(ids), err)
		}
		for _, execution := range page.GetExecutions() {
			running[execution.GetExecution().GetWorkflowId()] = true
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.GetNextPageToken()) == 0 {
			break
		}
	}
	var missing []string
	for _, id := range ids {
		if !running[workflows.OrderWorkflowID(id)] {
			missing = append(missing, id)
		}
	}
	return missing, nil
}

// start starts the workflows of orders and counts those that were not running after all.
func (r *Reconciler) start(ctx context.Context, ids []string, beat func()) (int, error) {
	var started atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(startsAtOnce)
	for _, id := range ids {
		group.Go(func() error {
			is, err := r.startOne(ctx, id)
			if is {
				started.Add(1)
			}
			return err
		})
		beat()
	}
	err := group.Wait()
	return int(started.Load()), err
}

func (r *Reconciler) startOne(ctx context.Context, id string) (bool, error) {
	_, err := r.Temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.OrderWorkflowID(id), TaskQueue: workflows.OrderTaskQueue,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            "order " + id,
		Priority:                                 temporal.Priority{PriorityKey: resumedPriority},
	}, workflows.OrderWorkflow, workflows.OrderInput{OrderID: id, URL: r.OrderURL(id), Resume: true})
	if _, running := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); running {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("start the workflow of %s: %w", id, err)
	}
	return true, nil
}
