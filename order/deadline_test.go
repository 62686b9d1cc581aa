package order_test

import (
	"testing"
	"time"

	"orderly/order"
)

// silent is what is parked when a carrier says nothing.
func silent(step order.StepName, parcel, code, message string, allowed ...string) *order.StepFailed {
	return &order.StepFailed{
		AttentionID: "att_1", Step: step, ShipmentID: parcel, Key: parcel + "/book/1", Code: code, Message: message, Allowed: allowed,
	}
}

// givingUp is a life in which the first parcel's booking is parked, to be given up at 72 h.
func givingUp(given life) life {
	return triedAll(given, parcel1).and(parkedBookingAs("retry", "reroute", "resolve", "cancel"))
}

// retriedLater is the same with the next try after the end, so that the end is what comes first.
func retriedLater(given life) life {
	failed := parkedBookingAs("retry", "reroute", "resolve", "cancel")
	failed.NextRetryAt = at(73 * time.Hour)
	return triedAll(given, parcel1).and(failed)
}

var deadlineRules = map[string]rule{
	"no answer about a shortage: cancelled": {
		given: short, when: order.PassDeadline{}, after: 72 * time.Hour,
		then: life{
			&order.CustomerResponded{ActionID: "act_1", Choice: "none"},
			&order.CancellationRequested{Reason: "no answer from the customer: shortage"}, &order.OrderCancelled{},
		},
	},
	"no answer yet": {given: short, when: order.PassDeadline{}, after: 72*time.Hour - time.Microsecond},
	"no other means of payment: cancelled": {
		given: declinedOnce, when: order.PassDeadline{}, after: 24 * time.Hour,
		then: life{
			&order.CustomerResponded{ActionID: "act_1", Choice: "none"},
			&order.CancellationRequested{Reason: "no answer from the customer: payment_method"}, undoing(releaseGoods),
		}.and(noParcels...),
	},
	"no other address: cancelled and paid back": {
		given: badAddress, when: order.PassDeadline{}, after: 72 * time.Hour,
		then: life{
			&order.CustomerResponded{ActionID: "act_1", Choice: "none"},
			&order.CancellationRequested{Reason: "no answer from the customer: address"}, undoing(cancelParcel2, payBack, releaseGoods),
			noParcels[0], // the other one may be being booked, that is undone by a step
			&order.RefundRequested{RefundID: "rf_1", Amount: 13500, Reason: "cancellation"},
		},
	},
	"no other address when a parcel is off: only the refused one is cancelled and paid back": {
		given: partlyWithout1.and(badAddress[len(paid):]...), when: order.PassDeadline{}, after: 72 * time.Hour,
		then: life{
			&order.CustomerResponded{ActionID: "act_1", Choice: "none"}, noParcels[0],
			&order.RefundRequested{RefundID: "rf_1", Amount: 10384, Reason: "no answer from the customer: address", ShipmentID: parcel1},
			&order.OrderShipped{TrackingNumbers: []string{"T2"}},
		},
	},

	"the end of a hold": {
		given: placed.and(&order.OrderHeld{Code: "manual", Until: at(time.Hour)}), when: order.PassDeadline{}, after: time.Hour,
		then: life{&order.OrderReleased{Code: "manual"}},
	},
	"a hold without an end does not end": {given: held, when: order.PassDeadline{}, after: 9000 * time.Hour},

	"a parked step is tried again": {
		given: parkedStock, when: order.PassDeadline{}, after: time.Hour, then: life{&order.StepRetried{AttentionID: "att_1"}},
	},
	"a parked step is not tried too early": {given: parkedStock, when: order.PassDeadline{}, after: time.Hour - time.Microsecond},
	"a parked booking is tried again, with the customer's wish first": {
		given: givingUp(paid), when: order.PassDeadline{}, after: time.Hour,
		then: life{&order.StepRetried{AttentionID: "att_1"}, &order.ShipmentRerouted{ShipmentID: parcel1, Carrier: "fedex"}},
	},
	"a booking that nobody could make: that parcel is cancelled and paid back": {
		given: retriedLater(paid), when: order.PassDeadline{}, after: 72 * time.Hour,
		then: life{
			noParcels[0], &order.RefundRequested{RefundID: "rf_1", Amount: 10384, Reason: "no carrier could be booked", ShipmentID: parcel1},
		},
	},
	"a booking that nobody could make, the others are off: the order is shipped without it": {
		given: retriedLater(partlyWithout1), when: order.PassDeadline{}, after: 72 * time.Hour,
		then: life{
			noParcels[0], &order.RefundRequested{RefundID: "rf_1", Amount: 10384, Reason: "no carrier could be booked", ShipmentID: parcel1},
			&order.OrderShipped{TrackingNumbers: []string{"T2"}},
		},
	},
	"a booking that nobody could make of the only parcel: the order is cancelled": {
		given: retriedLater(onlyParcel1), when: order.PassDeadline{}, after: 72 * time.Hour,
		then: life{
			&order.CancellationRequested{Reason: "no carrier could be booked"},
			undoing(order.Undo{Step: order.RefundPayment, Amount: 10384}, releaseGoods), noParcels[0],
			&order.RefundRequested{RefundID: "rf_2", Amount: 10384, Reason: "cancellation"},
		},
	},

	"no pick-up": {
		given: booked, when: order.PassDeadline{}, after: 48 * time.Hour,
		then: life{silent(order.AwaitPickup, parcel1, "no_pickup_scan", "no news from fedex for 48h0m0s", "retry", "resolve", "cancel")},
	},
	"no pick-up yet": {given: booked, when: order.PassDeadline{}, after: 48*time.Hour - time.Microsecond},
	"no arrival": {
		given: shipped.and(committed...), when: order.PassDeadline{}, after: 168 * time.Hour,
		then: life{silent(order.AwaitDelivery, parcel1, "stalled_in_transit", "no news from fedex for 168h0m0s", "retry", "resolve")},
	},
	"no arrival is said once": {given: onlyParcel1OffAndSilent, when: order.PassDeadline{}, after: 335 * time.Hour},
	"no arrival for two weeks: lost": {
		given: onlyParcel1OffAndSilent, when: order.PassDeadline{}, after: 336 * time.Hour,
		then: life{&order.ShipmentLost{ShipmentID: parcel1, CarrierScan: order.CarrierScan{At: *at(336 * time.Hour)}}, failedParcel("att_2", parcel1, "lost")},
	},

	"the end of the return period": {given: delivered, when: order.PassDeadline{}, after: time.Hour, then: life{&order.OrderClosed{}}},
	"not closed too early":         {given: delivered, when: order.PassDeadline{}, after: time.Hour - time.Microsecond},
	"not closed while goods are not booked out": {
		given: delivered[:len(delivered)-1], when: order.PassDeadline{}, after: 2 * time.Hour,
	},
	"nothing is due when it has ended": {given: closed, when: order.PassDeadline{}, after: 9000 * time.Hour},
}

