package workflows_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderly/workflows"
)

// recordings are the histories of orders that were recorded, by `go test ./e2e -run Scenarios -record`, while the code was as it
// was released. Workflows with such histories are under way when this code takes over.
func recordings(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatal("there are no recorded histories: docs/operations.md says how to record them")
	}
	return paths
}

func replay(path string, order any) error {
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(order, workflow.RegisterOptions{Name: workflows.OrderWorkflow})
	return replayer.ReplayWorkflowHistoryFromJSONFile(nil, path)
}

func TestRecordedHistories_Replay(t *testing.T) {
	t.Parallel()
	for _, path := range recordings(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			if err := replay(path, workflows.Order); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRecordedHistories_OfOtherCode_DoNotReplay makes sure that a change would be noticed.
func TestRecordedHistories_OfOtherCode_DoNotReplay(t *testing.T) {
	t.Parallel()
	slower := func(ctx workflow.Context, in workflows.OrderInput) error {
		if err := workflow.Sleep(ctx, 1); err != nil {
			return err
		}
		return workflows.Order(ctx, in)
	}
	for _, path := range recordings(t) {
		if err := replay(path, slower); err == nil {
			t.Errorf("%s replays with code that does something else", path)
		}
	}
}

func TestRecordedHistories_NameNoMachine(t *testing.T) {
	t.Parallel()
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range recordings(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{`"identity"`, "stackTrace", "@" + machine, machine + ":", "127.0.0.1", "/pkg/mod/"} {
			if strings.Contains(string(text), word) {
				t.Errorf("%s contains %s", path, word)
			}
		}
	}
}
