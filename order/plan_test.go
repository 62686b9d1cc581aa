package order_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orderly/order"
)

// wantKeys wants the plan of a life to have steps with these keys, in any order.
func wantKeys(t *testing.T, given life, keys ...string) {
	t.Helper()
	var got []string
	for _, step := range order.PlanFor(stateOf(given), testPolicy).Steps {
		got = append(got, step.Key)
	}
	slices.Sort(got)
	slices.Sort(keys)
	if diff := cmp.Diff(keys, got); diff != "" {
		t.Errorf("the plan's keys: - want, + got:\n%s", diff)
	}
}

// wanted is a step of a plan in short.
type wanted struct {
	name      order.StepName
	key, lane string
}

func TestPlanFor_EachStage(t *testing.T) {
	t.Parallel()
	hours := func(n int) *time.Time { return at(time.Duration(n) * time.Hour) }
	tests := map[string]struct {
		given    life
		steps    []wanted
		deadline *time.Time
		waiting  string
		ended    bool
	}{
		"never placed": {},
		"placed":       {given: placed, steps: []wanted{{order.ScreenFraud, "ord_1/fraud/1", "fraud"}}},
		"screened":     {given: screened, steps: []wanted{{order.ReserveStock, "ord_1/reserve/1", "stock"}}},
		"reserved":     {given: reserved, steps: []wanted{{order.AuthorizePayment, "ord_1/auth/1", "payment"}}},
		"authorized":   {given: authorized, steps: []wanted{{order.CapturePayment, "ord_1/capture/1", "payment"}}},
		"expired, then authorized again": {
			given: authorized.and(&order.PaymentExpired{Key: "ord_1/capture/1"}, &order.PaymentAuthorized{Key: "ord_1/auth/2", Amount: 13500}),
			steps: []wanted{{order.CapturePayment, "ord_1/capture/2", "payment"}},
		},
		"expired": {
			given: authorized.and(&order.PaymentExpired{Key: "ord_1/capture/1"}), steps: []wanted{{order.AuthorizePayment, "ord_1/auth/2", "payment"}},
		},
		"paid": {given: paid, steps: []wanted{
			{order.BookShipment, parcel1 + "/book/1", "shipment/" + parcel1}, {order.BookShipment, parcel2 + "/book/1", "shipment/" + parcel2},
		}},
		"booked": {given: booked, deadline: hours(48), waiting: "pick-up by fedex"},
		"partly shipped": {
			given: partly, steps: []wanted{{order.CommitStock, parcel1 + "/commit/1", "shipment/" + parcel1}}, deadline: hours(48),
		},
		"shipped":   {given: shipped.and(committed...), deadline: hours(168), waiting: "delivery by fedex"},
		"delivered": {given: delivered, deadline: hours(1), waiting: "the end of the return period"},
		"closed":    {given: closed, ended: true},

		"held":            {given: held, waiting: "a release: manual"},
		"short":           {given: short, deadline: hours(72), waiting: "the customer: shortage"},
		"declined":        {given: declinedOnce, deadline: hours(24), waiting: "the customer: payment_method"},
		"another means":   {given: declinedTwice, steps: []wanted{{order.AuthorizePayment, "ord_1/auth/3", "payment"}}},
		"address refused": {given: badAddress, deadline: hours(72), waiting: "the customer: address"},
		"parked":          {given: parkedStock, deadline: hours(1), waiting: "an operator: ReserveStock (http_503)"},
		"parked, then retried": {
			given: parkedStock.and(&order.StepRetried{AttentionID: "att_1"}), steps: []wanted{{order.ReserveStock, "ord_1/reserve/1", "stock"}},
		},
		"capture unknown": {given: outcomeUnknown, deadline: hours(1), waiting: "an operator: CapturePayment (http_503)"},
		"a parcel given up": {
			given: booked1.and(noParcels[1], &order.RefundRequested{RefundID: "rf_1", Amount: 3116, ShipmentID: parcel2}), deadline: hours(48),
			steps: []wanted{{order.ReleaseStock, parcel2 + "/release/1", "stock"}, {order.RefundPayment, "ord_1/refund/rf_1", "payment"}},
		},

		"cancelling a paid order: first the parcels": {given: cancelling, steps: []wanted{
			{order.CancelShipment, parcel1 + "/cancel/1", "shipment/" + parcel1}, {order.CancelShipment, parcel2 + "/cancel/1", "shipment/" + parcel2},
		}},
		"then the money": {given: cancelling.and(noParcels...), steps: []wanted{{order.RefundPayment, "ord_1/refund/rf_1", "payment"}}},
		"then the goods": {given: cancelling.and(noParcels...).and(refunded), steps: []wanted{{order.ReleaseStock, "ord_1/release/1", "stock"}}},
		"cancelling with an authorisation, or one that was asked for": {
			given: cancellingAsked, steps: []wanted{{order.VoidPayment, "ord_1/void/1", "payment"}},
		},
		"cancelling with goods that may be being reserved": {given: cancellingEarly, steps: []wanted{{order.ReleaseStock, "ord_1/release/1", "stock"}}},
		"cancelled": {given: cancelled, ended: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := order.PlanFor(stateOf(test.given), testPolicy)
			var steps []wanted
			for _, step := range plan.Steps {
				steps = append(steps, wanted{step.Name, step.Key, step.Lane})
			}
			if diff := cmp.Diff(test.steps, steps, cmp.AllowUnexported(wanted{})); diff != "" {
				t.Errorf("steps: - want, + got:\n%s", diff)
			}
			var deadline *time.Time
			if plan.Deadline != nil {
				deadline = &plan.Deadline.At
			}
			if diff := cmp.Diff(test.deadline, deadline); diff != "" {
				t.Errorf("deadline: - want, + got:\n%s", diff)
			}
			if plan.WaitingFor != test.waiting || plan.Ended != test.ended {
				t.Errorf("waits for %q, ended %t; want %q, %t", plan.WaitingFor, plan.Ended, test.waiting, test.ended)
			}
		})
	}
}

