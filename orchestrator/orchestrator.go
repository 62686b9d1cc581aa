package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"orderly/order"
	"orderly/workflows"
)

const (
	// commandWait is how long a command is waited for before it is answered with 202.
	commandWait = 10 * time.Second
	// probeWait is how long it is then waited for the news that the command is at least under way.
	probeWait = 1500 * time.Millisecond
	// sendTries bounds how often a command is sent because the workflow it met was just ending.
	sendTries = 3
)

// Orchestrator sends commands to the workflows of orders, starting a workflow where there is none.
type Orchestrator struct {
	client   client.Client
	orderURL func(orderID string) string
	// wait and probing are commandWait and probeWait, but in tests.
	wait, probing time.Duration
}

// New makes an Orchestrator. orderURL says where people find an order, for links in the Temporal Web UI.
func New(c client.Client, orderURL func(orderID string) string) *Orchestrator {
	return &Orchestrator{client: c, orderURL: orderURL, wait: commandWait, probing: probeWait}
}

// Send hands a command to the order's workflow and waits for what the rules make of it. It returns the errors of
// [order.Decide], ErrPending when the command is under way and will be carried out, ErrTooMany, and an
// *UnavailableError when it is not known whether anybody will; sending the same command again is safe after each.
func (o *Orchestrator) Send(ctx context.Context, orderID string, command order.Command) (workflows.CommandResult, error) {
	return o.send(ctx, orderID, command.ID, command)
}

// SendSeen is Send for a command that may be refused now and taken later under the same id, as news that come too early are. The sender
// has seen the order at a version. Temporal remembers what a workflow has answered to an update, by the update's id, for as long
// as the run lasts: so that id has the version in it. That the command is applied once, the journal sees to by the command's.
func (o *Orchestrator) SendSeen(ctx context.Context, orderID string, version int, command order.Command) (workflows.CommandResult, error) {
	return o.send(ctx, orderID, fmt.Sprintf("%s@%d", command.ID, version), command)
}

func (o *Orchestrator) send(ctx context.Context, orderID, updateID string, command order.Command) (workflows.CommandResult, error) {
	waiting, cancel := context.WithTimeout(ctx, o.wait)
	defer cancel()
	for try := 1; ; try++ {
		result, err := o.update(waiting, orderID, updateID, command, client.WorkflowUpdateStageCompleted)
		switch {
		case err == nil:
			return result, nil
		case isEnding(err) && try < sendTries && waiting.Err() == nil:
			continue
		case isTimeout(err) && ctx.Err() == nil:
			return o.probe(ctx, orderID, updateID, command, err)
		default:
			return workflows.CommandResult{}, refusalOf(err)
		}
	}
}

// probe finds out whether a command that was not answered in time was accepted: then it will be carried out.
func (o *Orchestrator) probe(ctx context.Context, orderID, updateID string, command order.Command, late error) (workflows.CommandResult, error) {
	ctx, cancel := context.WithTimeout(ctx, o.probing)
	defer cancel()
	result, err := o.update(ctx, orderID, updateID, command, client.WorkflowUpdateStageAccepted)
	if err != nil && !errors.Is(err, ErrPending) && isTimeout(err) {
		return result, &UnavailableError{Err: late}
	}
	return result, refusalOf(err)
}

// Outcome says what became of a command that was sent, by its id: its result, the error with which the rules have refused it, ErrPending
// while it is under way or nobody answers, and ErrUnknown when the order's workflow does not have it, or there is none. What a
// workflow that has ended was told is in the order's stream.
func (o *Orchestrator) Outcome(ctx context.Context, orderID, commandID string) (workflows.CommandResult, error) {
	ctx, cancel := context.WithTimeout(ctx, o.probing)
	defer cancel()
	var result workflows.CommandResult
	err := o.client.GetWorkflowUpdateHandle(client.GetWorkflowUpdateHandleOptions{
		WorkflowID: workflows.OrderWorkflowID(orderID), UpdateID: commandID,
	}).Get(ctx, &result)
	var none *serviceerror.NotFound
	switch {
	case err == nil:
		return result, nil
	case errors.As(err, &none):
		return result, ErrUnknown
	}
	err = refusalOf(err)
	if _, away := errors.AsType[*UnavailableError](err); away {
		err = ErrPending
	}
	return result, err
}

