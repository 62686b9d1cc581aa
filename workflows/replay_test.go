package workflows_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderly/internal/keyset"
	"orderly/internal/temporalclient"
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

// TestEncryptedHistories_AfterARotation_Replay replays histories that were begun in clear and went on with a key that is no
// longer the first one.
func TestEncryptedHistories_AfterARotation_Replay(t *testing.T) {
	t.Parallel()
	older, newer := keyset.Generate("older"), keyset.Generate("newer")
	for _, path := range recordings(t) {
		recorded := encryptedFromTheMiddle(t, path, keys(t, older))
		if err := replayWith(keys(t, newer, older), recorded); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if err := replayWith(keys(t, newer), recorded); err == nil {
			t.Errorf("%s replays without the key", path)
		}
	}
}

func keys(t *testing.T, all ...string) keyset.Set {
	t.Helper()
	set, err := keyset.Parse(strings.Join(all, ","))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func encryptedFromTheMiddle(t *testing.T, path string, with keyset.Set) *history.History {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	recorded, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	if err != nil {
		t.Fatal(err)
	}
	encrypt := proxy.VisitPayloadsOptions{SkipSearchAttributes: true, Visitor: func(_ *proxy.VisitPayloadsContext, payloads []*common.Payload) ([]*common.Payload, error) {
		return temporalclient.NewCodec(with).Encode(payloads)
	}}
	later := &history.History{Events: recorded.GetEvents()[len(recorded.GetEvents())/2:]}
	if err := proxy.VisitPayloads(t.Context(), later, encrypt); err != nil {
		t.Fatal(err)
	}
	return recorded
}

func replayWith(set keyset.Set, recorded *history.History) error {
	options := temporalclient.Encrypt(client.Options{}, set)
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: options.DataConverter, FailureConverter: options.FailureConverter,
	})
	if err != nil {
		return err
	}
	replayer.RegisterWorkflowWithOptions(workflows.Order, workflow.RegisterOptions{Name: workflows.OrderWorkflow})
	return replayer.ReplayWorkflowHistory(nil, recorded)
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
