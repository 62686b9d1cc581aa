package order_test

import (
	"slices"
	"testing"

	"orderly/order"
)

// The parts of compensations.
var (
	cancelParcel1 = order.Undo{Step: order.CancelShipment, ShipmentID: parcel1}
	cancelParcel2 = order.Undo{Step: order.CancelShipment, ShipmentID: parcel2}
	payBack       = order.Undo{Step: order.RefundPayment, Amount: 13500}
	voidPayment   = order.Undo{Step: order.VoidPayment}
	releaseGoods  = order.Undo{Step: order.ReleaseStock}
)

func undoing(undo ...order.Undo) *order.CompensationStarted {
	return &order.CompensationStarted{Undo: undo}
}

// notUndone is what is told beside the parking of a step that undoes something.
func notUndone(step order.StepName) *order.CompensationFailed {
	return &order.CompensationFailed{AttentionID: "att_1", Step: step, Code: "http_503"}
}

func waiver(step order.StepName, key string) *order.CompensationWaived {
	return &order.CompensationWaived{AttentionID: "att_1", Step: step, Key: key, ExternalRef: "FIN-7"}
}

var (
	waive = order.WaiveCompensation{AttentionID: "att_1", ExternalRef: "FIN-7"}
	// lastRefund has nothing left to undo but a refund that is parked.
	lastRefund = parkedRefund.and(&order.StockReleased{Key: "ord_1/release/1"})
	unpaid     = &order.CompensationWaived{
		AttentionID: "att_1", Step: order.RefundPayment, Key: "ord_1/refund/rf_1", Amount: 13500, ExternalRef: "FIN-7",
	}
	// goodwillParked is a shipped order with a goodwill refund that could not be paid.
	goodwillParked = parked(
		shipped.and(committed...).and(&order.RefundRequested{RefundID: "rf_1", Amount: 1000, Reason: "late"}),
		order.RefundPayment, "", "ord_1/refund/rf_1", "retry", "resolve", "waive",
	)
)

var waiverRules = map[string]rule{
	"a refund is waived, the last thing: cancelled": {
		given: lastRefund, when: waive, reason: "paid in cash",
		then: life{unpaid, &order.CompensationCompleted{}, &order.OrderCancelled{}},
	},
	"a refund is waived while goods are to be released: not cancelled yet": {
		given: parkedRefund, when: waive, reason: "paid in cash", then: life{unpaid},
	},
	"a void is waived: the goods are next": {
		given: parkedVoid, when: waive, reason: "it expires by itself", then: life{
			&order.CompensationWaived{AttentionID: "att_1", Step: order.VoidPayment, Key: "ord_1/void/1", Amount: 13500, ExternalRef: "FIN-7"},
		},
	},
	"a release is waived, the last thing: cancelled": {
		given: parkedRelease, when: waive, reason: "counted by hand",
		then: life{waiver(order.ReleaseStock, "ord_1/release/1"), &order.CompensationCompleted{}, &order.OrderCancelled{}},
	},
	"a parcel that may be picked up is waived: it counts as cancelled": {
		given: parkedCancelling, when: waive, reason: "the carrier was called",
		then: life{
			&order.CompensationWaived{AttentionID: "att_1", Step: order.CancelShipment, Key: parcel1 + "/cancel/1", ShipmentID: parcel1, ExternalRef: "FIN-7"},
			noParcels[0],
		},
	},
	"a loose booking is waived": {
		given: parkedDiscard, when: waive, reason: "the carrier was called",
		then: life{&order.CompensationWaived{
			AttentionID: "att_1", Step: order.DiscardBooking, Key: parcel1 + "/book/1/discard", ShipmentID: parcel1, ExternalRef: "FIN-7",
		}},
	},
	"a goodwill refund that cannot be paid is let go": {
		given: goodwillParked, when: waive, reason: "a voucher instead",
		then: life{&order.CompensationWaived{
			AttentionID: "att_1", Step: order.RefundPayment, Key: "ord_1/refund/rf_1", Amount: 1000, ExternalRef: "FIN-7",
		}},
	},
	"not without a reason":          {given: lastRefund, when: waive, refused: "/reason"},
	"not what undoes nothing":       {given: parkedCapture, when: waive, reason: "x", refused: "waive of CapturePayment is not possible"},
	"not where nothing is parked":   {given: cancelling, when: waive, reason: "x", refused: "no step waits for attention"},
	"not what is parked no more":    {given: lastRefund, when: order.WaiveCompensation{AttentionID: "att_9"}, reason: "x", refused: "att_9"},
	"not once the order is through": {given: cancelled, when: waive, reason: "x", refused: "the order is cancelled"},
}

func TestWaivers(t *testing.T) {
	t.Parallel()
	check(t, waiverRules)
}

// TestWaivers_WhatWasWaivedIsNotTriedAgain: of what an operator has let go, nothing is left in the plan.
func TestWaivers_WhatWasWaivedIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for name, rule := range waiverRules {
		for _, event := range rule.then {
			waived, ok := event.(*order.CompensationWaived)
			if !ok {
				continue
			}
			for _, step := range order.PlanFor(stateOf(rule.given.and(rule.then...)), testPolicy).Steps {
				if step.Key == waived.Key {
					t.Errorf("%s: %s is planned still", name, step.ID)
				}
			}
		}
	}
}

