package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"orderly/workflows"
)

func TestCheckpoint_FailsAtFirst_IsTriedAgain(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	want := workflows.CheckpointResult{ID: 3, MadeAt: time.UnixMicro(1).UTC(), Heads: 2, Root: "ab"}
	tries := 0
	env.RegisterWorkflowWithOptions(workflows.Checkpoint, workflow.RegisterOptions{Name: workflows.CheckpointWorkflow})
	env.RegisterActivityWithOptions(func(context.Context) (workflows.CheckpointResult, error) {
		tries++
		if tries < 3 {
			return workflows.CheckpointResult{}, errors.New("the database is away")
		}
		return want, nil
	}, activity.RegisterOptions{Name: workflows.CheckpointActivity})
	env.ExecuteWorkflow(workflows.CheckpointWorkflow)
	var got workflows.CheckpointResult
	if err := env.GetWorkflowResult(&got); err != nil || tries != 3 || !cmp.Equal(got, want) {
		t.Errorf("after %d tries: %+v, %v; want %+v", tries, got, err, want)
	}
}
