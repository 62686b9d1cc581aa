package order

import (
	"fmt"
	"slices"
	"strings"
)

// parking is why a step is parked.
type parking struct {
	step       StepName
	shipmentID string
	key        string
	code       string
	message    string
	attempts   int
}

// park opens an attention. Steps are tried again by themselves now and then; only a parcel's silence is not.
func (d *decision) park(why parking) {
	allowed := attentionChoices[why.step]
	shipment, _ := d.state.Shipment(why.shipmentID)
	if why.step == AwaitDelivery && (shipment.failedOnItsWay() || why.code == codeMissedDeliveries) {
		allowed = failedParcelChoices
	}
	if d.state.Status == Cancelling || why.shipmentID == "" && d.state.Status != Created && d.state.Status != Paid {
		allowed = slices.DeleteFunc(slices.Clone(allowed), func(choice string) bool { return choice == "cancel" })
	}
	failed := &StepFailed{
		AttentionID: fmt.Sprintf("att_%d", d.state.Parked+1), Step: why.step, ShipmentID: why.shipmentID, Key: why.key,
		Code: why.code, Message: why.message, Attempts: why.attempts, Allowed: allowed,
	}
	if why.step != AwaitPickup && why.step != AwaitDelivery {
		next := d.command.At.Add(d.policy.AttentionRetryEvery)
		failed.NextRetryAt = &next
	}
	if why.shipmentID != "" && (why.step == BookShipment || why.step == ReserveStock) {
		since := shipment.ParkedAt
		if since.IsZero() {
			since = d.command.At
		}
		giveUp := since.Add(d.policy.AttentionGiveUpAfter)
		failed.GiveUpAt = &giveUp
	}
	d.emit(failed)
	if d.state.Status == Cancelling && slices.Contains(undoSteps, why.step) {
		d.emit(&CompensationFailed{AttentionID: failed.AttentionID, Step: why.step, ShipmentID: why.shipmentID, Code: why.code})
	}
}

// repair takes what an operator does about a parked step.
func (d *decision) repair() error {
	switch body := d.command.Body.(type) {
	case RetryStep:
		return d.onAttention(body.AttentionID, "retry", func(a Attention) error {
			d.retry(a)
			return nil
		})
	case SkipStep:
		return d.onAttention(body.AttentionID, "skip", func(a Attention) error {
			d.emit(&StepSkipped{AttentionID: a.AttentionID})
			return nil
		})
	case ResolveStep:
		return d.onAttention(body.AttentionID, "resolve", func(a Attention) error { return d.resolve(a, body.ExternalRef) })
	case WaiveCompensation:
		return d.onAttention(body.AttentionID, "waive", func(a Attention) error { return d.waive(a, body.ExternalRef) })
	}
	return nil
}

// onAttention does something about a parked step, if the step admits it.
func (d *decision) onAttention(id, choice string, do func(Attention) error) error {
	parked, ok := d.state.attention(id)
	if !ok {
		return d.notAllowed("%s does not need attention (any more)", id)
	}
	if !contains(parked.Allowed, choice) {
		return d.notAllowed("%s of %s is not possible; possible are %v", choice, parked.Step, parked.Allowed)
	}
	return do(parked)
}

// retry starts the step again; a booking begins with the customer's own wish again, and a parcel that has failed on its way
// is sent again.
func (d *decision) retry(a Attention) {
	d.emit(&StepRetried{AttentionID: a.AttentionID})
	shipment, _ := d.state.Shipment(a.ShipmentID)
	if a.Step == AwaitDelivery && shipment.failedOnItsWay() {
		d.reship(shipment, "", "")
	}
	if a.Step != BookShipment {
		return
	}
	if first := d.policy.carriersFor(d.state.Shipping.Carrier, nil); len(first) > 0 && first[0] != shipment.Carrier {
		d.emit(&ShipmentRerouted{ShipmentID: a.ShipmentID, Carrier: first[0]})
	}
}

