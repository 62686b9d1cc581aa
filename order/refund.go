package order

import (
	"fmt"
	"slices"
)

// IssueRefund pays the customer something back for goodwill: nothing is taken out of the order for it.
type IssueRefund struct {
	Amount int64 `json:"amount"`
}

// CommandName is the name of the command.
func (IssueRefund) CommandName() string { return "IssueRefund" }

// RefundFailed: the provider refuses to pay the refund back as it was asked to. It is asked again under another key.
type RefundFailed struct {
	RefundID string `json:"refund_id"`
	Amount   int64  `json:"amount"`
	Code     string `json:"code"`
	Message  string `json:"message"`
}

func (d *decision) issueRefund(body IssueRefund) error {
	left := d.state.refundable()
	if body.Amount < 1 || body.Amount > left {
		return &InvalidError{Pointer: "/amount", Detail: fmt.Sprintf("between 1 and %d can be refunded", left)}
	}
	if d.command.Reason == "" {
		return &InvalidError{Pointer: "/reason", Detail: "say what it is for"}
	}
	d.requestRefund(body.Amount, d.command.Reason, "")
	return nil
}

// refundable is what was taken, was not given back, and is not on its way back.
func (s State) refundable() int64 {
	return s.Payment.Captured - s.Payment.Refunded - s.pendingRefunds()
}

// requestRefund opens a refund; never of more than what is left of the money that was taken.
func (d *decision) requestRefund(amount int64, reason, shipmentID string) {
	d.refund(RefundRequested{Amount: amount, Reason: reason, ShipmentID: shipmentID})
}

// refund cuts a refund into one for each capture that is needed for it, the latest first: a provider gives back captures.
func (d *decision) refund(wish RefundRequested) {
	amount := min(wish.Amount, d.state.refundable())
	captures := d.state.Payment.Captures
	for _, capture := range slices.Backward(captures) {
		part := wish
		part.Amount = min(amount, d.state.leftOf(capture))
		if part.Amount <= 0 {
			continue
		}
		part.RefundID = fmt.Sprintf("rf_%d", len(d.state.Refunds)+1)
		if len(captures) > 1 {
			part.CaptureKey = capture.Key
		}
		d.emit(&part)
		amount -= part.Amount
	}
}

// leftOf is what was not given back of a capture, and is not on its way back.
func (s State) leftOf(capture Capture) int64 {
	left := capture.Amount
	for _, refund := range s.Refunds {
		if (refund.Issued || refund.Pending()) && s.CaptureOf(refund).Key == capture.Key {
			left -= refund.Amount
		}
	}
	return left
}

// CaptureOf is the capture of which a refund gives something back.
func (s State) CaptureOf(refund Refund) Capture {
	for _, capture := range s.Payment.Captures {
		if refund.CaptureKey == "" || refund.CaptureKey == capture.Key {
			return capture
		}
	}
	return Capture{}
}

// tookUnder says whether money was taken under this key.
func (p Payment) tookUnder(key string) bool {
	return slices.ContainsFunc(p.Captures, func(c Capture) bool { return c.Key == key })
}

// refundRefused notes the provider's no, and that an operator has to see to it. The next try has a key of its own.
func (d *decision) refundRefused(body ReportStepFailure) {
	refund := d.state.Refund(body.Step.RefundID)
	d.emit(&RefundFailed{RefundID: refund.RefundID, Amount: refund.Amount, Code: body.Code, Message: body.Message})
	d.park(parking{
		step: RefundPayment, key: d.state.refundKey(refund.RefundID), code: body.Code, message: body.Message, attempts: body.Attempts,
	})
}