var (
	// onlyParcel1 has lost its second parcel already.
	onlyParcel1 = paid.and(
		noParcels[1], &order.RefundRequested{RefundID: "rf_1", Amount: 3116, Reason: "no carrier could be booked", ShipmentID: parcel2},
		&order.RefundIssued{RefundID: "rf_1", Amount: 3116, Currency: "USD"}, &order.StockReleased{Key: parcel2 + "/release/1", ShipmentID: parcel2},
	)
	onlyParcel1OffAndSilent = booked1.and(
		noParcels[1], dispatched(parcel1), &order.OrderShipped{TrackingNumbers: []string{"T1"}},
		silent(order.AwaitDelivery, parcel1, "stalled_in_transit", "no news", "retry", "resolve"),
	)
)

func TestDeadlines(t *testing.T) {
	t.Parallel()
	check(t, deadlineRules)
}

// TestDeadlines_AreThoseOfThePlan: at the moment that the plan names something happens, and just before nothing does.
func TestDeadlines_AreThoseOfThePlan(t *testing.T) {
	t.Parallel()
	for name, rule := range deadlineRules {
		if len(rule.then) == 0 {
			continue
		}
		state := stateOf(rule.given)
		deadline := order.PlanFor(state, testPolicy).Deadline
		if deadline == nil || !deadline.At.Equal(start.Add(rule.after)) || deadline.Summary == "" {
			t.Errorf("%s: the plan's deadline is %v, want %s", name, deadline, start.Add(rule.after))
			continue
		}
		early := order.Command{ID: "c", At: deadline.At.Add(-time.Microsecond), Body: order.PassDeadline{}}
		if events, err := order.Decide(state, early, testPolicy); err != nil || events != nil {
			t.Errorf("%s: just before, got %s, %v, want nothing", name, told(events), err)
		}
	}
}
