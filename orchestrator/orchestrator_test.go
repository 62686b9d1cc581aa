package orchestrator

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderly/internal/testkit"
	"orderly/order"
	"orderly/workflows"
)

// work runs a workflow in the place of the order's, whose handler of notes is given.
func work(t *testing.T, c client.Client, handle func(workflow.Context, order.Command) (workflows.CommandResult, error)) {
	t.Helper()
	w := worker.New(c, workflows.OrderTaskQueue, worker.Options{DisableRegistrationAliasing: true})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ workflows.OrderInput) error {
		handled := false
		err := workflow.SetUpdateHandler(ctx, "AddNote", func(ctx workflow.Context, command order.Command) (workflows.CommandResult, error) {
			defer func() { handled = true }()
			return handle(ctx, command)
		})
		if err != nil {
			return err
		}
		return workflow.Await(ctx, func() bool { return handled && workflow.AllHandlersFinished(ctx) })
	}, workflow.RegisterOptions{Name: workflows.OrderWorkflow})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
}

func note(id string) order.Command {
	return order.Command{ID: id, Actor: order.Actor{Type: "operator", ID: "test"}, Source: "api", Body: order.AddNote{Text: "a"}}
}

func newOrchestrator(c client.Client) *Orchestrator {
	return &Orchestrator{client: c, orderURL: func(id string) string { return "/v1/orders/" + id }, wait: 2 * time.Second, probing: time.Second}
}

// sendUntil sends again while the new namespace is not known everywhere yet.
func sendUntil(t *testing.T, o *Orchestrator, command order.Command, is func(error) bool) workflows.CommandResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		result, err := o.Send(ctx, "ord_1", command)
		if is(err) {
			return result
		}
		if ctx.Err() != nil {
			t.Fatalf("send: %v", err)
		}
	}
}

func TestSend_AnswersWhatTheWorkflowAnswers(t *testing.T) {
	t.Parallel()
	c, _ := testkit.Temporal(t)
	work(t, c, func(_ workflow.Context, command order.Command) (workflows.CommandResult, error) {
		if command.ID == "refuse" {
			refusal := order.NotAllowedError{Command: "AddNote", Status: order.Shipped, Version: 7, Allowed: []string{"CancelOrder"}}
			return workflows.CommandResult{}, temporal.NewApplicationErrorWithOptions(refusal.Error(), workflows.ErrTypeNotAllowed,
				temporal.ApplicationErrorOptions{Details: []any{refusal}, Category: temporal.ApplicationErrorCategoryBenign})
		}
		return workflows.CommandResult{Version: 3}, nil
	})
	o := newOrchestrator(c)
	// Each command ends the workflow, so each starts one anew.
	for _, id := range []string{"first", "second", "first"} {
		if got := sendUntil(t, o, note(id), func(err error) bool { return err == nil }); got.Version != 3 {
			t.Errorf("%s: result is %+v", id, got)
		}
	}
	var refused *order.NotAllowedError
	sendUntil(t, o, note("refuse"), func(err error) bool { return errors.As(err, &refused) })
	if refused.Version != 7 || refused.Status != order.Shipped || len(refused.Allowed) != 1 {
		t.Errorf("refusal is %+v", refused)
	}
}

func TestSend_WithoutAWorker_TellsThatNobodyTookIt(t *testing.T) {
	t.Parallel()
	c, _ := testkit.Temporal(t)
	o := newOrchestrator(c)
	_, err := o.Send(t.Context(), "ord_1", note("n1"))
	if _, nobody := errors.AsType[*UnavailableError](err); !nobody {
		t.Errorf("error is %v", err)
	}
}

func TestSend_WhatTakesLong_IsPending(t *testing.T) {
	t.Parallel()
	c, _ := testkit.Temporal(t)
	work(t, c, func(ctx workflow.Context, _ order.Command) (workflows.CommandResult, error) {
		return workflows.CommandResult{Version: 2}, workflow.Sleep(ctx, 6*time.Second)
	})
	o := newOrchestrator(c)
	sendUntil(t, o, note("slow"), func(err error) bool { return errors.Is(err, ErrPending) })
	if got := sendUntil(t, o, note("slow"), func(err error) bool { return err == nil }); got.Version != 2 {
		t.Errorf("result is %+v", got)
	}
}

func TestOutcome_OfWhatWasSent(t *testing.T) {
	t.Parallel()
	c, _ := testkit.Temporal(t)
	work(t, c, func(ctx workflow.Context, command order.Command) (workflows.CommandResult, error) {
		if command.ID == "refuse" {
			refusal := order.NotAllowedError{Command: "AddNote", Status: order.Shipped, Version: 7}
			return workflows.CommandResult{}, temporal.NewApplicationErrorWithOptions(refusal.Error(), workflows.ErrTypeNotAllowed,
				temporal.ApplicationErrorOptions{Details: []any{refusal}})
		}
		return workflows.CommandResult{Version: 2}, workflow.Sleep(ctx, 6*time.Second)
	})
	o := newOrchestrator(c)
	if _, err := o.Outcome(t.Context(), "ord_1", "slow"); !errors.Is(err, ErrUnknown) {
		t.Errorf("before it is sent: %v", err)
	}
	sendUntil(t, o, note("slow"), func(err error) bool { return errors.Is(err, ErrPending) })
	if _, err := o.Outcome(t.Context(), "ord_1", "slow"); !errors.Is(err, ErrPending) {
		t.Errorf("under way: %v", err)
	}
	var refused *order.NotAllowedError
	sendUntil(t, o, note("refuse"), func(err error) bool { return errors.As(err, &refused) })
	if _, err := o.Outcome(t.Context(), "ord_1", "refuse"); !errors.As(err, &refused) || refused.Version != 7 {
		t.Errorf("refused: %v", err)
	}
	if _, err := o.Outcome(t.Context(), "ord_1", "other"); !errors.Is(err, ErrUnknown) {
		t.Errorf("never sent: %v", err)
	}
	sendUntil(t, o, note("slow"), func(err error) bool { return err == nil })
	if got, err := o.Outcome(t.Context(), "ord_1", "slow"); err != nil || got.Version != 2 {
		t.Errorf("carried out: %+v, %v", got, err)
	}
}

func TestSend_WithoutTemporal_TellsThatNobodyTookIt(t *testing.T) {
	t.Parallel()
	c, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	o := newOrchestrator(c)
	_, err = o.Send(t.Context(), "ord_1", note("n1"))
	if !is[*UnavailableError](err) {
		t.Errorf("got %v", err)
	}
}
