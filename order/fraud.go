package order

import "slices"

// holdFraudReview is the hold under which an order waits for a person's judgement.
const holdFraudReview = "fraud_review"

// The judgements of a review.
const (
	ReviewAccept = "accept"
	ReviewReject = "reject"
)

// ReviewFraud is a person's judgement of an order that is held for it.
type ReviewFraud struct {
	Decision string `json:"decision"`
}

// CommandName is the name of the command.
func (ReviewFraud) CommandName() string { return "ReviewFraud" }

// FraudReviewed is a person's judgement: accept or reject. Why stands in the metadata.
type FraudReviewed struct {
	Decision string `json:"decision"`
	Reviewer string `json:"reviewer"`
}

func (s *State) judged(event Event) {
	switch e := event.(type) {
	case *FraudScreened:
		s.Fraud = e.Decision
		s.settle(ScreenFraud, "")
	case *FraudReviewed:
		if e.Decision == ReviewReject {
			s.Fraud = ReviewReject
		}
	}
}

// release takes a hold away. After that of a review goods may be asked for: whoever took it away has looked.
func (s *State) release(code string) {
	s.Holds = slices.DeleteFunc(s.Holds, func(h Hold) bool { return h.Code == code })
	if code == holdFraudReview && s.Fraud == "review" {
		s.Fraud = "clear"
	}
}

func (s State) inReview() bool { return s.hold(holdFraudReview) }

// reviewFraud lets the order go on, or cancels it: it was not charged, unless it was held when it was.
func (d *decision) reviewFraud(body ReviewFraud) error {
	if body.Decision != ReviewAccept && body.Decision != ReviewReject {
		return &InvalidError{Pointer: "/decision", Detail: "choose accept or reject"}
	}
	d.emit(&FraudReviewed{Decision: body.Decision, Reviewer: d.command.Actor.ID})
	if body.Decision == ReviewReject {
		d.emit(&CancellationRequested{Reason: "refused by the fraud review"})
		return nil
	}
	d.emit(&OrderReleased{Code: holdFraudReview})
	return nil
}
