package order

import "slices"

// Undo is one thing that a cancellation has to undo. Amount is the money of a refund.
type Undo struct {
	Step       StepName `json:"step"`
	ShipmentID string   `json:"shipment_id,omitempty"`
	Amount     int64    `json:"amount,omitempty"`
}

// CompensationStarted: this has happened, or may have, and is undone in this order. A cancellation that finds nothing
// to undo has no compensation.
type CompensationStarted struct {
	Undo []Undo `json:"undo"`
}

// CompensationCompleted: all of it is undone, or was waived.
type CompensationCompleted struct {
	RefundedAmount int64 `json:"refunded_amount"`
}

// CompensationFailed: this part of it waits for an operator.
type CompensationFailed struct {
	AttentionID string   `json:"attention_id"`
	Step        StepName `json:"step"`
	ShipmentID  string   `json:"shipment_id,omitempty"`
	Code        string   `json:"code"`
}

// CompensationWaived: an operator accepts that this is not undone, for the reason in the metadata. Amount is the money of
// a refund that is not paid, or of an authorisation that is not given up and so may be taken.
type CompensationWaived struct {
	AttentionID string   `json:"attention_id"`
	Step        StepName `json:"step"`
	Key         string   `json:"key"`
	ShipmentID  string   `json:"shipment_id,omitempty"`
	Amount      int64    `json:"amount,omitempty"`
	ExternalRef string   `json:"external_ref,omitempty"`
}

// WaiveCompensation accepts that a parked step that undoes something is not carried out; ExternalRef names the evidence.
type WaiveCompensation struct {
	AttentionID string `json:"attention_id"`
	ExternalRef string `json:"external_ref,omitempty"`
}

// CommandName is the name of the command.
func (WaiveCompensation) CommandName() string { return "WaiveCompensation" }

// Waiver is an exception that an operator accepted.
type Waiver struct {
	Step   StepName `json:"step"`
	Key    string   `json:"key"`
	Amount int64    `json:"amount,omitempty"`
}

// undoSteps are the steps that undo something.
var undoSteps = []StepName{DiscardBooking, CancelShipment, VoidPayment, RefundPayment, ReleaseStock}

// startCompensation says, when a cancellation begins, what it is going to undo.
func (d *decision) startCompensation() {
	if d.state.Compensating {
		return
	}
	if undo := d.state.toUndo(d.policy); len(undo) > 0 {
		d.emit(&CompensationStarted{Undo: undo})
	}
}

// toUndo is all that has happened, or may have, the latest first.
func (s State) toUndo(p Policy) []Undo {
	var all []Undo
	for _, shipment := range s.Shipments {
		if shipment.mayBeBooked(s) {
			all = append(all, Undo{Step: CancelShipment, ShipmentID: shipment.ShipmentID})
		}
		for range shipment.Loose {
			all = append(all, Undo{Step: DiscardBooking, ShipmentID: shipment.ShipmentID})
		}
	}
	if owed := s.owed() + s.pendingRefunds(); owed > 0 {
		all = append(all, Undo{Step: RefundPayment, Amount: owed})
	}
	if s.mayBeAuthorized() {
		all = append(all, Undo{Step: VoidPayment})
	}
	for _, shipment := range s.Shipments {
		if shipment.Goods.Key != "" && shipment.open() && !shipment.onItsWay() {
			all = append(all, Undo{Step: ReleaseStock, ShipmentID: shipment.ShipmentID})
		}
	}
	for range s.releases(p) {
		all = append(all, Undo{Step: ReleaseStock})
	}
	return all
}

// finishCompensation ends what startCompensation began.
func (d *decision) finishCompensation() {
	if d.state.Compensating {
		d.emit(&CompensationCompleted{RefundedAmount: d.state.Payment.Refunded})
	}
	d.emit(&OrderCancelled{RefundedAmount: d.state.Payment.Refunded})
}

func (d *decision) waive(a Attention, externalRef string) error {
	if d.command.Reason == "" {
		return &InvalidError{Pointer: "/reason", Detail: "say why this is accepted"}
	}
	waived := &CompensationWaived{AttentionID: a.AttentionID, Step: a.Step, Key: a.Key, ShipmentID: a.ShipmentID, ExternalRef: externalRef}
	if refund, ok := d.state.refundOf(a); ok {
		waived.Amount = refund.Amount
	}
	if a.Step == VoidPayment {
		waived.Amount = d.state.Payment.Authorized
	}
	d.emit(waived)
	return nil
}

// refundOf is the refund that an attention is about.
func (s State) refundOf(a Attention) (Refund, bool) {
	for _, refund := range s.Refunds {
		if a.Step == RefundPayment && s.refundKey(refund.RefundID) == a.Key {
			return refund, true
		}
	}
	return Refund{}, false
}

// evolveCompensation handles the events of this file.
func (s *State) evolveCompensation(event Event) {
	switch e := event.(type) {
	case *CompensationStarted:
		s.Compensating = true
	case *CompensationWaived:
		s.Waivers = append(s.Waivers, Waiver{Step: e.Step, Key: e.Key, Amount: e.Amount})
		for i := range s.Refunds {
			refund := &s.Refunds[i]
			if e.Step == RefundPayment && s.refundKey(refund.RefundID) == e.Key {
				// What is let go while the order goes on is still owed when it is cancelled later.
				refund.Waived, refund.Dropped = s.Status == Cancelling, s.Status != Cancelling
			}
		}
		s.changeShipment(e.ShipmentID, func(shipment *Shipment) {
			shipment.Loose = slices.DeleteFunc(shipment.Loose, func(l LooseBooking) bool { return l.Key+discardSuffix == e.Key })
		})
		s.dropSuperseded(e.Key)
		if e.Step == VoidPayment && s.Payment.Replacing && s.Status != Cancelling {
			s.voided() // the order goes on as if it were
		}
		s.dropAttention(e.AttentionID)
	}
}

// waived says whether an operator accepted that the step is not carried out.
func (s State) waived(step Step) bool {
	return slices.ContainsFunc(s.Waivers, func(w Waiver) bool { return w.Step == step.Name && w.Key == step.Key })
}

func (s State) withoutWaived(steps []Step) []Step { return slices.DeleteFunc(steps, s.waived) }

// owed is what a cancelled order's customer is still to get back and nobody has requested yet.
func (s State) owed() int64 {
	owed := s.Payment.Captured - s.Payment.Refunded - s.pendingRefunds()
	for _, refund := range s.Refunds {
		if refund.Waived {
			owed -= refund.Amount
		}
	}
	return owed
}
