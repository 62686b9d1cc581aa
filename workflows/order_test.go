package workflows_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"orderly/order"
	"orderly/workflows"
)

var policy = order.Policy{
	Carriers: []string{"fedex", "ups"}, RetryFirst: time.Second, RetryMax: time.Minute, BookTries: 3, BookWithin: 24 * time.Hour,
	PaymentTries: 3, PaymentAnswerWithin: 24 * time.Hour, AttentionRetryEvery: time.Hour, AttentionGiveUpAfter: 72 * time.Hour,
	PickupWithin: 48 * time.Hour, TransitWithin: 168 * time.Hour, CloseAfter: time.Hour,
}

// memory stands for journal and gateways: the real rules over an order in memory. A step's outcome is the best one,
// unless the test gives it an error.
type memory struct {
	mu    sync.Mutex
	env   *testsuite.TestWorkflowEnvironment
	state order.State
	calls map[order.StepName]int
	fail  func(step order.Step) error
	// away says whether the journal cannot be reached now; nil for never.
	away func() bool
}

func (m *memory) apply(command order.Command) (workflows.Outcome, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away != nil && m.away() {
		return workflows.Outcome{}, errDown
	}
	command.At = m.env.Now()
	_, replayed, _ := m.state.Applied(command.ID)
	events, err := order.Decide(m.state, command, policy)
	if err != nil {
		return workflows.Outcome{}, temporal.NewNonRetryableApplicationError(err.Error(), workflows.ErrTypeNotAllowed, nil)
	}
	for _, event := range events {
		m.state = order.Evolve(m.state, order.Recorded{Version: m.state.Version + 1, At: command.At, CommandID: command.ID, Event: event})
	}
	return workflows.Outcome{
		CommandResult: workflows.CommandResult{Version: m.state.Version, Replayed: replayed},
		Current:       m.state.Version, Plan: order.PlanFor(m.state, policy), Summary: workflows.Summary{Status: m.state.Status},
	}, nil
}

func (m *memory) step(_ context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	m.mu.Lock()
	m.calls[in.Step.Name]++
	fail, s := m.fail, m.state
	m.mu.Unlock()
	if fail != nil {
		if err := fail(in.Step); err != nil {
			return workflows.Outcome{}, err
		}
	}
	return m.apply(order.Command{ID: in.Step.ID, Body: best(s, in.Step)})
}

func best(s order.State, step order.Step) order.Body {
	switch step.Name {
	case order.ScreenFraud:
		return order.RecordScreening{Decision: "clear"}
	case order.ReserveStock:
		return order.RecordReservation{Key: step.Key, ReservationID: "r", Allocations: []order.Allocation{{LineID: "l1", SKU: "a", Quantity: 1, Warehouse: "wh-1"}}}
	case order.AuthorizePayment:
		return order.RecordAuthorization{Key: step.Key, ProviderRef: "p", Amount: s.Total}
	case order.CapturePayment:
		return order.RecordCapture{Key: step.Key, ProviderRef: "p", Amount: s.Total}
	case order.BookShipment:
		return order.RecordBooking{ShipmentID: step.ShipmentID, Key: step.Key, Carrier: "fedex", TrackingNumber: "T"}
	case order.CommitStock:
		return order.RecordCommit{Key: step.Key, ShipmentID: step.ShipmentID}
	case order.CancelShipment:
		return order.RecordBookingCancelled{ShipmentID: step.ShipmentID}
	case order.RefundPayment:
		return order.RecordRefund{RefundID: step.RefundID, ProviderRef: "r"}
	case order.DiscardBooking:
		return order.RecordBookingDiscarded{ShipmentID: step.ShipmentID, Key: strings.TrimSuffix(step.Key, "/discard")}
	case order.VoidPayment:
		return order.RecordVoid{Key: step.Key}
	default:
		return order.RecordRelease{Key: step.Key, ShipmentID: step.ShipmentID}
	}
}

