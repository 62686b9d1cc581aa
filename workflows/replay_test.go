package workflows_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// recordings are the histories that were recorded, by `go test ./e2e -run Scenarios -record`, while the code was as it
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

// read is a recorded history.
func read(t *testing.T, path string) *history.History {
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
	return recorded
}

func typeOf(recorded *history.History) string {
	return recorded.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()
}

// replay replays a recorded history with the given workflows.
func replay(path string, definitions map[string]any) error {
	replayer := worker.NewWorkflowReplayer()
	register(replayer, definitions)
	return replayer.ReplayWorkflowHistoryFromJSONFile(nil, path)
}

func register(replayer worker.WorkflowReplayer, definitions map[string]any) {
	for name, definition := range definitions {
		replayer.RegisterWorkflowWithOptions(definition, workflow.RegisterOptions{Name: name})
	}
}

// TestRecordedHistories_ThereIsOneOfEachWorkflow that a worker registers.
func TestRecordedHistories_ThereIsOneOfEachWorkflow(t *testing.T) {
	t.Parallel()
	recorded := map[string]bool{}
	for _, path := range recordings(t) {
		recorded[typeOf(read(t, path))] = true
	}
	for name := range workflows.Definitions() {
		if !recorded[name] {
			t.Errorf("there is no recorded history of %s: docs/operations.md says how to record one", name)
		}
	}
}

func TestRecordedHistories_Replay(t *testing.T) {
	t.Parallel()
	for _, path := range recordings(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			if err := replay(path, workflows.Definitions()); err != nil {
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
		// Some workflows read nothing after their start.
		if err := replayWith(keys(t, newer), recorded); err == nil && typeOf(recorded) == workflows.OrderWorkflow {
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
	recorded := read(t, path)
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
	register(replayer, workflows.Definitions())
	return replayer.ReplayWorkflowHistory(nil, recorded)
}

// TestRecordedHistories_OfOtherCode_DoNotReplay makes sure that a change would be noticed.
func TestRecordedHistories_OfOtherCode_DoNotReplay(t *testing.T) {
	t.Parallel()
	others := map[string]any{}
	for name := range workflows.Definitions() {
		others[name] = func(ctx workflow.Context, _ any) error { return workflow.Sleep(ctx, time.Second) }
	}
	for _, path := range recordings(t) {
		if err := replay(path, others); err == nil {
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
