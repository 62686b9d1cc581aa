package orchestrator

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
	for name, c := range map[string]struct {
		err  error
		kind string
	}{
		"not allowed": {refusal(workflows.ErrTypeNotAllowed, order.NotAllowedError{Command: "CancelOrder", Status: order.Shipped, Version: 7, Allowed: []string{"AddNote"}}), "not allowed"},
		"invalid":     {refusal(workflows.ErrTypeInvalid, order.InvalidError{Pointer: "/code", Detail: "x"}), "invalid"},
		"mismatch":    {refusal(workflows.ErrTypeVersionMismatch, order.VersionMismatchError{Expected: 1, Current: 2}), "mismatch"},
		"exists":      {refusal(workflows.ErrTypeOrderExists), "exists"},
		"not found":   {refusal(workflows.ErrTypeOrderNotFound), "not found"},
		"a bug":       {refusal("Panic"), "another"},
		"too many":    {fmt.Errorf("failed workflow update: %w", serviceerror.NewResourceExhausted(0, "limit")), "too many"},
		"down":        {serviceerror.NewUnavailable("connection refused"), "unavailable"},
		"no worker":   {client.NewWorkflowUpdateServiceTimeoutOrCanceledError(context.DeadlineExceeded), "unavailable"},
		"too late":    {serviceerror.NewDeadlineExceeded("late"), "unavailable"},
		"not ready":   {serviceerror.NewWorkflowNotReady("task failing"), "unavailable"},
		"cancelled":   {temporal.NewCanceledError(), "unavailable"},
		"ended":       {serviceerror.NewNotFound("workflow execution already completed"), "unavailable"},
		"our mistake": {serviceerror.NewInvalidArgument("update id too long"), "another"},
	} {
		if got := kindOf(refusalOf(c.err)); got != c.kind {
			t.Errorf("%s: is %s, want %s", name, got, c.kind)
		}
	}
	if !errors.Is(refusalOf(ErrPending), ErrPending) || refusalOf(nil) != nil {
		t.Error("what is no error of Temporal is changed")
	}
}

func kindOf(err error) string {
	switch {
	case is[*order.NotAllowedError](err):
		return "not allowed"
	case is[*order.InvalidError](err):
		return "invalid"
	case is[*order.VersionMismatchError](err):
		return "mismatch"
	case is[*UnavailableError](err):
		return "unavailable"
	case errors.Is(err, order.ErrExists):
		return "exists"
	case errors.Is(err, order.ErrNotFound):
		return "not found"
	case errors.Is(err, ErrTooMany):
		return "too many"
	default:
		return "another"
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
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
