package e2e_test

import (
	"fmt"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	"orderly/order"
	"orderly/workflows"
)

// scenario is an order's way to its end. Its name is that of its recorded history.
type scenario struct {
	name string
	ends string // the order's last status
	// play places the order and brings it to its end. Faults are healed afterwards.
	play func(s shop, id string)
}

// scenarios are the ways of an order that changes of the workflow's code must keep going: add one here, and record it as
// docs/operations.md says.
var scenarios = []scenario{
	{"plain", "closed", func(s shop, id string) {
		s.place(wish{id: id})
		s.deliver(id)
	}},
	{"two_parcels", "closed", func(s shop, id string) {
		s.place(wish{id: id, skus: []string{"SKU-1", "TWO-WAREHOUSES-1"}})
		for _, status := range []string{"dispatched", "delivered"} {
			s.scanParcel(id, 2, status)
			s.scanParcel(id, 1, status)
		}
	}},
	{"cancelled_before_payment", "cancelled", func(s shop, id string) {
		s.fault(`{"service":"payments","operation":"authorize","mode":"unavailable","rate":1.0}`)
		s.place(wish{id: id})
		s.cancel(id)
	}},
	{"cancelled_while_paying", "cancelled", func(s shop, id string) {
		s.fault(`{"service":"payments","operation":"capture","mode":"unavailable","rate":1.0}`)
		s.place(wish{id: id})
		s.authorized(id)
		s.cancel(id)
	}},
	{"cancelled_when_booked", "cancelled", func(s shop, id string) {
		s.place(wish{id: id})
		s.booked(id)
		s.cancel(id)
	}},
	{"booking_fails_then_retry", "closed", func(s shop, id string) {
		s.fault(noCarrier)
		s.place(wish{id: id})
		attention := s.attention(id, "BookShipment")["attention_id"]
		s.healFaults()
		s.command(200, fmt.Sprintf("/v1/orders/%s/attention/%s/retry", id, attention), `{"reason":"the carriers are back"}`)
		s.deliver(id)
	}},
	{"rerouted", "closed", func(s shop, id string) {
		s.fault(`{"service":"carrier","operation":"book","mode":"reject","rate":1.0}`)
		s.place(wish{id: id})
		s.attention(id, "BookShipment")
		s.healFaults()
		s.command(200, "/v1/orders/"+id+"/shipments/shp_"+id+"_1/reroute", `{"carrier":"usps","reason":"the others refuse"}`)
		s.deliver(id)
	}},
	{"held_and_released", "closed", func(s shop, id string) {
		s.fault(`{"service":"payments","operation":"capture","mode":"unavailable","rate":1.0}`)
		s.place(wish{id: id})
		s.authorized(id)
		s.command(200, "/v1/orders/"+id+"/hold", `{"code":"manual","reason":"look at it"}`)
		s.healFaults()
		s.command(200, "/v1/orders/"+id+"/release", `{"code":"manual","reason":"it is fine"}`)
		s.deliver(id)
	}},
	{"held_during_a_try", "closed", func(s shop, id string) {
		s.fault(`{"service":"fraud","operation":"screen","mode":"timeout_before","rate":1.0}`)
		s.place(wish{id: id})
		s.screening(id, enumspb.PENDING_ACTIVITY_STATE_STARTED)
		s.command(200, "/v1/orders/"+id+"/hold", `{"code":"manual","reason":"look at it"}`)
		s.healFaults()
		s.fault(`{"service":"fraud","operation":"screen","mode":"unavailable","rate":1.0}`)
		s.screening(id, enumspb.PENDING_ACTIVITY_STATE_UNSPECIFIED) // it is told when it has ended
		s.command(200, "/v1/orders/"+id+"/release", `{"code":"manual","reason":"it is fine"}`)
		s.screening(id, enumspb.PENDING_ACTIVITY_STATE_SCHEDULED)
		s.healFaults()
		s.deliver(id)
	}},
	{"woken", "closed", func(s shop, id string) {
		s.fault(`{"service":"fraud","operation":"screen","mode":"unavailable","rate":1.0}`)
		s.place(wish{id: id})
		s.screening(id, enumspb.PENDING_ACTIVITY_STATE_SCHEDULED)
		s.command(200, "/v1/orders/"+id+"/hold", `{"code":"manual","reason":"look at it"}`)
		s.screening(id, enumspb.PENDING_ACTIVITY_STATE_UNSPECIFIED)
		s.healFaults()
		s.behind(id, order.ReleaseOrder{Code: "manual"})
		s.awaitReadModels()
		s.cli(0, "doctor", "--repair")
		s.deliver(id)
	}},
	{"shortage_and_choice", "closed", func(s shop, id string) {
		s.place(wish{id: id, skus: []string{"SKU-1", "OUT-OF-STOCK"}})
		s.asked(id)
		s.command(200, "/v1/orders/"+id+"/respond",
			fmt.Sprintf(`{"action_id":%q,"choice":"ship_available"}`, list(s.order(id)["actions"])[0]["action_id"]))
		s.deliver(id)
	}},
	{"declined_then_another_method", "closed", func(s shop, id string) {
		s.place(wish{id: id, token: "tok_declined"})
		s.asked(id)
		s.command(200, "/v1/orders/"+id+"/payment-method", `{"method":"card","token":"tok_visa"}`)
		s.deliver(id)
	}},
	{"declined_and_never_answered", "cancelled", func(s shop, id string) {
		s.place(wish{id: id, token: "tok_declined"})
		s.asked(id)
	}},
	{"cancel_pressed_while_paying", "cancelled", func(s shop, id string) {
		s.fault(`{"service":"payments","operation":"capture","mode":"unavailable","rate":1.0}`)
		s.place(wish{id: id})
		s.authorized(id)
		s.pressCancel(id)
	}},
	{"cancel_pressed_while_parked", "cancelled", func(s shop, id string) {
		s.fault(noCarrier)
		s.place(wish{id: id})
		s.attention(id, "BookShipment")
		s.pressCancel(id)
	}},
	{"cancel_pressed_when_booked", "cancelled", func(s shop, id string) {
		s.place(wish{id: id})
		s.booked(id)
		s.pressCancel(id)
	}},
	{"cancel_pressed_too_late", "closed", func(s shop, id string) {
		s.place(wish{id: id})
		s.booked(id)
		s.scan(id, "dispatched")
		s.until(id, "shipped")
		s.pressCancel(id)
		s.command(200, "/v1/orders/"+id+"/notes", `{"text":"the customer has called"}`)
		s.scan(id, "delivered")
	}},
	{"returned_and_replaced", "closed", func(s shop, id string) {
		s.place(wish{id: id})
		s.deliver(id)
		s.until(id, "closed")
		path := s.sendBack(id, 1, "replace")
		s.command(200, path+"/approve", `{}`)
		s.command(200, path+"/receive", `{"lines":[{"line_id":"l1","quantity":1,"condition":"damaged"}]}`)
		s.scanParcel(id, 2, "dispatched")
		s.scanParcel(id, 2, "delivered")
		s.returnIs(id, "closed")
	}},
	{"steered_by_signals", "closed", func(s shop, id string) {
		s.place(wish{id: id})
		s.booked(id)
		s.signal(id, "FlyAway", map[string]any{"id": "signal-0"})
		s.signal(id, "HoldOrder", map[string]any{"name": "HoldOrder", "body": map[string]any{"code": "manual"}}) // has no id
		hold := order.Command{ID: "signal-1", Reason: "a strike", Body: order.HoldOrder{Code: "manual"}}
		s.signal(id, "HoldOrder", hold)
		s.signal(id, "HoldOrder", hold)
		s.Await(id+" is held", func() bool { return len(list(s.order(id)["holds"])) == 1 })
		s.signal(id, "RetryStep", order.Command{ID: "signal-2", Body: order.RetryStep{AttentionID: "att_9"}}) // is refused
		s.signal(id, "ReleaseOrder", order.Command{ID: "signal-3", Body: order.ReleaseOrder{Code: "manual"}})
		s.Await(id+" is released", func() bool { return len(list(s.order(id)["holds"])) == 0 })
		s.deliver(id)
	}},
	{"started_again", "closed", func(s shop, id string) {
		s.fault(`{"service":"payments","operation":"capture","mode":"unavailable","rate":1.0}`)
		s.place(wish{id: id})
		s.authorized(id)
		s.awaitReadModels()
		first := s.latestRun(id)
		s.terminate(id)
		s.Await("the repair has started "+id, func() bool {
			s.cli(0, "doctor", "--repair")
			return s.latestRun(id) != first
		})
		s.healFaults()
		s.deliver(id)
	}},
	{"continued_as_new", "closed", func(s shop, id string) {
		s.fault(noCarrier)
		s.place(wish{id: id})
		s.attention(id, "BookShipment")
		first := s.latestRun(id)
		s.fillHistory(id, first)
		s.wantAttributes(id, workflows.AttributeNeedsAttention.GetName(), "true")
		s.healFaults()
		s.command(200, "/v1/orders/"+id+"/attention/att_1/retry", `{"reason":"the carriers are back"}`)
		s.deliver(id)
		s.wantAttributes(id, workflows.AttributeNeedsAttention.GetName(), "false")
	}},
}

