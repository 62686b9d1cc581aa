package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"orderly/workflows"
)

// projectionEnv is a test environment in which the activity does as the function says.
func projectionEnv(project func(context.Context, workflows.ProjectInput) error) *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.RegisterWorkflowWithOptions(workflows.Projection, workflow.RegisterOptions{Name: workflows.ProjectionWorkflow})
	env.RegisterActivityWithOptions(project, activity.RegisterOptions{Name: workflows.ProjectActivity})
	markPaused := func(context.Context, workflows.ProjectInput) error { return nil }
	env.RegisterActivityWithOptions(markPaused, activity.RegisterOptions{Name: workflows.MarkPausedActivity})
	return env
}

func untilCancelled(ctx context.Context, _ workflows.ProjectInput) error {
	for {
		activity.RecordHeartbeat(ctx)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestProjection_AfterManyRounds_ContinuesAsNew(t *testing.T) {
	t.Parallel()
	rounds := 0
	env := projectionEnv(func(_ context.Context, in workflows.ProjectInput) error {
		rounds++
		if rounds == 3 {
			return errors.New("the database is away")
		}
		if (in != workflows.ProjectInput{Name: "orders", Shard: 2}) {
			t.Errorf("input: %+v", in)
		}
		return nil
	})
	env.ExecuteWorkflow(workflows.ProjectionWorkflow, workflows.ProjectionInput{Name: "orders", Shard: 2})
	var again *workflow.ContinueAsNewError
	if err := env.GetWorkflowError(); !errors.As(err, &again) || rounds != 51 {
		t.Errorf("after %d rounds: %v", rounds, err)
	}
}

func TestProjection_PausedWhileItRuns_StopsAndGoesOnWhenResumed(t *testing.T) {
	t.Parallel()
	var env *testsuite.TestWorkflowEnvironment
	starts := 0
	env = projectionEnv(func(ctx context.Context, in workflows.ProjectInput) error {
		starts++
		if starts == 1 {
			env.SignalWorkflow(workflows.PauseProjection, nil)
		} else {
			env.CancelWorkflow()
		}
		return untilCancelled(ctx, in)
	})
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(workflows.ResumeProjection, nil) }, time.Hour)
	env.ExecuteWorkflow(workflows.ProjectionWorkflow, workflows.ProjectionInput{Name: "orders"})
	if err := env.GetWorkflowError(); !temporal.IsCanceledError(err) || starts != 2 {
		t.Errorf("started %d times: %v", starts, err)
	}
}

func TestProjection_StartedPaused_WaitsAndCanBeCancelled(t *testing.T) {
	t.Parallel()
	env := projectionEnv(func(context.Context, workflows.ProjectInput) error {
		t.Error("it runs")
		return nil
	})
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
	env.ExecuteWorkflow(workflows.ProjectionWorkflow, workflows.ProjectionInput{Name: "orders", Paused: true})
	if err := env.GetWorkflowError(); !temporal.IsCanceledError(err) {
		t.Errorf("got %v", err)
	}
}
