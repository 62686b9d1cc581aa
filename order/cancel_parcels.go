package order

import (
	"cmp"
	"fmt"
	"slices"
)

// Parcels can be cancelled one by one, as long as they have not left. The customer gets back what was paid for each: its
// part of the lines and of the shipping fee, see shipmentValue. The other parcels go on. When nothing is left to be
// delivered, the order is cancelled.

// cancel undoes the order, or some of its parcels.
func (d *decision) cancel(body CancelOrder) error {
	if len(body.ShipmentIDs) == 0 {
		if !slices.Contains(beforeDispatch, d.state.Status) {
			return d.notAllowed("the order is %s: name the shipments that are to be cancelled", d.state.Status)
		}
		d.emit(&CancellationRequested{Reason: d.command.Reason})
		return nil
	}
	for i, id := range body.ShipmentIDs {
		if err := d.mayCancelParcel(fmt.Sprintf("/shipment_ids/%d", i), id, body.ShipmentIDs[:i]); err != nil {
			return err
		}
	}
	if !d.state.dispatchedAny() && d.state.nothingBut(body.ShipmentIDs) {
		d.emit(&CancellationRequested{Reason: d.command.Reason})
		return nil
	}
	if !d.state.paid() {
		return d.notAllowed("nothing is paid yet: amend the order instead")
	}
	d.emit(&CancellationRequested{Reason: d.command.Reason, ShipmentIDs: body.ShipmentIDs})
	for _, id := range body.ShipmentIDs {
		if shipment, _ := d.state.Shipment(id); shipment.Settled != "" {
			d.requestRefund(d.state.shipmentValue(id), d.command.Reason, id)
		}
	}
	return nil
}

func (d *decision) mayCancelParcel(pointer, id string, before []string) error {
	shipment, ok := d.state.Shipment(id)
	switch {
	case !ok:
		return &InvalidError{Pointer: pointer, Detail: "the order has no such shipment"}
	case contains(before, id):
		return &InvalidError{Pointer: pointer, Detail: "the shipment is named twice"}
	case shipment.gone():
		return d.notAllowed("%s is %s already", id, cmp.Or(shipment.Settled, string(shipment.Status)))
	case shipment.onItsWay() && !shipment.unsettled(d.state):
		return d.notAllowed("%s is %s", id, shipment.Status)
	}
	return nil
}

// nothingBut says whether these are all parcels that count.
func (s State) nothingBut(ids []string) bool {
	return !slices.ContainsFunc(s.Shipments, func(shipment Shipment) bool {
		return !shipment.gone() && !contains(ids, shipment.ShipmentID)
	})
}

// cancelOpen says whether the order, or a parcel of it, can be cancelled.
func (s State) cancelOpen() bool {
	if slices.Contains(beforeDispatch, s.Status) {
		return true
	}
	return slices.ContainsFunc(s.Shipments, func(shipment Shipment) bool {
		return !shipment.gone() && (!shipment.onItsWay() || shipment.unsettled(s))
	})
}

// unwant evolves a cancellation of parcels: those that have failed are paid back, the others are not wanted any more.
func (s *State) unwant(ids []string) {
	for _, id := range ids {
		shipment, _ := s.Shipment(id)
		if shipment.onItsWay() {
			s.settleParcel(id, SettledByRefund)
			continue
		}
		s.changeShipment(id, func(shipment *Shipment) { shipment.Unwanted = true })
		for _, step := range []StepName{BookShipment, ReserveStock, AwaitPickup} {
			s.settleShipment(step, id)
		}
	}
}

// unwantedSteps take the bookings of parcels back that are not wanted any more.
func (s State) unwantedSteps(p Policy) []Step {
	var steps []Step
	for _, shipment := range s.Shipments {
		if shipment.Unwanted && shipment.mayBeBooked(s) && s.Status != Cancelling {
			steps = append(steps, s.cancelStep(p, shipment))
		}
	}
	return s.withoutWaived(steps)
}

// concludeUnwanted cancels the parcels that no carrier will fetch, and pays them back.
func (d *decision) concludeUnwanted() {
	if d.state.Status == Cancelling {
		return
	}
	for _, shipment := range d.state.Shipments {
		if !shipment.Unwanted {
			continue
		}
		if shipment.open() && (!shipment.mayBeBooked(d.state) || d.state.waived(d.state.cancelStep(d.policy, shipment))) {
			d.emit(&ShipmentCancelled{ShipmentID: shipment.ShipmentID})
		}
		cancelled, _ := d.state.Shipment(shipment.ShipmentID)
		paidBack := slices.ContainsFunc(d.state.Refunds, func(r Refund) bool { return r.ShipmentID == shipment.ShipmentID })
		if cancelled.Status == ShipmentIsCancelled && !paidBack {
			d.requestRefund(d.state.shipmentValue(shipment.ShipmentID), "the shipment was cancelled", shipment.ShipmentID)
		}
	}
}

// concludeNothingLeft cancels an order of which nothing can be delivered any more.
func (d *decision) concludeNothingLeft() {
	s := d.state
	planned := slices.ContainsFunc(s.Shipments, func(shipment Shipment) bool { return !shipment.Superseded })
	if !planned || s.Stock.State == StockNone || !slices.Contains([]Status{Paid, PartiallyShipped, Shipped}, s.Status) || !s.nothingBut(nil) {
		return
	}
	d.emit(&CancellationRequested{Reason: "nothing of it can be delivered"})
}
