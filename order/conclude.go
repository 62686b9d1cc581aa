package order

// conclude adds what follows from the events so far: an order whose last parcel has left is shipped, one that is
// cancelling and has nothing left to undo is cancelled. It is the only place where an order's status moves forward.
func (d *decision) conclude() {
	d.concludeAmendment()
	d.concludeUnwanted()
	d.concludeNothingLeft()
	d.concludeReturns()
	switch d.state.Status {
	case Created:
		d.concludeFree()
	case Cancelling:
		d.concludeCancellation()
	default:
		d.concludeShipping()
	}
}

// concludeFree takes an order that costs nothing as paid once its goods are there: no provider captures nothing.
func (d *decision) concludeFree() {
	if d.state.Total == 0 && d.state.Stock.State == StockIsReserved && d.state.Payment.State == PaymentNone && !d.state.Payment.Replacing {
		d.emit(&PaymentReceived{Key: d.state.CaptureKey(), Currency: d.state.Currency, Method: "none"})
	}
}

func (d *decision) concludeShipping() {
	open, underway, delivered := 0, 0, 0
	var ids, tracking []string
	for _, shipment := range d.state.Shipments {
		if shipment.gone() {
			continue
		}
		open++
		if shipment.onItsWay() {
			underway++
			ids, tracking = append(ids, shipment.ShipmentID), append(tracking, shipment.TrackingNumber)
		}
		if shipment.Status == ShipmentIsDelivered {
			delivered++
		}
	}
	if underway == 0 {
		return
	}
	if status := d.state.Status; status == Paid || status == PartiallyShipped {
		switch {
		case underway == open:
			d.emit(&OrderShipped{TrackingNumbers: tracking})
		case status == Paid:
			d.emit(&OrderPartiallyShipped{ShipmentIDs: ids})
		}
	}
	if d.state.Status == Shipped && delivered == open {
		d.emit(&OrderDelivered{})
	}
	if closing, ok := d.state.closing(d.policy); ok && !closing.at.After(d.command.At) {
		closing.happen(d)
	}
}

func (d *decision) concludeCancellation() {
	d.startCompensation()
	for _, shipment := range d.state.Shipments {
		if shipment.open() && !shipment.onItsWay() && (!shipment.mayBeBooked(d.state) || d.state.waived(d.state.cancelStep(d.policy, shipment))) {
			d.emit(&ShipmentCancelled{ShipmentID: shipment.ShipmentID})
		}
	}
	if owed := d.state.owed(); owed > 0 {
		d.requestRefund(owed, "cancellation", "")
	}
	if len(d.state.compensation(d.policy)) > 0 {
		return
	}
	if len(d.state.repairs(d.policy)) > 0 {
		return
	}
	d.finishCompensation()
}

// shipmentValue is what the customer paid for a parcel: its part of each line's amount (price, tax and discount) and of
// the shipping fee, which is shared by the value of the goods. The parts are cut as in [share], parcel after parcel, so
// that the values of all parcels add up to the order's total.
//
// A parcel that stands in for another one is worth what that one was.
func (s State) shipmentValue(shipmentID string) int64 {
	shipmentID = s.origin(shipmentID)
	if of, ok := s.Return(shipmentID); ok {
		return of.amount()
	}
	var value, goods, goodsBefore, goodsHere int64
	for _, line := range s.Lines {
		amount, _ := line.amount() // checked when the order was placed
		goods += amount
		before, here := s.quantities(line.LineID, shipmentID)
		upTo := share(amount, before, line.Quantity)
		piece := share(amount, before+here, line.Quantity) - upTo
		goodsBefore += upTo
		goodsHere += piece
		value += piece
	}
	if goods == 0 {
		return value
	}
	return value + share(s.ShippingFee, goodsBefore+goodsHere, goods) - share(s.ShippingFee, goodsBefore, goods)
}

// quantities counts a line's pieces in the parcels before the given one, and in it.
func (s State) quantities(lineID, shipmentID string) (before, here int64) {
	for _, shipment := range s.Shipments {
		if shipment.Superseded || shipment.Replaces != "" {
			continue
		}
		before += here
		here = 0
		for _, line := range shipment.Lines {
			if line.LineID == lineID {
				here += line.Quantity
			}
		}
		if shipment.ShipmentID == shipmentID {
			return before, here
		}
	}
	return before + here, 0
}
