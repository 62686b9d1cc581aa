package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"orderly/gateway"
	"orderly/journal"
	"orderly/order"
	"orderly/workflows"
)

// Orders are the activities of the order workflow.
type Orders struct {
	Journal  *journal.Journal
	Payments gateway.Payments
	Stock    gateway.Stock
	Carrier  gateway.Carrier
	Fraud    gateway.Fraud
	Notifier gateway.Notifier
}

// Apply has a command decided and recorded. Refusals are non-retryable, benign application errors.
func (o *Orders) Apply(ctx context.Context, in workflows.ApplyInput) (workflows.Outcome, error) {
	countSkipped(ctx, in.Command.Body)
	result, err := o.Journal.Apply(withOrigin(ctx), in.OrderID, in.Command)
	if err != nil {
		return workflows.Outcome{}, refusal(err)
	}
	return outcome(result), nil
}

// Look reads an order and its plan. An order that was never placed is at version 0.
func (o *Orders) Look(ctx context.Context, orderID string) (workflows.Outcome, error) {
	reading, err := o.Journal.Read(ctx, orderID)
	if err != nil {
		return workflows.Outcome{}, err
	}
	return o.asRead(reading), nil
}

// effect asks a gateway for a step's effect and says which outcome is to be recorded.
type effect func(ctx context.Context, s order.State, step order.Step) (order.Body, error)

// step is the frame of every step's activity.
func (o *Orders) step(ctx context.Context, in workflows.StepInput, do effect) (workflows.Outcome, error) {
	reading, err := o.Journal.Read(ctx, in.OrderID)
	if err != nil {
		return workflows.Outcome{}, err
	}
	plan := o.Journal.PlanFor(reading.State)
	wanted := func(step order.Step) bool { return step.ID == in.Step.ID }
	switch {
	case slices.ContainsFunc(plan.Held, wanted):
		ctx = looking(ctx, lookOnly)
	case !slices.ContainsFunc(plan.Steps, wanted):
		return o.asRead(reading), nil
	case in.Again:
		ctx = looking(ctx, lookFirst)
	}
	body, err := do(ctx, reading.State, in.Step)
	if errors.Is(err, errNotAsked) {
		return o.asRead(reading), nil
	}
	if err != nil {
		if body, err = refused(in.Step, err); err != nil {
			return workflows.Outcome{}, failure(ctx, err)
		}
		countSkipped(ctx, body)
	}
	result, err := o.Journal.ApplyTo(withOrigin(ctx), reading, order.Command{
		ID: in.Step.ID + ":" + body.CommandName(), Source: "workflow",
		Actor: order.Actor{Type: "system", ID: string(in.Step.Name)}, Body: body,
	})
	if err != nil {
		return workflows.Outcome{}, refusal(err)
	}
	return outcome(result), nil
}

// refused turns a gateway's clear no into the outcome of the step; other errors stay errors.
func refused(step order.Step, err error) (order.Body, error) {
	var no *gateway.Refusal
	if !errors.As(err, &no) {
		return nil, err
	}
	return order.ReportStepFailure{Step: step, Class: string(no.Class), Code: no.Code, Message: no.Message, Attempts: 1}, nil
}

// failure is the error of a try that may go better the next time, with what operators see of it.
func failure(ctx context.Context, err error) error {
	info := activity.GetInfo(ctx)
	options := temporal.ApplicationErrorOptions{Cause: err}
	what := workflows.Failure{Class: order.ClassUnknown, Code: workflows.CodeUnknownOutcome, Message: err.Error(), Attempt: int(info.Attempt)}
	kind := workflows.ErrTypeUnknownOutcome
	_, unknown := errors.AsType[*gateway.UnknownOutcome](err)
	if unavailable, ok := errors.AsType[*gateway.Unavailable](err); ok {
		options.NextRetryDelay = unavailable.RetryAfter
		if !unknown { // a look-up that is unavailable says nothing about the effect
			kind, what.Class, what.Code = workflows.ErrTypeUnavailable, order.ClassUnavailable, unavailable.Code
		}
	}
	options.Details = []any{what}
	return temporal.NewApplicationErrorWithOptions(err.Error(), kind, options)
}