// deliver has the first parcel of an order delivered, once it is booked.
func (s shop) deliver(id string) {
	s.t.Helper()
	s.scan(id, "dispatched")
	s.scan(id, "delivered")
}

func (s shop) cancel(id string) {
	s.t.Helper()
	s.command(200, "/v1/orders/"+id+"/cancel", `{"reason":"changed my mind"}`)
}

// pressCancel does what the button in the Temporal Web UI does.
func (s shop) pressCancel(id string) {
	s.t.Helper()
	if err := s.Temporal().CancelWorkflow(s.t.Context(), workflows.OrderWorkflowID(id), ""); err != nil {
		s.t.Fatal(err)
	}
}

// pending is a step's regular activity, nil when there is none.
func (s shop) pending(id string, step order.StepName) *workflowpb.PendingActivityInfo {
	s.t.Helper()
	described, err := s.Temporal().DescribeWorkflowExecution(s.t.Context(), workflows.OrderWorkflowID(id), "")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, activity := range described.GetPendingActivities() {
		if activity.GetActivityType().GetName() == string(step) {
			return activity
		}
	}
	return nil
}

// screening waits for a state of the screening as a regular activity: unspecified when there is none.
func (s shop) screening(id string, want enumspb.PendingActivityState) {
	s.t.Helper()
	s.Await(fmt.Sprintf("the screening of %s is %s", id, want), func() bool {
		return s.pending(id, order.ScreenFraud).GetState() == want
	})
}