// update sends the command once. A second sending with the same update's id joins the first. An order that
// exists nearly always has a workflow: it is asked without starting one first, which costs Temporal much less.
func (o *Orchestrator) update(
	ctx context.Context, orderID, updateID string, command order.Command, stage client.WorkflowUpdateStage,
) (workflows.CommandResult, error) {
	update := client.UpdateWorkflowOptions{
		WorkflowID: workflows.OrderWorkflowID(orderID),
		UpdateID:   updateID, UpdateName: command.Body.CommandName(), Args: []any{command}, WaitForStage: stage,
	}
	var handle client.WorkflowUpdateHandle
	var err error
	var none *serviceerror.NotFound
	_, places := command.Body.(order.PlaceOrder)
	if !places {
		handle, err = o.client.UpdateWorkflow(ctx, update)
	}
	if places || errors.As(err, &none) {
		handle, err = o.updateWithStart(ctx, orderID, update, !places)
	}
	if err != nil {
		return workflows.CommandResult{}, err
	}
	var result workflows.CommandResult
	err = handle.Get(ctx, &result)
	if err != nil && isTimeout(err) && stage == client.WorkflowUpdateStageAccepted {
		return workflows.CommandResult{}, ErrPending
	}
	return result, err
}

// updateWithStart starts the workflow, too, if it does not run. It reads the order first when that exists already.
func (o *Orchestrator) updateWithStart(
	ctx context.Context, orderID string, update client.UpdateWorkflowOptions, exists bool,
) (client.WorkflowUpdateHandle, error) {
	update.WorkflowID = "" // the started one's
	return o.client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: o.client.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
			ID:                       workflows.OrderWorkflowID(orderID),
			TaskQueue:                workflows.OrderTaskQueue,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
			StaticSummary:            "order " + orderID,
		}, workflows.OrderWorkflow, workflows.OrderInput{OrderID: orderID, URL: o.orderURL(orderID), Resume: exists}),
		UpdateOptions: update,
	})
}

// isEnding says whether a command met a workflow that ended before it could answer. The next one answers from the stream.
func isEnding(err error) bool {
	var cancelled *temporal.CanceledError
	var gone *serviceerror.NotFound
	var aborted *serviceerror.Aborted
	var refused *temporal.ApplicationError
	return errors.As(err, &cancelled) || errors.As(err, &gone) || errors.As(err, &aborted) ||
		errors.As(err, &refused) && refused.Type() == "AcceptedUpdateCompletedWorkflow"
}

func isTimeout(err error) bool {
	var late *client.WorkflowUpdateServiceTimeoutOrCanceledError
	var deadline *serviceerror.DeadlineExceeded
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) || errors.As(err, &deadline)
}

// isServiceTrouble tells trouble of the Temporal service from requests that it will never take.
func isServiceTrouble(err error) bool {
	var trouble serviceerror.ServiceError
	var ours *serviceerror.InvalidArgument
	return errors.As(err, &trouble) && !errors.As(err, &ours)
}

// refusalOf translates an error of Temporal into one that means the same without it.
func refusalOf(err error) error {
	var refused *temporal.ApplicationError
	var exhausted *serviceerror.ResourceExhausted
	switch {
	case err == nil || errors.Is(err, ErrPending):
		return err
	case errors.As(err, &refused):
		return ruleOf(refused)
	case errors.As(err, &exhausted):
		return ErrTooMany
	case isTimeout(err) || isEnding(err) || isServiceTrouble(err):
		return &UnavailableError{Err: err}
	default:
		return err
	}
}

// ruleOf is the refusal of the rules that an application error carries.
func ruleOf(refused *temporal.ApplicationError) error {
	var err error
	var details error
	switch refused.Type() {
	case workflows.ErrTypeNotAllowed:
		refusal := &order.NotAllowedError{}
		err, details = refusal, refused.Details(refusal)
	case workflows.ErrTypeInvalid:
		refusal := &order.InvalidError{}
		err, details = refusal, refused.Details(refusal)
	case workflows.ErrTypeVersionMismatch:
		refusal := &order.VersionMismatchError{}
		err, details = refusal, refused.Details(refusal)
	case workflows.ErrTypeOrderExists:
		return order.ErrExists
	case workflows.ErrTypeOrderNotFound:
		return order.ErrNotFound
	default:
		return fmt.Errorf("the workflow failed the command: %w", refused)
	}
	if details != nil {
		return fmt.Errorf("read the details of refusal %s: %w", refused.Type(), details)
	}
	return err
}