func newMemory(t *testing.T) *memory {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(30 * time.Second)
	m := &memory{env: env, state: order.State{OrderID: "ord_1"}, calls: map[order.StepName]int{}}
	env.RegisterWorkflowWithOptions(workflows.Order, workflow.RegisterOptions{Name: workflows.OrderWorkflow})
	register := func(name string, do any) {
		env.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
	register(workflows.ApplyActivity, func(_ context.Context, in workflows.ApplyInput) (workflows.Outcome, error) {
		return m.apply(in.Command)
	})
	register(workflows.LookActivity, func(context.Context, string) (workflows.Outcome, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		return workflows.Outcome{Current: m.state.Version, Plan: order.PlanFor(m.state, policy), Summary: workflows.Summary{Status: m.state.Status}}, nil
	})
	for _, step := range []order.StepName{
		order.ScreenFraud, order.ReserveStock, order.AuthorizePayment, order.CapturePayment, order.BookShipment, order.CommitStock,
		order.DiscardBooking, order.CancelShipment, order.VoidPayment, order.RefundPayment, order.ReleaseStock,
	} {
		register(string(step), m.step)
	}
	return m
}

// at sends a command to the workflow after a while.
func (m *memory) at(t *testing.T, after time.Duration, id string, body order.Body) {
	t.Helper()
	m.env.RegisterDelayedCallback(func() {
		m.env.UpdateWorkflow(body.CommandName(), id, &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { t.Errorf("%s rejected: %v", id, err) }, OnComplete: func(any, error) {},
		}, order.Command{ID: id, Body: body})
	}, after)
}

func (m *memory) run(t *testing.T) {
	t.Helper()
	m.env.ExecuteWorkflow(workflows.OrderWorkflow, workflows.OrderInput{OrderID: "ord_1"})
	if err := m.env.GetWorkflowError(); err != nil {
		t.Fatalf("the workflow failed in status %s: %v", m.state.Status, err)
	}
	if !m.env.IsWorkflowCompleted() {
		t.Fatalf("the workflow did not end; the order is %s", m.state.Status)
	}
}

func oneMug() order.PlaceOrder {
	return order.PlaceOrder{OrderCreated: order.OrderCreated{
		Tenant: "t", CustomerID: "c", Currency: "USD", Lines: []order.Line{{LineID: "l1", SKU: "a", Quantity: 1, UnitPrice: 100}}, Total: 100,
		Method: "card", Token: "tok", Shipping: order.Shipping{Carrier: "fedex"},
	}}
}

func delivered(event string) order.RecordCarrierUpdate {
	return order.RecordCarrierUpdate{EventID: event, ShipmentID: order.ShipmentID("ord_1", 1), Status: "delivered"}
}

func TestOrder_PlainRoad_EachStepOnceThenClosed(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	m.at(t, 0, "place", oneMug())
	m.at(t, time.Hour, "news", delivered("e1"))
	m.run(t)
	if m.state.Status != order.Closed {
		t.Fatalf("status %s", m.state.Status)
	}
	for name, n := range m.calls {
		if n != 1 {
			t.Errorf("%s ran %d times", name, n)
		}
	}
}

func TestOrder_NoCommandAndNoOrder_EndsByItself(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	m.run(t)
}

func TestOrder_CarriersDown_ParksRetriesHourlyAndGoesOn(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	begin := m.env.Now()
	m.fail = func(step order.Step) error {
		if step.Name == order.BookShipment && m.env.Now().Sub(begin) < 5*time.Hour {
			return temporal.NewApplicationErrorWithOptions("down", workflows.ErrTypeUnavailable, temporal.ApplicationErrorOptions{
				Details: []any{workflows.Failure{Class: order.ClassUnavailable, Code: "down", Message: "down", Attempt: 3}},
			})
		}
		return nil
	}
	m.at(t, 0, "place", oneMug())
	m.at(t, 10*time.Hour, "news", delivered("e1"))
	m.run(t)
	if m.state.Status != order.Closed || m.state.Parked < 4 {
		t.Fatalf("status %s after %d attentions", m.state.Status, m.state.Parked)
	}
}

func TestOrder_CarriersNeverBack_CancelsAndRefundsAfterThreeDays(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	m.fail = func(step order.Step) error {
		if step.Name == order.BookShipment {
			return temporal.NewApplicationErrorWithOptions("no", workflows.ErrTypeUnavailable, temporal.ApplicationErrorOptions{
				Details: []any{workflows.Failure{Class: order.ClassUnavailable, Code: "down"}},
			})
		}
		return nil
	}
	m.at(t, 0, "place", oneMug())
	m.run(t)
	if m.state.Status != order.Cancelled || m.calls[order.RefundPayment] != 1 || m.state.Payment.Refunded != 100 {
		t.Fatalf("status %s, payment %+v", m.state.Status, m.state.Payment)
	}
}

