package activities_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/testsuite"

	"orderly/activities"
	"orderly/eventstore"
	"orderly/internal/testkit"
	"orderly/workflows"
)

func TestMakeCheckpoint_MakesOneWhenThereIsSomething(t *testing.T) {
	t.Parallel()
	private, _ := eventstore.NewSigningKey()
	key, err := eventstore.ParseSigningKey(private)
	if err != nil {
		t.Fatal(err)
	}
	store := eventstore.New(testkit.Database(t), eventstore.Options{})
	checkpointer := &activities.Checkpointer{Store: store, Signer: key}
	if made := makeCheckpoint(t, checkpointer); made != (workflows.CheckpointResult{}) {
		t.Errorf("without events: %+v", made)
	}
	_, _, err = store.Append(t.Context(), "ord_1", eventstore.Head{}, eventstore.NewEvent{
		ID: uuid.Must(uuid.NewV7()), Type: "Any", SchemaVersion: 1, Data: json.RawMessage(`{}`), Metadata: json.RawMessage(`{}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	var made workflows.CheckpointResult
	for deadline := time.Now().Add(time.Minute); made.ID == 0 && time.Now().Before(deadline); { // others' transactions hold the feed back
		made = makeCheckpoint(t, checkpointer)
	}
	if made.ID != 1 || made.Heads != 1 || len(made.Root) != 64 {
		t.Errorf("got %+v", made)
	}
}

func makeCheckpoint(t *testing.T, checkpointer *activities.Checkpointer) (made workflows.CheckpointResult) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(checkpointer.MakeCheckpoint)
	result, err := env.ExecuteActivity(checkpointer.MakeCheckpoint)
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Get(&made); err != nil {
		t.Fatal(err)
	}
	return made
}

func TestMakeCheckpoint_NoKey_LeavesItToOthers(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	checkpointer := &activities.Checkpointer{}
	env.RegisterActivity(checkpointer.MakeCheckpoint)
	if _, err := env.ExecuteActivity(checkpointer.MakeCheckpoint); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("got %v", err)
	}
}