// giveUp ends a booking that nobody could make: the parcel is cancelled and its value paid back, or the whole order
// when no other parcel is left.
func (d *decision) giveUp(a Attention) {
	others := 0
	for _, shipment := range d.state.Shipments {
		if !shipment.gone() && !shipment.Unwanted && shipment.ShipmentID != a.ShipmentID {
			others++
		}
	}
	if others == 0 {
		d.emit(&CancellationRequested{Reason: noCarrier})
		return
	}
	d.cancelParcel(a.ShipmentID, noCarrier)
}

const noCarrier = "no carrier could be booked"

// cancelParcel cancels a parcel that no carrier has booked and pays its value back.
func (d *decision) cancelParcel(shipmentID, reason string) {
	value := d.state.shipmentValue(shipmentID)
	d.emit(&ShipmentCancelled{ShipmentID: shipmentID})
	d.requestRefund(value, reason, shipmentID)
}

// abandon cancels the order or, when a parcel is on its way already, the parcels that could not be booked.
func (d *decision) abandon(reason string) {
	if !d.state.dispatchedAny() {
		d.emit(&CancellationRequested{Reason: reason})
		return
	}
	for _, shipment := range d.state.Shipments {
		if shipment.Status == ShipmentHasFailed {
			d.cancelParcel(shipment.ShipmentID, reason)
		}
	}
}

// resolve records that a step was done by hand.
func (d *decision) resolve(a Attention, externalRef string) error {
	outcome := d.byHand(a, externalRef)
	if outcome == nil {
		return &InvalidError{Pointer: "/external_ref", Detail: "say where the proof is: the provider's reference or the tracking number"}
	}
	d.emit(&StepResolved{AttentionID: a.AttentionID, ExternalRef: externalRef})
	d.emit(outcome)
	return nil
}

// byHand is the event of a step that was done by hand; nil when it takes a reference and there is none.
func (d *decision) byHand(a Attention, ref string) Event {
	scan := CarrierScan{At: d.command.At, Proof: ref}
	switch a.Step {
	case RestockStock:
		of, _ := d.state.ReturnToRestock(a.Key)
		return &StockRestocked{Key: a.Key, ShipmentID: a.ShipmentID, RMAID: of.RMAID}
	case CommitStock:
		return &StockCommitted{Key: a.Key, ShipmentID: a.ShipmentID}
	case DiscardBooking:
		return &BookingDiscarded{ShipmentID: a.ShipmentID, Key: strings.TrimSuffix(a.Key, discardSuffix)}
	case CancelShipment:
		return &ShipmentCancelled{ShipmentID: a.ShipmentID}
	case VoidPayment:
		return &PaymentVoided{Key: a.Key}
	case ReleaseStock:
		return &StockReleased{Key: a.Key, ShipmentID: a.ShipmentID}
	case AwaitPickup:
		return &ShipmentDispatched{ShipmentID: a.ShipmentID, CarrierScan: scan}
	case AwaitDelivery:
		return &ShipmentDelivered{ShipmentID: a.ShipmentID, CarrierScan: scan}
	}
	if ref == "" {
		return nil
	}
	s := d.state
	switch a.Step {
	case AuthorizePayment:
		return &PaymentAuthorized{Key: a.Key, Amount: s.Due(), Currency: s.Currency, Method: s.Payment.Method, ProviderRef: ref}
	case CapturePayment:
		return &PaymentReceived{Key: a.Key, Amount: s.Payment.Authorized, Currency: s.Currency, Method: s.Payment.Method, ProviderRef: ref}
	case BookShipment:
		shipment, _ := s.Shipment(a.ShipmentID)
		return &ShipmentBooked{ShipmentID: a.ShipmentID, Key: a.Key, Carrier: shipment.Carrier, TrackingNumber: ref}
	case RefundPayment:
		if refund, ok := s.refundOf(a); ok {
			return &RefundIssued{RefundID: refund.RefundID, Amount: refund.Amount, Currency: s.Currency, ProviderRef: ref}
		}
	}
	return nil
}
