package order

import "fmt"

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
	amount = min(amount, d.state.refundable())
	if amount <= 0 {
		return
	}
	d.emit(&RefundRequested{RefundID: fmt.Sprintf("rf_%d", len(d.state.Refunds)+1), Amount: amount, Reason: reason, ShipmentID: shipmentID})
}

// refundRefused notes the provider's no, and that an operator has to see to it. The next try has a key of its own.
func (d *decision) refundRefused(body ReportStepFailure) {
	refund := d.state.Refund(body.Step.RefundID)
	d.emit(&RefundFailed{RefundID: refund.RefundID, Amount: refund.Amount, Code: body.Code, Message: body.Message})
	d.park(parking{
		step: RefundPayment, key: d.state.refundKey(refund.RefundID), code: body.Code, message: body.Message, attempts: body.Attempts,
	})
}
