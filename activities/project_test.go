package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"orderly/activities"
	"orderly/eventstore"
	"orderly/internal/testkit"
	"orderly/projection"
	"orderly/workflows"
)

// TestProject_WorkerStops_EndsWithoutError runs a projection until it has come to an event, then stops the worker.
func TestProject_WorkerStops_EndsWithoutError(t *testing.T) {
	t.Parallel()
	pool := testkit.Database(t)
	store := eventstore.New(pool, eventstore.Options{})
	_, _, err := store.Append(t.Context(), "ord_1", eventstore.Head{}, eventstore.NewEvent{
		ID: uuid.Must(uuid.NewV7()), Type: "Any", SchemaVersion: 1, Data: json.RawMessage(`{}`), Metadata: json.RawMessage(`{}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	stored, _, err := store.Load(t.Context(), "ord_1")
	if err != nil {
		t.Fatal(err)
	}
	nothing := projection.Projection{Name: "nothing", Version: 1, Apply: func(context.Context, pgx.Tx, []eventstore.Event) error { return nil }}
	projector := &activities.Projector{Pool: pool, Store: store, Projections: []projection.Projection{nothing}}

	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetTestTimeout(2 * time.Minute)
	stop := make(chan struct{})
	env.SetWorkerStopChannel(stop)
	beats := make(chan projection.Progress, 100)
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var progress projection.Progress
		if err := details.Get(&progress); err != nil {
			t.Errorf("heartbeat: %v", err)
		}
		beats <- progress
	})
	env.RegisterActivity(projector.Project)
	ended := make(chan error, 1)
	go func() {
		_, err := env.ExecuteActivity(projector.Project, workflows.ProjectInput{Name: "nothing"})
		ended <- err
	}()
	<-beats
	waitForCheckpoint(t, pool, stored[0].Position)
	close(stop)
	if err := <-ended; err != nil {
		t.Errorf("got %v", err)
	}
}

func waitForCheckpoint(t *testing.T, pool *pgxpool.Pool, want eventstore.Position) {
	t.Helper()
	const query = `SELECT EXISTS (SELECT FROM projections WHERE checkpoint_tx = $1 AND checkpoint_position = $2)`
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for there := false; !there; {
		if err := pool.QueryRow(t.Context(), query, want.Tx, want.Seq).Scan(&there); err != nil {
			t.Fatal(err)
		}
		select {
		case <-deadline:
			t.Fatalf("the checkpoint does not come to %s", want)
		case <-tick.C:
		}
	}
}

func TestProject_UnknownProjection_Fails(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	projector := &activities.Projector{}
	env.RegisterActivity(projector.Project)
	if _, err := env.ExecuteActivity(projector.Project, workflows.ProjectInput{Name: "other"}); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestRebuildProjection_OfAnotherVersion_IsLeftToOthers: without that the last worker of an older version would build the read model
// anew as it knows it, in the place of the new version.
func TestRebuildProjection_OfAnotherVersion_IsLeftToOthers(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	projector := &activities.Projector{Projections: []projection.Projection{{Name: "effects", Version: 3}}}
	env.RegisterActivity(projector.RebuildProjection)
	for _, version := range []int{2, 4} {
		_, err := env.ExecuteActivity(projector.RebuildProjection, workflows.RebuildInput{Name: "effects", Version: version})
		var failed *temporal.ApplicationError
		if !errors.As(err, &failed) || failed.NonRetryable() || !strings.Contains(failed.Error(), "version 3") {
			t.Errorf("version %d: %v", version, err)
		}
	}
}