func TestOrder_CancelPressedInTheWebUI_RunsTheCompensation(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	m.at(t, 0, "place", oneMug())
	m.env.RegisterDelayedCallback(m.env.CancelWorkflow, time.Hour)
	m.run(t)
	if m.state.Status != order.Cancelled || m.calls[order.CancelShipment] != 1 || m.calls[order.RefundPayment] != 1 || m.calls[order.ReleaseStock] != 1 {
		t.Fatalf("status %s after %v", m.state.Status, m.calls)
	}
}

func TestOrder_CancelPressedAfterDispatch_GoesOn(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	m.at(t, 0, "place", oneMug())
	m.at(t, time.Hour, "news1", order.RecordCarrierUpdate{EventID: "e0", ShipmentID: order.ShipmentID("ord_1", 1), Status: "dispatched"})
	m.env.RegisterDelayedCallback(m.env.CancelWorkflow, 2*time.Hour)
	m.at(t, 3*time.Hour, "news2", delivered("e1"))
	m.run(t)
	if m.state.Status != order.Closed {
		t.Fatalf("status %s", m.state.Status)
	}
}

func TestOrder_CancelledWhileAStepIsRetried_StopsItAndUndoes(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	m.fail = func(step order.Step) error {
		if step.Name == order.CapturePayment {
			return errors.New("down")
		}
		return nil
	}
	m.at(t, 0, "place", oneMug())
	m.at(t, 10*time.Minute, "cancel", order.CancelOrder{})
	m.run(t)
	if m.state.Status != order.Cancelled || m.calls[order.VoidPayment] != 1 || m.calls[order.RefundPayment] != 0 {
		t.Fatalf("status %s after %v", m.state.Status, m.calls)
	}
}

func TestOrder_CancelPressedWhileItIsBeingUndone_UndoesOnce(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	begin := m.env.Now()
	m.fail = func(step order.Step) error {
		if step.Name == order.RefundPayment && m.env.Now().Sub(begin) < 13*time.Minute {
			return errDown
		}
		return nil
	}
	m.at(t, 0, "place", oneMug())
	m.at(t, 10*time.Minute, "cancel", order.CancelOrder{})
	m.env.RegisterDelayedCallback(m.env.CancelWorkflow, 11*time.Minute)
	m.at(t, 12*time.Minute, "note", order.AddNote{Text: "the customer has called"})
	m.run(t)
	if m.state.Status != order.Cancelled || len(m.state.Refunds) != 1 || m.state.Payment.Refunded != 100 || m.calls[order.CancelShipment] != 1 {
		t.Fatalf("status %s, refunds %+v after %v", m.state.Status, m.state.Refunds, m.calls)
	}
}

func TestOrder_JournalAwayForLongerThanAStepIsTried_ReportsWhenItIsBack(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	begin := m.env.Now()
	m.away = func() bool {
		since := m.env.Now().Sub(begin)
		return m.calls[order.BookShipment] > 0 && since < outage
	}
	m.at(t, 0, "place", oneMug())
	m.at(t, 10*time.Hour, "news", delivered("e1"))
	m.run(t)
	if m.state.Status != order.Closed || m.state.Payment.Captured != 100 || m.calls[order.CapturePayment] != 1 {
		t.Fatalf("status %s, payment %+v after %v", m.state.Status, m.state.Payment, m.calls)
	}
	if m.calls[order.BookShipment] <= policy.BookTries {
		t.Errorf("the outage was over before the tries were used up: %v", m.calls)
	}
}

func TestOrder_Resumed_GoesOnWhereTheOrderStands(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	if _, err := m.apply(order.Command{ID: "place", Body: oneMug()}); err != nil {
		t.Fatal(err)
	}
	m.at(t, time.Hour, "news", delivered("e1"))
	m.env.ExecuteWorkflow(workflows.OrderWorkflow, workflows.OrderInput{OrderID: "ord_1", Resume: true})
	if err := m.env.GetWorkflowError(); err != nil || m.state.Status != order.Closed {
		t.Fatalf("status %s: %v", m.state.Status, err)
	}
}