func (s shop) asked(id string) {
	s.t.Helper()
	s.Await("the customer of "+id+" is asked", func() bool { return len(list(s.order(id)["actions"])) == 1 })
}

func (s shop) signal(id, name string, argument any) {
	s.t.Helper()
	if err := s.Temporal().SignalWorkflow(s.t.Context(), workflows.OrderWorkflowID(id), "", name, argument); err != nil {
		s.t.Fatal(err)
	}
}

// TestScenarios plays every scenario, replays its history with the code of now, and resets it to each of its workflow tasks:
// that must have no effect but a run that ends.
func TestScenarios(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff, workersWait, "ORDERLY_CLOSE_AFTER=200ms", "ORDERLY_PAYMENT_ANSWER_WITHIN=4s")
	for _, each := range scenarios {
		t.Run(each.name, func(t *testing.T) { // one after the other: faults are everybody's
			s := shop{s.System, t}
			id := "ord_" + each.name
			each.play(s, id)
			s.until(id, each.ends)
			s.healFaults()
			s.wantNoRunning(id)
			run := s.latestRun(id)
			history := s.history(id, run)
			s.wantNoFailedTask(history)
			s.recordHistory(each.name, history) // first: a replay writes into the history that it is given
			s.wantReplays(history)
			if events := len(history.GetEvents()); each.name == "plain" {
				t.Logf("the history of a plain order has %d events", events)
				if events > 150 {
					t.Errorf("more than 150 events")
				}
			}
			s.resetEverywhere(id, run, history)
		})
	}
}
