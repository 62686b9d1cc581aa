package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"orderly/workflows"
)

// webhookEnv is a test environment in which the activity does as the function says.
func webhookEnv(deliver func(turn int) (bool, error)) (*testsuite.TestWorkflowEnvironment, *int) {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	turns := 0
	env.RegisterActivityWithOptions(func(context.Context, string) (bool, error) {
		turns++
		return deliver(turns)
	}, activity.RegisterOptions{Name: workflows.WebhookActivity})
	return env, &turns
}

func TestWebhook_GoesOnAfterFailures_AndEndsWhenTheEndpointIsDisabled(t *testing.T) {
	t.Parallel()
	env, turns := webhookEnv(func(turn int) (bool, error) {
		if turn == 1 {
			return false, errors.New("the database is away")
		}
		return turn < 4, nil
	})
	env.ExecuteWorkflow(workflows.Webhook, "whe_1")
	if err := env.GetWorkflowError(); err != nil || *turns != 4 {
		t.Errorf("after %d turns: %v", *turns, err)
	}
}

func TestWebhook_EnabledWhileItEnds_LooksAgain(t *testing.T) {
	t.Parallel()
	var env *testsuite.TestWorkflowEnvironment
	env, turns := webhookEnv(func(turn int) (bool, error) {
		if turn == 1 {
			env.SignalWorkflow(workflows.WebhookChanged, nil) // after the endpoint was read, before the workflow has heard of it
		}
		return false, nil
	})
	env.ExecuteWorkflow(workflows.Webhook, "whe_1")
	if err := env.GetWorkflowError(); err != nil || *turns != 2 {
		t.Errorf("after %d turns: %v, want two", *turns, err)
	}
}

func TestWebhook_AfterManyRounds_ContinuesAsNew(t *testing.T) {
	t.Parallel()
	env, turns := webhookEnv(func(int) (bool, error) { return true, nil })
	env.ExecuteWorkflow(workflows.Webhook, "whe_1")
	var again *workflow.ContinueAsNewError
	if err := env.GetWorkflowError(); !errors.As(err, &again) || *turns != 50 {
		t.Errorf("after %d turns: %v", *turns, err)
	}
}
