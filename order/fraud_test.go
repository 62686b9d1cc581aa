package order_test

import (
	"testing"

	"orderly/order"
)

var inReview = placed.and(&order.FraudScreened{Decision: "review", Score: 70}, &order.OrderHeld{Code: "fraud_review"})

var reviewRules = map[string]rule{
	"accepted: the order goes on": {
		given: inReview, when: order.ReviewFraud{Decision: "accept"},
		then: life{&order.FraudReviewed{Decision: "accept"}, &order.OrderReleased{Code: "fraud_review"}},
	},
	"rejected: cancelled without a charge": {
		given: inReview, when: order.ReviewFraud{Decision: "reject"},
		then: life{
			&order.FraudReviewed{Decision: "reject"}, &order.CancellationRequested{Reason: "refused by the fraud review"}, &order.OrderCancelled{},
		},
	},
	"rejected when it is held for it later: the money goes back": {
		given: booked.and(&order.OrderHeld{Code: "fraud_review"}), when: order.ReviewFraud{Decision: "reject"},
		then: life{
			&order.FraudReviewed{Decision: "reject"}, &order.CancellationRequested{Reason: "refused by the fraud review"},
			undoing(cancelParcel1, cancelParcel2, payBack, releaseGoods), &order.RefundRequested{RefundID: "rf_1", Amount: 13500, Reason: "cancellation"},
		},
	},
	"another hold stays": {
		given: inReview.and(&order.OrderHeld{Code: "manual"}), when: order.ReviewFraud{Decision: "accept"},
		then: life{&order.FraudReviewed{Decision: "accept"}, &order.OrderReleased{Code: "fraud_review"}},
	},
	"not decided":                   {given: inReview, when: order.ReviewFraud{Decision: "maybe"}, refused: "/decision"},
	"not when it is not held":       {given: screened, when: order.ReviewFraud{Decision: "accept"}, refused: "not held for a fraud review"},
	"not when held for other cause": {given: held, when: order.ReviewFraud{Decision: "accept"}, refused: "not held for a fraud review"},
	"not once a parcel is off":      {given: partly, when: order.ReviewFraud{Decision: "reject"}, refused: "the order is partially_shipped"},
}

func TestFraudReviews(t *testing.T) {
	t.Parallel()
	check(t, reviewRules)
}

// TestFraudReview_Accepted_ThenCancelled_ReleasesWhatMayBeReserved: after the review goods may have been asked for.
func TestFraudReview_Accepted_ThenCancelled_ReleasesWhatMayBeReserved(t *testing.T) {
	t.Parallel()
	accepted := inReview.and(reviewRules["accepted: the order goes on"].then...)
	wantKeys(t, accepted, "ord_1/reserve/1")
	wantKeys(t, accepted.and(&order.CancellationRequested{}), "ord_1/release/1")
	wantKeys(t, inReview.and(&order.CancellationRequested{}))
}
