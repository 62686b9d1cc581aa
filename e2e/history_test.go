package e2e_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"

	"orderly/workflows"
)

var record = flag.Bool("record", false, "write the histories of the scenarios to workflows/testdata")

// history is all that Temporal has recorded of a run of an order's workflow, decrypted.
func (s shop) history(id, run string) *history.History {
	s.t.Helper()
	return s.historyOf(workflows.OrderWorkflowID(id), run)
}

func (s shop) historyOf(workflowID, run string) *history.History {
	s.t.Helper()
	all := &history.History{}
	for events := s.Temporal().GetWorkflowHistory(s.t.Context(), workflowID, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		event, err := events.Next()
		if err != nil {
			s.t.Fatal(err)
		}
		all.Events = append(all.Events, event)
	}
	s.decrypt(all)
	return all
}

// decrypt decrypts all payloads in a message of Temporal's.
func (s shop) decrypt(message proto.Message) {
	s.t.Helper()
	codec := s.TemporalCodec()
	err := proxy.VisitPayloads(s.t.Context(), message, proxy.VisitPayloadsOptions{
		SkipSearchAttributes: true,
		Visitor: func(_ *proxy.VisitPayloadsContext, payloads []*common.Payload) ([]*common.Payload, error) {
			return codec.Decode(payloads)
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s shop) wantReplays(recorded *history.History) {
	s.t.Helper()
	replayer := worker.NewWorkflowReplayer()
	for name, definition := range workflows.Definitions() {
		replayer.RegisterWorkflowWithOptions(definition, workflow.RegisterOptions{Name: name})
	}
	if err := replayer.ReplayWorkflowHistory(nil, recorded); err != nil {
		s.t.Errorf("replay: %v", err)
	}
}

// wantNoFailedTask checks that the workflow's code got by without an error of its own.
func (s shop) wantNoFailedTask(recorded *history.History) {
	s.t.Helper()
	ours := []enumspb.WorkflowTaskFailedCause{
		enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE, enumspb.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR,
	}
	for _, event := range recorded.GetEvents() {
		if failed := event.GetWorkflowTaskFailedEventAttributes(); slices.Contains(ours, failed.GetCause()) {
			s.t.Errorf("event %d: a workflow task has failed: %s", event.GetEventId(), failed.GetFailure().GetMessage())
		}
	}
}

// recordHistory writes a history for the replay tests of package workflows, when that is asked for.
func (s shop) recordHistory(name string, recorded *history.History) {
	s.t.Helper()
	if !*record {
		return
	}
	text, err := temporalproto.CustomJSONMarshalOptions{}.Marshal(recorded)
	if err != nil {
		s.t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		s.t.Fatal(err)
	}
	clean, err := json.MarshalIndent(scrub("", tree), "", " ")
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("..", "workflows", "testdata", name+".json"), append(clean, '\n'), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// machineFields say on which machine a history was made.
var machineFields = []string{"identity", "workerVersion", "binaryChecksum", "stackTrace", "workerControlTaskQueue", "workerInstanceKey", "prevAutoResetPoints"}

var localURL = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// scrub takes out of a history what only this machine knows.
func scrub(key string, node any) any {
	switch node := node.(type) {
	case map[string]any:
		if node["kind"] == "TASK_QUEUE_KIND_STICKY" {
			node["name"] = "sticky"
		}
		for name, value := range node {
			if slices.Contains(machineFields, name) {
				delete(node, name)
				continue
			}
			node[name] = scrub(name, value)
		}
	case []any:
		for i, value := range node {
			node[i] = scrub(key, value)
		}
	case string:
		if plain, err := base64.StdEncoding.DecodeString(node); key == "data" && err == nil {
			return base64.StdEncoding.EncodeToString(localURL.ReplaceAll(plain, []byte("http://orderly.test")))
		}
		return localURL.ReplaceAllString(node, "http://orderly.test")
	}
	return node
}

// effects are all that has happened to an order outside of Temporal.
func (s shop) effects(id string) string {
	s.t.Helper()
	var text strings.Builder
	for _, book := range []string{"payments", "stock", "shipments"} {
		fmt.Fprintln(&text, book, s.ledger(book, id))
	}
	events := s.get("/v1/orders/" + id + "/events")
	if events.status != http.StatusOK {
		s.t.Fatalf("the events of %s: %d %s", id, events.status, events.raw)
	}
	for _, event := range list(events.body["events"]) {
		fmt.Fprintln(&text, event["version"], event["event_type"], event["id"])
	}
	return text.String()
}

// resetEverywhere resets a run to each of its workflow tasks.
func (s shop) resetEverywhere(id, run string, recorded *history.History) {
	s.t.Helper()
	before, resets := s.effects(id), 0
	for _, event := range recorded.GetEvents() {
		if event.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			continue
		}
		_, err := s.Temporal().ResetWorkflowExecution(s.t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: s.Namespace, WorkflowExecution: &common.WorkflowExecution{WorkflowId: workflows.OrderWorkflowID(id), RunId: run},
			Reason: "by a test", WorkflowTaskFinishEventId: event.GetEventId(), RequestId: uuid.NewString(),
		})
		if err != nil {
			s.t.Fatalf("reset to event %d: %v", event.GetEventId(), err)
		}
		s.wantNoRunning(id)
		if after := s.effects(id); after != before {
			s.t.Fatalf("the reset to event %d had effects (-before +after):\n%s", event.GetEventId(), cmp.Diff(before, after))
		}
		again := s.history(id, s.latestRun(id))
		if resets++; resets == 2 && id == "ord_plain" {
			s.recordHistory("reset", again)
		}
		s.wantReplays(again)
	}
	if resets == 0 {
		s.t.Error("there was nothing to reset to")
	}
}

// fillHistory makes a run so large that another one takes over, by signals that nobody knows.
func (s shop) fillHistory(id, run string) {
	s.t.Helper()
	const suggestedFrom, each = 4 << 20, 256 << 10 // bytes: Temporal's limit.historySize.suggestContinueAsNew
	noise := make([]byte, each)
	if _, err := rand.Read(noise); err != nil {
		s.t.Fatal(err)
	}
	sent := 0
	s.Await(id+" has continued", func() bool {
		if sent <= suggestedFrom { // more would only keep the worker from its task
			s.signal(id, "Noise", noise)
			sent += each
		}
		return s.latestRun(id) != run
	})
}

// wantAttributes waits until a search attribute of the latest run has a value, as JSON.
func (s shop) wantAttributes(id, name, want string) {
	s.t.Helper()
	s.Await(name+" is "+want, func() bool {
		described, err := s.Temporal().DescribeWorkflowExecution(s.t.Context(), workflows.OrderWorkflowID(id), "")
		if err != nil {
			s.t.Fatal(err)
		}
		return string(described.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()[name].GetData()) == want
	})
}
