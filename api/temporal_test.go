package api

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"orderly/order"
	"orderly/workflows"
)

func TestRefusalOf_TranslatesTemporal(t *testing.T) {
	t.Parallel()
	refusal := func(kind string, details ...any) error {
		return fmt.Errorf("update: %w", temporal.NewApplicationErrorWithOptions("no", kind, temporal.ApplicationErrorOptions{Details: details}))
	}
	a := &API{}
	for name, c := range map[string]struct {
		err  error
		code Code
	}{
		"not allowed": {refusal(workflows.ErrTypeNotAllowed, order.NotAllowedError{Command: "CancelOrder", Status: order.Shipped, Version: 7, Allowed: []string{"AddNote"}}), codeNotAllowed},
		"invalid":     {refusal(workflows.ErrTypeInvalid, order.InvalidError{Pointer: "/code", Detail: "x"}), codeInvalid},
		"mismatch":    {refusal(workflows.ErrTypeVersionMismatch, order.VersionMismatchError{Expected: 1, Current: 2}), codeVersionMismatch},
		"exists":      {refusal(workflows.ErrTypeOrderExists), codeOrderExists},
		"not found":   {refusal(workflows.ErrTypeOrderNotFound), codeOrderNotFound},
		"a bug":       {refusal("Panic"), codeInternal},
		"too many":    {fmt.Errorf("failed workflow update: %w", serviceerror.NewResourceExhausted(0, "limit")), codeTooManyCommands},
		"down":        {serviceerror.NewUnavailable("connection refused"), codeOrchestratorDown},
		"no worker":   {client.NewWorkflowUpdateServiceTimeoutOrCanceledError(context.DeadlineExceeded), codeOrchestratorDown},
		"too late":    {serviceerror.NewDeadlineExceeded("late"), codeOrchestratorDown},
		"not ready":   {serviceerror.NewWorkflowNotReady("task failing"), codeOrchestratorDown},
		"cancelled":   {temporal.NewCanceledError(), codeOrchestratorDown},
		"ended":       {serviceerror.NewNotFound("workflow execution already completed"), codeOrchestratorDown},
		"our mistake": {serviceerror.NewInvalidArgument("update id too long"), codeInternal},
	} {
		problem := a.problem(refusalOf(c.err))
		if problem.Code != c.code {
			t.Errorf("%s: code %s, want %s", name, problem.Code, c.code)
		}
		if problem.Status >= 500 && problem.cause == nil {
			t.Errorf("%s: the cause is lost", name)
		}
	}
	if !errors.Is(refusalOf(errPending), errPending) || refusalOf(nil) != nil {
		t.Error("what is no error of Temporal is changed")
	}
}

func TestRefusalOf_KeepsTheDetails(t *testing.T) {
	t.Parallel()
	want := order.NotAllowedError{Command: "CancelOrder", Status: order.Shipped, Version: 7, Allowed: []string{"AddNote"}, Detail: "the order is shipped"}
	var got *order.NotAllowedError
	err := refusalOf(temporal.NewApplicationErrorWithOptions("no", workflows.ErrTypeNotAllowed, temporal.ApplicationErrorOptions{Details: []any{want}}))
	if !errors.As(err, &got) {
		t.Fatalf("error is %v", err)
	}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Error(diff)
	}
}
