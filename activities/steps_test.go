package activities_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"orderly/activities"
	"orderly/eventstore"
	"orderly/gateway"
	"orderly/gateway/simulator"
	"orderly/internal/keyset"
	"orderly/internal/testkit"
	"orderly/journal"
	"orderly/order"
	"orderly/vault"
	"orderly/workflows"
)

// street is an order on its road, with the activities that carry its steps out and a simulator as the outside world.
type street struct {
	t       *testing.T
	book    *journal.Journal
	orders  *activities.Orders
	outside *httptest.Server
	env     *testsuite.TestActivityEnvironment
	seq     int
}

var stepPolicy = order.Policy{
	Carriers: []string{"fedex", "ups"}, PaymentTries: 3, PaymentAnswerWithin: time.Hour, ShortageAnswerWithin: time.Hour, CloseAfter: time.Hour,
	Notify: []string{order.NoticeShipped, order.NoticeCancelled},
}

func newStreet(t *testing.T, book *journal.Journal) *street {
	t.Helper()
	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(func() {
		_ = sim.Close()
		server.Close()
	})
	outside := gateway.NewHTTP(server.URL, gateway.Options{Timeout: 300 * time.Millisecond})
	s := &street{t: t, book: book, outside: server, orders: &activities.Orders{
		Journal: book, Payments: outside, Stock: outside, Carrier: outside, Fraud: outside, Notifier: outside,
	}}
	var suite testsuite.WorkflowTestSuite
	s.env = suite.NewTestActivityEnvironment()
	lines := []order.Line{{LineID: "l1", SKU: "SKU-1", Quantity: 2, UnitPrice: 4999}}
	s.apply(order.PlaceOrder{OrderCreated: order.OrderCreated{
		Tenant: "acme", CustomerID: "cus_7", Currency: "USD", Lines: lines, Total: 9998, Method: "card", Token: "tok_visa",
		ShipTo: order.ShipTo{Country: "US"}, Shipping: order.Shipping{Carrier: "fedex"},
	}})
	return s
}

func newBook(t *testing.T) *journal.Journal {
	t.Helper()
	pool := testkit.Database(t)
	return journal.New(eventstore.New(pool, eventstore.Options{}), stepPolicy, journal.Options{Vault: vault.New(pool, keyset.Set{})})
}

// id is the order's: each test has one of its own.
func (s *street) id() string {
	return "ord_" + strings.NewReplacer("/", "_", " ", "_", "=", "_").Replace(s.t.Name()[strings.LastIndex(s.t.Name(), "/")+1:])
}

func (s *street) apply(body order.Body) {
	s.t.Helper()
	s.seq++
	_, err := s.book.Apply(s.t.Context(), s.id(), order.Command{ID: fmt.Sprintf("%s-%d", s.id(), s.seq), Source: "test", Reason: "test", Body: body})
	if err != nil {
		s.t.Fatalf("%s: %v", body.CommandName(), err)
	}
}

