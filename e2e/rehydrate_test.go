package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"orderly/worker"
	"orderly/workflows"
)

// transitOff leaves it to the test when carriers report what.
const transitOff = "ORDERLY_SIMULATOR_TRANSIT=off"

// workersWait keeps the schedule out of a test that looks for missing workflows itself.
const workersWait = "ORDERLY_RECONCILE_EVERY=24h"

// stages places orders that stand at different places of their road, and stay there until the faults are healed: one is on
// its way, one is held, one is being cancelled, one waits for an operator, and one for its capture.
func (s shop) stages() []string {
	s.t.Helper()
	for _, id := range []string{"ord_on_its_way", "ord_held", "ord_cancelling"} {
		s.place(wish{id: id})
		s.booked(id)
	}
	s.scan("ord_on_its_way", "dispatched")
	s.until("ord_on_its_way", "shipped")
	s.command(200, "/v1/orders/ord_held/hold", `{"code":"manual","reason":"look at it"}`)
	s.fault(`{"service":"payments","operation":"refund","mode":"unavailable","rate":1.0}`)
	s.command(200, "/v1/orders/ord_cancelling/cancel", `{"reason":"changed my mind"}`)
	s.fault(noCarrier)
	s.attention(s.place(wish{id: "ord_parked"}), "BookShipment")
	s.fault(`{"service":"payments","operation":"capture","mode":"unavailable","rate":1.0}`)
	s.place(wish{id: "ord_paying"})
	s.authorized("ord_paying")
	return []string{"ord_on_its_way", "ord_held", "ord_cancelling", "ord_parked", "ord_paying"}
}

// authorized waits until the money of an order is set aside.
func (s shop) authorized(id string) {
	s.t.Helper()
	s.Await("the payment of "+id+" is authorised", func() bool {
		payment, _ := s.order(id)["payment"].(map[string]any)
		return payment["state"] == "authorized"
	})
}

// goOn lets the orders of [shop.stages] go to their ends, and checks that each effect happened once.
func (s shop) goOn() {
	s.t.Helper()
	s.healFaults()
	s.command(200, "/v1/orders/ord_parked/attention/att_1/retry", `{"reason":"the carriers are back"}`)
	s.command(200, "/v1/orders/ord_held/release", `{"code":"manual","reason":"it is fine"}`)
	for _, id := range []string{"ord_paying", "ord_parked", "ord_on_its_way", "ord_held"} {
		s.booked(id)
		if id != "ord_on_its_way" {
			s.scan(id, "dispatched")
		}
		s.scan(id, "delivered")
		s.until(id, "closed")
		s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
		s.wantLedger("shipments", id, map[string]int{"book": 1})
		s.wantLedger("stock", id, map[string]int{"reserve": 1, "commit": 1})
	}
	s.until("ord_cancelling", "cancelled")
	s.wantLedger("payments", "ord_cancelling", map[string]int{"authorize": 1, "capture": 1, "refund": 1})
	s.wantLedger("shipments", "ord_cancelling", map[string]int{"book": 1, "cancel": 1})
	s.wantLedger("stock", "ord_cancelling", map[string]int{"reserve": 1, "release": 1})
}

// booked waits until an order's first parcel has a label.
func (s shop) booked(id string) {
	s.t.Helper()
	s.Await(id+" is booked", func() bool {
		parcels := list(s.order(id)["shipments"])
		return len(parcels) > 0 && parcels[0]["tracking_number"] != nil
	})
}

// scan has the carrier report an order's first parcel.
func (s shop) scan(id, status string) {
	s.t.Helper()
	s.scanParcel(id, 1, status)
}

// scanParcel has the carrier report a parcel, as soon as it knows it.
func (s shop) scanParcel(id string, number int, status string) {
	s.t.Helper()
	body := fmt.Sprintf(`{"shipment_id":"shp_%s_%d","status":%q}`, id, number, status)
	s.Await(fmt.Sprintf("parcel %d of %s is %s", number, id, status), func() bool {
		response, err := http.Post(s.SimulatorURL+"/webhooks/send", "application/json", bytes.NewBufferString(body))
		if err != nil {
			s.t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode == http.StatusOK
	})
}

// missing asks the doctor how many open orders have no workflow, of how many.
func (s shop) missing() (missing, open string) {
	s.t.Helper()
	told := run(s.t, s.Command("doctor"))
	found := regexp.MustCompile(`workflows +(\d+) of (\d+) open orders have no workflow`).FindStringSubmatch(told.stdout)
	if found == nil || told.status != 3 {
		s.t.Fatalf("status %d\n%s", told.status, told.stdout)
	}
	return found[1], found[2]
}

func TestTemporalLostEverything_Repair_AllOrdersGoOn(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff, workersWait, "ORDERLY_RECONCILE_GRACE=0s")
	ids := s.stages()
	s.awaitReadModels()
	s.Kill("--all")
	s.ForgetTemporal()
	s.StartRole("--api")
	if missing, open := s.missing(); missing != "5" || open != "5" {
		t.Errorf("%s of %s are missing", missing, open)
	}
	wantLines(t, s.cli(0, "doctor", "--repair").stdout, "^events: nothing to repair", "^workflows: started those of 5 of 5 open orders")
	wantLines(t, s.cli(0, "doctor", "--repair").stdout, "^workflows: nothing to repair: each of 5 open orders has its own")
	s.Stop("--api")
	s.StartRole("--all")
	s.goOn()
	s.awaitReadModels()
	wantLines(t, s.cli(0, "doctor").stdout, "^ok +workflows +each of 0 open orders has its own")
	for _, id := range ids {
		s.wantNoRunning(id)
	}
}

