package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"orderly/eventstore"
	"orderly/workflows"
)

// TestScenariosOfTheSystem plays the workflows that are no order's, and replays their histories with the code of now.
func TestScenariosOfTheSystem(t *testing.T) {
	t.Parallel()
	private, _ := eventstore.NewSigningKey()
	s := open(t, everything, "ORDERLY_BOOK_TRIES=1", "ORDERLY_CARRIERS=fedex", "ORDERLY_CHECKPOINT_KEY="+private, "ORDERLY_CHECKPOINT_EVERY=1s",
		"ORDERLY_RECONCILE_EVERY=1s", "ORDERLY_WEBHOOKS_ALLOW_PRIVATE=true")
	for _, each := range []struct {
		name string
		play func(s shop) (workflowID string)
	}{
		{"bulk", shop.playBulk},
		{"bulk_cancelled", shop.playBulkCancelled},
		{"projection", shop.playProjection},
		{"rebuild", shop.playRebuild},
		{"webhook", shop.playWebhook},
		{"checkpoint", func(s shop) string { return s.finished(workflows.CheckpointWorkflow) }},
		{"reconcile", func(s shop) string { return s.finished(workflows.ReconcileWorkflow) }},
	} {
		t.Run(each.name, func(t *testing.T) {
			s := shop{s.System, t}
			history := s.historyOf(each.play(s), "")
			s.wantNoFailedTask(history)
			s.recordHistory(each.name, history)
			s.wantReplays(history)
		})
	}
}

func (s shop) playBulk() string {
	s.t.Helper()
	s.failedBookings(3)
	s.healFaults()
	id := s.bulk(`{"command":"retry","filter":{"step":"BookShipment"},"reason":"fedex is back","rate":1}`)["bulk_id"].(string)
	s.command(http.StatusOK, "/v1/bulk/"+id+"/suspend", "")
	s.hasEvent(workflows.BulkWorkflowID(id), enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
	s.command(http.StatusOK, "/v1/bulk/"+id+"/resume", "")
	s.hasEvent(workflows.BulkWorkflowID(id), enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED)
	return workflows.BulkWorkflowID(id)
}

func (s shop) playBulkCancelled() string {
	s.t.Helper()
	s.failedBookings(15) // at one a second: more than are done before the activity hears of the cancellation with a heartbeat
	id := s.bulk(`{"command":"cancel","filter":{"step":"BookShipment"},"reason":"given up","rate":1}`)["bulk_id"].(string)
	if err := s.Temporal().CancelWorkflow(s.t.Context(), workflows.BulkWorkflowID(id), ""); err != nil {
		s.t.Fatal(err)
	}
	s.bulkIs(id, "cancelled")
	s.healFaults()
	s.hasEvent(workflows.BulkWorkflowID(id), enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED)
	return workflows.BulkWorkflowID(id)
}

func (s shop) playProjection() string {
	s.t.Helper()
	id := workflows.ProjectionWorkflowID("orders", 0)
	s.signalTo(id, workflows.PauseProjection)
	s.hasEvent(id, enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
	s.signalTo(id, workflows.ResumeProjection)
	s.awaitReadModels()
	return id
}

func (s shop) playRebuild() string {
	s.t.Helper()
	s.command(http.StatusAccepted, "/v1/projections/figures/rebuild", "")
	s.hasEvent(workflows.RebuildWorkflowID("figures"), enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED)
	return workflows.RebuildWorkflowID("figures")
}

func (s shop) playWebhook() string {
	s.t.Helper()
	r := receiveHooks(s.t)
	made := s.command(http.StatusCreated, endpoints, fmt.Sprintf(`{"url":%q}`, r.URL))
	endpoint := made.body["endpoint_id"].(string)
	s.until(s.place(wish{}), "closed")
	s.Await("the endpoint is told", func() bool { return len(r.all()) > 0 })
	r.status.Store(http.StatusGone)
	s.place(wish{})
	s.hasEvent(workflows.WebhookWorkflowID(endpoint), enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED)
	return workflows.WebhookWorkflowID(endpoint)
}

// finished waits for a workflow of a type that a schedule has started, and gives its id.
func (s shop) finished(workflowType string) (id string) {
	s.t.Helper()
	s.Await("a "+workflowType+" has ended", func() bool {
		page, err := s.Temporal().ListWorkflow(s.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: s.Namespace, PageSize: 1, Query: fmt.Sprintf("WorkflowType = %q AND ExecutionStatus = 'Completed'", workflowType),
		})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, execution := range page.GetExecutions() {
			id = execution.GetExecution().GetWorkflowId()
		}
		return id != ""
	})
	return id
}

func (s shop) signalTo(workflowID, name string) {
	s.t.Helper()
	if err := s.Temporal().SignalWorkflow(s.t.Context(), workflowID, "", name, nil); err != nil {
		s.t.Fatal(err)
	}
}

// hasEvent waits until the latest run of a workflow has an event of one of these types.
func (s shop) hasEvent(workflowID string, types ...enumspb.EventType) {
	s.t.Helper()
	s.Await(fmt.Sprintf("%s has one of %v", workflowID, types), func() bool {
		for _, event := range s.historyOf(workflowID, "").GetEvents() {
			if slices.Contains(types, event.GetEventType()) {
				return true
			}
		}
		return false
	})
}