func (s *street) state() order.State {
	s.t.Helper()
	state, err := s.book.Load(s.t.Context(), s.id())
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

func (s *street) faultf(format string, args ...any) {
	s.t.Helper()
	response, err := http.Post(s.outside.URL+"/faults", "application/json", strings.NewReader(fmt.Sprintf(format, args...)))
	if err != nil {
		s.t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode/100 != 2 {
		s.t.Fatalf("fault: %s", response.Status)
	}
}

// carryOut runs a step once, as a local activity or as a regular one.
func (s *street) carryOut(step order.Step, local bool) error {
	do := map[order.StepName]any{
		order.ScreenFraud: s.orders.ScreenFraud, order.ReserveStock: s.orders.ReserveStock, order.AuthorizePayment: s.orders.AuthorizePayment,
		order.CapturePayment: s.orders.CapturePayment, order.BookShipment: s.orders.BookShipment, order.CommitStock: s.orders.CommitStock,
		order.DiscardBooking: s.orders.DiscardBooking, order.CancelShipment: s.orders.CancelShipment, order.VoidPayment: s.orders.VoidPayment,
		order.RefundPayment: s.orders.RefundPayment, order.ReleaseStock: s.orders.ReleaseStock, order.Notify: s.orders.Notify,
	}[step.Name]
	input := workflows.StepInput{OrderID: s.id(), Step: step}
	if local {
		_, err := s.env.ExecuteLocalActivity(do, input)
		return err
	}
	s.env.RegisterActivity(do)
	_, err := s.env.ExecuteActivity(do, input)
	return err
}

// travel carries out whatever is planned, each step tried until it is done, and lets the carrier fetch and bring what is
// booked. Before is called each time with what is next.
func (s *street) travel(before func(order.State, order.Step)) {
	s.t.Helper()
	for range 60 {
		state := s.state()
		plan := s.book.PlanFor(state)
		var next order.Step
		if len(plan.Steps) > 0 {
			next = plan.Steps[0]
		}
		before(state, next)
		switch {
		case s.state().Version != state.Version: // it was changed meanwhile
		case len(plan.Steps) > 0:
			local := true
			for tries := 0; s.carryOut(plan.Steps[0], local) != nil; tries++ {
				if local = false; tries > 4 {
					s.t.Fatalf("%s is not done", plan.Steps[0].ID)
				}
			}
		case plan.Ended || state.Status == order.Delivered:
			return
		default:
			s.apply(order.RecordCarrierUpdate{ShipmentID: state.Shipments[0].ShipmentID, Status: "delivered", At: time.Now()})
		}
	}
	s.t.Fatalf("the order does not end: %+v", s.state())
}

func (s *street) wantOne(ledger, operation string) {
	s.t.Helper()
	response, err := http.Get(s.outside.URL + "/ledger/" + ledger)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var entries []simulator.Entry
	decode(s.t, response.Body, &entries)
	count := 0
	for _, entry := range entries {
		if entry.Operation == operation {
			count++
		}
	}
	if count != 1 {
		s.t.Errorf("%s took place %d times: %+v", operation, count, entries)
	}
}

// effects are all the steps with an effect outside, and what the outside calls it.
var effects = []struct {
	step                       order.StepName
	service, operation, ledger string
	cancel                     bool // the order is cancelled when the step before it was carried out
}{
	{step: order.ReserveStock, service: "stock", operation: "reserve", ledger: "stock"},
	{step: order.AuthorizePayment, service: "payments", operation: "authorize", ledger: "payments"},
	{step: order.CapturePayment, service: "payments", operation: "capture", ledger: "payments"},
	{step: order.BookShipment, service: "carrier", operation: "book", ledger: "shipments"},
	{step: order.CommitStock, service: "stock", operation: "commit", ledger: "stock"},
	{step: order.Notify, service: "notifications", operation: "send", ledger: "notifications"},
	{step: order.VoidPayment, service: "payments", operation: "void", ledger: "payments", cancel: true},
	{step: order.RefundPayment, service: "payments", operation: "refund", ledger: "payments", cancel: true},
	{step: order.CancelShipment, service: "carrier", operation: "cancel", ledger: "shipments", cancel: true},
	{step: order.ReleaseStock, service: "stock", operation: "release", ledger: "stock", cancel: true},
}

// cancelBefore says, for an undo, in which state the order is cancelled so that it is needed.
func cancelBefore(undo order.StepName, s order.State) bool {
	switch undo {
	case order.VoidPayment:
		return s.Payment.State == order.PaymentIsAuthorized
	case order.RefundPayment, order.ReleaseStock:
		return s.Status == order.Paid
	default:
		return len(s.Shipments) > 0 && s.Shipments[0].Status == order.ShipmentIsBooked
	}
}

// TestSteps_AnyLostAnswer_OneEffect: whatever becomes of a request or its answer, the effect takes place once, and the order
// goes on to its end.
func TestSteps_AnyLostAnswer_OneEffect(t *testing.T) {
	t.Parallel()
	book := newBook(t)
	for _, effect := range effects {
		for _, mode := range []string{"timeout_after", "garbage", "timeout_before", "unavailable"} {
			t.Run(fmt.Sprintf("%s %s", effect.step, mode), func(t *testing.T) {
				t.Parallel()
				s := newStreet(t, book)
				injected := false
				s.travel(func(state order.State, step order.Step) {
					if step.Name == effect.step && !injected {
						injected = true
						s.faultf(`{"service":%q,"operation":%q,"mode":%q,"rate":1,"times":1}`, effect.service, effect.operation, mode)
					}
					if effect.cancel && state.Status != order.Cancelling && cancelBefore(effect.step, state) {
						s.apply(order.CancelOrder{})
					}
				})
				if !injected {
					t.Fatalf("%s was never planned", effect.step)
				}
				operation := effect.operation
				if effect.step == order.Notify {
					operation = order.NoticeShipped
				}
				s.wantOne(effect.ledger, operation)
			})
		}
	}
}

// TestSteps_LookUpCannotTell_OutcomeStaysUnknown: an answer that was lost and a look-up that is down must not read as "it did
// not happen": money and parcels would be asked for a second time.
func TestSteps_LookUpCannotTell_OutcomeStaysUnknown(t *testing.T) {
	t.Parallel()
	book := newBook(t)
	for _, effect := range effects[:4] {
		t.Run(string(effect.step), func(t *testing.T) {
			t.Parallel()
			s := newStreet(t, book)
			var failed error
			var parked order.Step
			s.travel(func(_ order.State, step order.Step) {
				if step.Name != effect.step || parked.ID != "" {
					return
				}
				parked = step
				s.faultf(`{"service":%q,"operation":%q,"mode":"timeout_after","rate":1,"times":1}`, effect.service, effect.operation)
				s.faultf(`{"service":%q,"operation":"lookup","mode":"unavailable","rate":1,"times":2}`, effect.service)
				if err := s.carryOut(step, true); err == nil {
					t.Error("the first try had an answer")
				}
				failed = s.carryOut(step, false)
			})
			application, ok := errors.AsType[*temporal.ApplicationError](failed)
			if !ok || application.Type() != workflows.ErrTypeUnknownOutcome {
				t.Fatalf("got %v, want an unknown outcome", failed)
			}
			s.wantOne(effect.ledger, effect.operation)
		})
	}
}

// TestSteps_OrderHeld_WhatTookPlaceIsRecorded_AndNothingIsAskedFor: the hold came when the effect had taken place and nobody had
// recorded it, or when it had not been asked for; the step runs once more either way.
func TestSteps_OrderHeld_WhatTookPlaceIsRecorded_AndNothingIsAskedFor(t *testing.T) {
	t.Parallel()
	book := newBook(t)
	for _, effect := range effects[:4] {
		for _, local := range []bool{true, false} {
			for _, took := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s local=%t took=%t", effect.step, local, took), func(t *testing.T) {
					t.Parallel()
					s := newStreet(t, book)
					var held, after order.State
					s.travel(func(_ order.State, step order.Step) {
						if step.Name != effect.step || after.OrderID != "" {
							return
						}
						if took {
							s.faultf(`{"service":%q,"operation":%q,"mode":"timeout_after","rate":1,"times":1}`, effect.service, effect.operation)
							s.faultf(`{"service":%q,"operation":"lookup","mode":"unavailable","rate":1,"times":1}`, effect.service)
							if err := s.carryOut(step, true); err == nil {
								t.Fatal("the first try had an answer")
							}
						}
						s.apply(order.HoldOrder{Code: "manual"})
						held = s.state()
						if err := s.carryOut(step, local); err != nil {
							t.Errorf("the try of a held order: %v", err)
						}
						after = s.state()
						s.apply(order.ReleaseOrder{Code: "manual"})
					})
					if recorded := after.Version > held.Version; recorded != took || len(after.Holds) != 1 {
						t.Errorf("from version %d to %d, holds %v", held.Version, after.Version, after.Holds)
					}
					s.wantOne(effect.ledger, effect.operation)
				})
			}
		}
	}
}

func decode(t *testing.T, from io.Reader, into any) {
	t.Helper()
	if err := json.NewDecoder(from).Decode(into); err != nil {
		t.Fatal(err)
	}
}
