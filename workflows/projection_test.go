package workflows_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"orderly/workflows"
)

// projectionEnv is a test environment in which the activity does as the function says, and does not tell how far it came.
func projectionEnv(project func(context.Context, workflows.ProjectInput) error) *testsuite.TestWorkflowEnvironment {
	return projectionEnvWith(func(ctx context.Context, in workflows.ProjectInput) (workflows.ProjectResult, error) {
		return workflows.ProjectResult{}, project(ctx, in)
	})
}

func projectionEnvWith(
	project func(context.Context, workflows.ProjectInput) (workflows.ProjectResult, error),
) *testsuite.TestWorkflowEnvironment {
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

// TestProjection_Details_SayHowFarTheLastRoundCame, also when that was a round of the run before.
func TestProjection_Details_SayHowFarTheLastRoundCame(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	rounds := 0
	var env *testsuite.TestWorkflowEnvironment
	var details []string
	env = projectionEnvWith(func(context.Context, workflows.ProjectInput) (workflows.ProjectResult, error) {
		rounds++
		details = append(details, currentDetails(t, env))
		switch rounds {
		case 1:
			return workflows.ProjectResult{At: at, Position: "12.345", LagEvents: 7, LagSeconds: 1.25}, nil
		case 2: // too short to tell
			return workflows.ProjectResult{}, nil
		default:
			env.CancelWorkflow()
			return workflows.ProjectResult{}, nil
		}
	})
	env.ExecuteWorkflow(workflows.ProjectionWorkflow, workflows.ProjectionInput{
		Name: "orders", Last: workflows.ProjectResult{At: at, Position: "10.99", LagEvents: 0, LagSeconds: 0},
	})
	for i, want := range []string{"position 10.99, 0 events and 0.0 s", "position 12.345, 7 events and 1.2 s", "position 12.345"} {
		if len(details) != 3 || !strings.Contains(details[i], want) {
			t.Errorf("in round %d there is no %q in %q", i+1, want, details)
		}
	}
}

// currentDetails is what the Web UI shows of a workflow.
func currentDetails(t *testing.T, env *testsuite.TestWorkflowEnvironment) string {
	t.Helper()
	value, err := env.QueryWorkflow("__temporal_workflow_metadata")
	if err != nil {
		t.Error(err)
		return ""
	}
	var metadata sdkpb.WorkflowMetadata
	if err := value.Get(&metadata); err != nil {
		t.Error(err)
	}
	return metadata.GetCurrentDetails()
}