// TestPlanFor_KeysAreOfTheOrderAlone: who orders, when and how much is not in a key, nor is a try: so that whoever plans,
// whenever, asks for the same effect.
func TestPlanFor_KeysAreOfTheOrderAlone(t *testing.T) {
	t.Parallel()
	for _, given := range []life{placed, screened, reserved, authorized, paid, partly, cancelling, parkedCancelling, parkedDiscard} {
		others := slices.Clone(given)
		others[0] = &order.OrderCreated{Tenant: "other", CustomerID: "cus_8", Currency: "EUR", Total: 1, Token: "tok_9", Shipping: order.Shipping{Carrier: "dhl"}}
		moved := order.State{OrderID: "ord_1"}
		for i, event := range others {
			moved = order.Evolve(moved, order.Recorded{Version: i + 1, At: start.Add(time.Hour), CommandID: fmt.Sprint("c", i), Event: event})
		}
		want, got := order.PlanFor(stateOf(given), testPolicy).Steps, order.PlanFor(moved, testPolicy).Steps
		if len(want) == 0 || len(want) != len(got) {
			t.Fatalf("got %d steps, want %d, and more than none", len(got), len(want))
		}
		for i := range want {
			if got[i].Key != want[i].Key || got[i].ID != want[i].ID {
				t.Errorf("got key %s, id %s; want %s, %s", got[i].Key, got[i].ID, want[i].Key, want[i].ID)
			}
			if !strings.HasPrefix(want[i].Key, "ord_1/") && !strings.HasPrefix(want[i].Key, "shp_ord_1_") {
				t.Errorf("the key %s is not of the order", want[i].Key)
			}
		}
	}
}