func TestTemporalLostEverything_TheScheduleStartsAllOrders(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff, "ORDERLY_RECONCILE_EVERY=1s", "ORDERLY_RECONCILE_GRACE=0s")
	ids := s.stages()
	s.awaitReadModels()
	s.Kill("--all")
	s.ForgetTemporal()
	s.StartRole("--all")
	for _, id := range ids {
		s.awaitRunning(id)
	}
	s.goOn()
}

func TestTerminatedWorkflow_IsStartedAgain(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff, "ORDERLY_RECONCILE_EVERY=1s", "ORDERLY_RECONCILE_GRACE=0s")
	ids := s.stages()
	for _, id := range ids {
		first := s.latestRun(id)
		s.terminate(id)
		s.Await(id+" has another workflow", func() bool { return s.latestRun(id) != first })
	}
	s.goOn()
}

// TestReconcile_OrdersOfAMomentAgo_AreLeftAlone: the grace period keeps the search away from orders that are being worked
// on; a repair that somebody asks for has none.
func TestReconcile_OrdersOfAMomentAgo_AreLeftAlone(t *testing.T) {
	t.Parallel()
	s := open(t, everything, transitOff, workersWait, "ORDERLY_RECONCILE_GRACE=1h")
	id := s.place(wish{})
	s.booked(id)
	s.awaitReadModels()
	first := s.latestRun(id)
	s.terminate(id)
	wantLines(t, s.cli(0, "doctor").stdout, "^ok +workflows +each of 0 open orders has its own")
	s.Await("the repair has started it", func() bool {
		s.cli(0, "doctor", "--repair")
		return s.latestRun(id) != first
	})
}

// TestReconcileSchedule_KeepsAPause_AndTakesNewSettings asks for the schedule again after an operator has paused it.
func TestReconcileSchedule_KeepsAPause_AndTakesNewSettings(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	schedule := s.Temporal().ScheduleClient().GetHandle(t.Context(), workflows.ReconcileSchedule)
	if err := schedule.Pause(t.Context(), client.SchedulePauseOptions{Note: "by an operator"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := worker.ScheduleReconcile(t.Context(), s.Temporal(), 7*time.Hour, workflows.ReconcileInput{Grace: 5 * time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	now, err := schedule.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if every := now.Schedule.Spec.Intervals[0].Every; every != 7*time.Hour || !now.Schedule.State.Paused || now.Schedule.State.Note != "by an operator" {
		t.Errorf("every %s, state %+v", every, now.Schedule.State)
	}
	var in workflows.ReconcileInput
	payload, _ := now.Schedule.Action.(*client.ScheduleWorkflowAction).Args[0].(*common.Payload)
	if err := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), s.TemporalCodec()).FromPayload(payload, &in); err != nil || in.Grace != 5*time.Hour {
		t.Errorf("input %+v: %v", in, err)
	}
}

// latestRun is the id of the order's latest run; it must be there.
func (s shop) latestRun(id string) string {
	s.t.Helper()
	described, err := s.Temporal().DescribeWorkflowExecution(s.t.Context(), workflows.OrderWorkflowID(id), "")
	if err != nil {
		s.t.Fatal(err)
	}
	return described.GetWorkflowExecutionInfo().GetExecution().GetRunId()
}

func (s shop) terminate(id string) {
	s.t.Helper()
	if err := s.Temporal().TerminateWorkflow(s.t.Context(), workflows.OrderWorkflowID(id), "", "by a test"); err != nil {
		s.t.Fatal(err)
	}
}

func (s shop) isRunning(id string) bool {
	s.t.Helper()
	described, err := s.Temporal().DescribeWorkflowExecution(s.t.Context(), workflows.OrderWorkflowID(id), "")
	if _, unknown := errors.AsType[*serviceerror.NotFound](err); unknown {
		return false
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return described.GetWorkflowExecutionInfo().GetCloseTime() == nil
}

func (s shop) awaitRunning(id string) {
	s.t.Helper()
	s.Await(id+" has a workflow", func() bool { return s.isRunning(id) })
}

func (s shop) wantNoRunning(id string) {
	s.t.Helper()
	s.Await("the workflow of "+id+" has ended", func() bool { return !s.isRunning(id) })
}
