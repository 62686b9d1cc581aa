package workflows_test

import (
	"context"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"orderly/workflows"
)

// bulkRun plays Bulk with an activity that reports the given states, one after the other, the last one for ever.
func bulkRun(t *testing.T, states ...string) (*testsuite.TestWorkflowEnvironment, *int) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	turns := 0
	env.RegisterActivityWithOptions(func(context.Context, string) (workflows.BulkProgress, error) {
		state := states[min(turns, len(states)-1)]
		turns++
		return workflows.BulkProgress{State: state}, nil
	}, activity.RegisterOptions{Name: workflows.BulkActivity})
	env.RegisterActivityWithOptions(func(context.Context, string) (workflows.BulkProgress, error) {
		return workflows.BulkProgress{State: "cancelled"}, nil
	}, activity.RegisterOptions{Name: workflows.BulkCancelActivity})
	return env, &turns
}

func bulkResult(t *testing.T, env *testsuite.TestWorkflowEnvironment) workflows.BulkProgress {
	t.Helper()
	env.ExecuteWorkflow(workflows.Bulk, "blk_1")
	var result workflows.BulkProgress
	if err := env.GetWorkflowResult(&result); err != nil {
		t.Fatal(err)
	}
	return result
}

func TestBulk_GoesOnUntilItIsDone(t *testing.T) {
	t.Parallel()
	env, turns := bulkRun(t, "running", "running", "completed")
	if result := bulkResult(t, env); result.State != "completed" || *turns != 3 {
		t.Errorf("%+v after %d turns", result, *turns)
	}
}

func TestBulk_LongHistory_ContinuesAsNew(t *testing.T) {
	t.Parallel()
	env, turns := bulkRun(t, "running")
	env.SetContinueAsNewSuggested(true)
	env.ExecuteWorkflow(workflows.Bulk, "blk_1")
	if err := env.GetWorkflowError(); !workflow.IsContinueAsNewError(err) || *turns != 1 {
		t.Errorf("%v after %d turns, want to continue as new after one", err, *turns)
	}
}

func TestBulk_Suspended_WaitsForTheSignal(t *testing.T) {
	t.Parallel()
	env, turns := bulkRun(t, "suspended", "running", "completed")
	env.RegisterDelayedCallback(func() {
		if *turns != 1 {
			t.Errorf("%d turns while it is suspended", *turns)
		}
		env.SignalWorkflow(workflows.BulkChanged, nil)
	}, time.Hour)
	if result := bulkResult(t, env); result.State != "completed" || *turns != 3 {
		t.Errorf("%+v after %d turns", result, *turns)
	}
}

func TestBulk_CancelledWhileItIsSuspended_IsWrittenDown(t *testing.T) {
	t.Parallel()
	env, _ := bulkRun(t, "suspended")
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
	if result := bulkResult(t, env); result.State != "cancelled" {
		t.Errorf("%+v", result)
	}
}