// refusal marks the rules' no, so that it is not retried and not counted as a failure.
func refusal(err error) error {
	var kind string
	var details any
	var notAllowed *order.NotAllowedError
	var invalid *order.InvalidError
	var mismatch *order.VersionMismatchError
	switch {
	case errors.As(err, &notAllowed):
		kind, details = workflows.ErrTypeNotAllowed, notAllowed
	case errors.As(err, &invalid):
		kind, details = workflows.ErrTypeInvalid, invalid
	case errors.As(err, &mismatch):
		kind, details = workflows.ErrTypeVersionMismatch, mismatch
	case errors.Is(err, order.ErrExists):
		kind = workflows.ErrTypeOrderExists
	case errors.Is(err, order.ErrNotFound):
		kind = workflows.ErrTypeOrderNotFound
	default:
		return err
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), kind, temporal.ApplicationErrorOptions{
		NonRetryable: true, Category: temporal.ApplicationErrorCategoryBenign, Details: []any{details},
	})
}

// lookMode says how much a step looks up before it asks for its effect.
type lookMode int

const (
	lookFirst lookMode = iota + 1 // the effect may have been asked for already
	lookOnly                      // the effect must not be asked for
)

// errNotAsked says that an effect did not take place and was not asked for.
var errNotAsked = errors.New("it did not take place")

type lookModeKey struct{}

func looking(ctx context.Context, mode lookMode) context.Context {
	return context.WithValue(ctx, lookModeKey{}, mode)
}

// look asks whether an effect took place before asking for it again: only the first try of a step may go ahead
// without, because before it nobody can have asked. A look-up that cannot tell leaves the outcome unknown.
func look[T any](ctx context.Context, step order.Step, ask func() (T, error), lookup func() (T, bool, error)) (T, error) {
	mode, _ := ctx.Value(lookModeKey{}).(lookMode)
	if info := activity.GetInfo(ctx); !info.IsLocalActivity || info.Attempt > 1 || !step.First() || mode >= lookFirst {
		found, ok, err := lookup()
		if err != nil {
			return found, &gateway.UnknownOutcome{Key: step.Key, Err: fmt.Errorf("look up: %w", err)}
		}
		if ok {
			return found, nil
		}
		if mode == lookOnly {
			return found, errNotAsked
		}
	}
	result, err := ask()
	if _, ok := errors.AsType[*gateway.UnknownOutcome](err); !ok {
		return result, err
	}
	if found, ok, lookupErr := lookup(); lookupErr == nil && ok {
		return found, nil
	}
	return result, err
}

func (o *Orders) asRead(reading journal.Reading) workflows.Outcome {
	return outcome(journal.Result{State: reading.State, Plan: o.Journal.PlanFor(reading.State), Version: reading.State.Version})
}

func outcome(result journal.Result) workflows.Outcome {
	return workflows.Outcome{
		CommandResult: workflows.CommandResult{Version: result.Version, Replayed: result.Replayed},
		Current:       result.State.Version, Plan: result.Plan, Summary: summarize(result.State),
	}
}

func summarize(s order.State) workflows.Summary {
	summary := workflows.Summary{Status: s.Status, CustomerID: s.CustomerID, Payment: s.Payment.State, Stock: s.Stock.State}
	for _, shipment := range s.Shipments {
		summary.Shipments = append(summary.Shipments, workflows.ShipmentSummary{
			ID: shipment.ShipmentID, Status: shipment.Status, Carrier: shipment.Carrier, Tracking: shipment.TrackingNumber,
		})
	}
	for _, a := range s.Attention {
		summary.Attention = append(summary.Attention, workflows.Trouble{
			ID: a.AttentionID, Step: a.Step, Code: a.Code, Message: a.Message, Allowed: a.Allowed, Since: a.Since.Truncate(time.Second),
		})
	}
	for _, hold := range s.Holds {
		summary.Holds = append(summary.Holds, hold.Code)
	}
	return summary
}

func withOrigin(ctx context.Context) context.Context {
	execution := activity.GetInfo(ctx).WorkflowExecution
	return journal.WithOrigin(ctx, journal.Origin{WorkflowID: execution.ID, RunID: execution.RunID})
}
