package order_test

import (
	"testing"

	"orderly/order"
)

var goodwillRules = map[string]rule{
	"a part of the money is given back": {
		given: delivered, when: order.IssueRefund{Amount: 1000}, reason: "it came late",
		then: life{&order.RefundRequested{RefundID: "rf_1", Amount: 1000, Reason: "it came late"}},
	},
	"a second refund is a refund of its own": {
		given: shipped.and(&order.RefundRequested{RefundID: "rf_1", Amount: 1000, Reason: "late"}),
		when:  order.IssueRefund{Amount: 1000}, reason: "late",
		then: life{&order.RefundRequested{RefundID: "rf_2", Amount: 1000, Reason: "late"}},
	},
	"all of the money": {
		given: paid, when: order.IssueRefund{Amount: 13500}, reason: "sorry",
		then: life{&order.RefundRequested{RefundID: "rf_1", Amount: 13500, Reason: "sorry"}},
	},
	"not more than was taken": {given: paid, when: order.IssueRefund{Amount: 13501}, reason: "x", refused: "between 1 and 13500"},
	"not more than is left beside what is on its way": {
		given: paid.and(&order.RefundRequested{RefundID: "rf_1", Amount: 13000}), when: order.IssueRefund{Amount: 501}, reason: "x", refused: "between 1 and 500",
	},
	"not when nothing is left": {
		given: paid.and(&order.RefundRequested{RefundID: "rf_1", Amount: 13500}), when: order.IssueRefund{Amount: 1}, reason: "x", refused: "nothing is left",
	},
	"not nothing":                  {given: paid, when: order.IssueRefund{}, reason: "x", refused: "/amount"},
	"not without a reason":         {given: paid, when: order.IssueRefund{Amount: 1}, refused: "/reason"},
	"not before the money is here": {given: authorized, when: order.IssueRefund{Amount: 1}, reason: "x", refused: "the order is created"},
	"not while all is undone":      {given: cancelling, when: order.IssueRefund{Amount: 1}, reason: "x", refused: "the order is cancelling"},
	"not when the order is closed": {given: closed, when: order.IssueRefund{Amount: 1}, reason: "x", refused: "the order is closed"},
	"what was given away is not paid back twice when a parcel is given up": {
		given: retriedLater(paid).and(&order.RefundRequested{RefundID: "rf_1", Amount: 13000, Reason: "sorry"}),
		when:  order.PassDeadline{}, after: testPolicy.AttentionGiveUpAfter,
		then: life{noParcels[0], &order.RefundRequested{RefundID: "rf_2", Amount: 500, Reason: "no carrier could be booked", ShipmentID: parcel1}},
	},
	"what was given away is not paid back again by a cancellation": {
		given: booked.and(&order.RefundRequested{RefundID: "rf_1", Amount: 1000, Reason: "sorry"}), when: order.CancelOrder{},
		then: life{
			&order.CancellationRequested{}, undoing(cancelParcel1, cancelParcel2, payBack, releaseGoods),
			&order.RefundRequested{RefundID: "rf_2", Amount: 12500, Reason: "cancellation"},
		},
	},
}

func TestGoodwill(t *testing.T) {
	t.Parallel()
	check(t, goodwillRules)
}

// TestGoodwill_WaivedThenCancelled_IsOwedAgain: what was let go while the order went on is the customer's when it does not.
func TestGoodwill_WaivedThenCancelled_IsOwedAgain(t *testing.T) {
	t.Parallel()
	given := booked.and(
		&order.RefundRequested{RefundID: "rf_1", Amount: 1000, Reason: "late"},
		&order.CompensationWaived{AttentionID: "att_1", Step: order.RefundPayment, Key: "ord_1/refund/rf_1", Amount: 1000},
	)
	check(t, map[string]rule{"all is owed": {given: given, when: order.CancelOrder{}, then: life{
		&order.CancellationRequested{}, undoing(cancelParcel1, cancelParcel2, payBack, releaseGoods),
		&order.RefundRequested{RefundID: "rf_2", Amount: 13500, Reason: "cancellation"},
	}}})
}

func TestRefund_RefusedByTheProvider_IsAskedAgainUnderAnotherKey(t *testing.T) {
	t.Parallel()
	given := shipped.and(committed...).and(
		&order.RefundRequested{RefundID: "rf_1", Amount: 1000, Reason: "late"},
		&order.RefundFailed{RefundID: "rf_1", Amount: 1000, Code: "no"},
	)
	wantKeys(t, given, "ord_1/refund/rf_1/2")
}