// TestPlanFor_ARetriedStepHasAnotherIDAndTheSameKey: it runs again, and the gateway knows that it is the same effect.
func TestPlanFor_ARetriedStepHasAnotherIDAndTheSameKey(t *testing.T) {
	t.Parallel()
	first := planned(screened, order.ReserveStock)
	again := planned(parkedStock.and(&order.StepRetried{AttentionID: "att_1"}), order.ReserveStock)
	if first.ID == again.ID || first.Key != again.Key {
		t.Errorf("got id %s and key %s, then %s and %s", first.ID, first.Key, again.ID, again.Key)
	}
}

// TestPlanFor_RetriesAreThoseOfThePolicy: each step has its own bounds.
func TestPlanFor_RetriesAreThoseOfThePolicy(t *testing.T) {
	t.Parallel()
	policy := testPolicy
	policy.ScreenWithin, policy.ReserveWithin, policy.AuthorizeWithin, policy.CaptureWithin = 1, 2, 3, 4
	policy.BookWithin, policy.RefundWithin, policy.UndoWithin = 5, 6, 7
	for _, test := range []struct {
		given  life
		tries  int
		within time.Duration
	}{
		{placed, 0, 1},
		{screened, 0, 2},
		{reserved, 0, 3},
		{authorized, 0, 4},
		{paid, 8, 5},
		{partly, 0, 0},
		{cancelling, 0, 7},
		{cancelling.and(noParcels...), 0, 6},
		{cancellingAuth, 0, 7},
		{cancellingEarly, 0, 7},
	} {
		step := order.PlanFor(stateOf(test.given), policy).Steps[0]
		want := order.Retries{First: policy.RetryFirst, Max: policy.RetryMax, Tries: test.tries, Within: test.within}
		if step.Retries != want {
			t.Errorf("%s: got %+v, want %+v", step.Name, step.Retries, want)
		}
	}
}

// TestPlanFor_Held_NamesTheStepsWhoseEffectsCanBeLookedUp: they are not to be begun, and what was begun is to be known.
func TestPlanFor_Held_NamesTheStepsWhoseEffectsCanBeLookedUp(t *testing.T) {
	t.Parallel()
	hold := &order.OrderHeld{Code: "manual"}
	for _, test := range []struct {
		given life
		want  []order.StepName
	}{
		{placed, nil},
		{screened, []order.StepName{order.ReserveStock}},
		{reserved, []order.StepName{order.AuthorizePayment}},
		{authorized, []order.StepName{order.CapturePayment}},
		{paid, []order.StepName{order.BookShipment}},
		{parkedStock, nil},
		{cancelling, nil},
	} {
		free, held := order.PlanFor(stateOf(test.given), testPolicy), order.PlanFor(stateOf(test.given.and(hold)), testPolicy)
		var names []order.StepName
		for _, step := range held.Held {
			names = append(names, step.Name)
			if !slices.Contains(free.Steps, step) {
				t.Errorf("%s is not what the hold keeps back of %+v", step.ID, free.Steps)
			}
		}
		if !slices.Equal(slices.Compact(names), test.want) || len(free.Held) > 0 {
			t.Errorf("held: %v, want %v; without the hold %v", names, test.want, free.Held)
		}
	}
}

// TestPlanFor_NoOrderIsForgotten: whatever the tables of rules lead to, an order that has not ended has something to be
// done, somebody to be asked, or a moment at which it is looked at again. Only a hold without an end waits for a person
// alone. (TestAnyLife asserts it of random lives.)
func TestPlanFor_NoOrderIsForgotten(t *testing.T) {
	t.Parallel()
	for _, rules := range allRules {
		for name, rule := range rules {
			state := stateOf(rule.given.and(rule.then...))
			if !state.Exists() || state.Ended() {
				continue
			}
			plan := order.PlanFor(state, testPolicy)
			if len(plan.Steps) == 0 && plan.Deadline == nil && len(state.Attention) == 0 && len(state.Actions) == 0 && len(state.Holds) == 0 {
				t.Errorf("%s: the order is %s and waits for nothing", name, state.Status)
			}
		}
	}
}