// cancelAt lets the order's plan be carried out until so many steps have been, and cancels it then. It says which steps
// had been carried out.
func cancelAt(t *testing.T, place order.PlaceOrder, after int) (*world, []order.StepName) {
	t.Helper()
	w := newWorld(t, place)
	var names []order.StepName
	for len(names) < after {
		plan := w.plan()
		if len(plan.Steps) == 0 {
			return nil, names
		}
		names = append(names, plan.Steps[0].Name)
		w.carryOut(plan.Steps[0])
	}
	w.must(order.CancelOrder{})
	return w, names
}

// TestCancel_AfterAnyStep_UndoesExactlyWhatHappened: wherever it comes in between the steps of an order with one parcel or
// with two, the effects outside that are left add up to nothing, and none was undone that had not been.
func TestCancel_AfterAnyStep_UndoesExactlyWhatHappened(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]order.PlaceOrder{"one parcel": oneLine(), "two parcels": twoLines()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for after := 0; ; after++ {
				w, done := cancelAt(t, place, after)
				if w == nil {
					break
				}
				w.undoAll()
				w.checkUndone(done)
			}
		})
	}
}

// TestCancel_DuringAnyStep_UndoesWhatMayHaveHappened is the same for a step whose effect took place just when the order was
// cancelled, so that its outcome was never recorded.
func TestCancel_DuringAnyStep_UndoesWhatMayHaveHappened(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]order.PlaceOrder{"one parcel": oneLine(), "two parcels": twoLines()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for after := 0; ; after++ {
				w, _ := cancelAt(t, place, after)
				if w == nil {
					break
				}
				before, _ := cancelAt(t, place, after) // the same order, to see which step was next
				before.state = w.beforeCancel
				for _, step := range before.plan().Steps {
					w.happen(step)
				}
				w.undoAll()
				w.checkLedgers()
			}
		})
	}
}

// undoAll carries out what a cancelled order plans, in the stages in which it plans it.
func (w *world) undoAll() {
	w.t.Helper()
	stage := map[order.StepName]int{order.CancelShipment: 1, order.VoidPayment: 2, order.RefundPayment: 2, order.ReleaseStock: 3}
	latest := 0
	for w.state.Status == order.Cancelling {
		plan := w.plan()
		if len(plan.Steps) == 0 {
			w.t.Fatalf("nothing to do and not cancelled: %v", w)
		}
		if now := stage[plan.Steps[0].Name]; now < latest {
			w.t.Fatalf("%s after stage %d", plan.Steps[0].Name, latest)
		} else {
			latest = now
		}
		w.carryOut(plan.Steps[0])
	}
	if w.state.Status != order.Cancelled {
		w.t.Fatalf("status %s", w.state.Status)
	}
}

// checkUndone compares what was undone with what had been done.
func (w *world) checkUndone(done []order.StepName) {
	w.t.Helper()
	w.checkLedgers()
	count := map[order.StepName]int{}
	for _, name := range done {
		count[name]++
	}
	if got, want := len(w.bank.refunds), count[order.CapturePayment]; got != want {
		w.t.Errorf("after %v: %d refunds, want %d", done, got, want)
	}
	if got, want := len(w.bank.auths), min(count[order.AuthorizePayment]+count[order.ReserveStock], 1); got != want {
		w.t.Errorf("after %v: %d authorisations were made or kept from coming, want %d", done, got, want)
	}
	if count[order.ReserveStock] == 0 && count[order.ScreenFraud] == 0 && len(w.stock) > 0 {
		w.t.Errorf("after %v: released what nobody can have asked for", done)
	}
	if len(w.booked) != count[order.BookShipment] {
		w.t.Errorf("after %v: booked %v", done, w.booked)
	}
}

// TestCompensation_GoodsOfALostParcelAreTakenBeforeTheRestIsReleased: a reservation of which the rest was released has nothing left
// to be taken.
func TestCompensation_GoodsOfALostParcelAreTakenBeforeTheRestIsReleased(t *testing.T) {
	t.Parallel()
	lost := partly.and(
		&order.ShipmentLost{ShipmentID: parcel1}, &order.RefundRequested{RefundID: "rf_1", Amount: 10300, Reason: "lost", ShipmentID: parcel1},
		&order.RefundIssued{RefundID: "rf_1", Amount: 10300, ProviderRef: "re_1"},
		&order.CancellationRequested{Reason: "changed my mind"}, undoing(cancelParcel2, payBack, releaseGoods),
		&order.ShipmentCancelled{ShipmentID: parcel2}, &order.RefundRequested{RefundID: "rf_2", Amount: 3200, Reason: "cancellation"},
		&order.RefundIssued{RefundID: "rf_2", Amount: 3200, ProviderRef: "re_2"},
	)
	if steps := stepNames(lost); !slices.Equal(steps, []order.StepName{order.CommitStock}) {
		t.Errorf("before the lost goods are taken: %v", steps)
	}
	taken := lost.and(committed[0])
	if steps := stepNames(taken); !slices.Equal(steps, []order.StepName{order.ReleaseStock}) {
		t.Errorf("after they were taken: %v", steps)
	}
}

func stepNames(l life) []order.StepName {
	var names []order.StepName
	for _, step := range order.PlanFor(stateOf(l), testPolicy).Steps {
		names = append(names, step.Name)
	}
	return names
}
