package order

// Fulfilment sums up where the goods of an order are: unallocated, partially_reserved, reserved, partially_shipped, shipped,
// partially_delivered, delivered, returning or returned. Parcels that were cancelled do not count; one that failed on its
// way counts as long as nothing stands in for it, or while it comes back.
func (s State) Fulfilment() string {
	var open, left, delivered, comingBack, back, without int
	for _, shipment := range s.Shipments {
		switch {
		case shipment.Status == ShipmentIsCancelled:
			continue
		case shipment.Status == ShipmentComesBack:
			comingBack++
		case shipment.Status == ShipmentIsBack:
			back++
		case shipment.Status == ShipmentIsDelivered:
			delivered++
		case shipment.Goods.None:
			without++
		}
		if shipment.gone() {
			continue
		}
		open++
		if shipment.onItsWay() {
			left++
		}
	}
	switch {
	case comingBack > 0 || s.returnIn(ReturnIsApproved):
		return "returning"
	case back > 0 && delivered == 0 && open == left, delivered > 0 && delivered == open && s.allCameBack():
		return "returned"
	case open > 0 && delivered == open:
		return "delivered"
	case delivered > 0:
		return "partially_delivered"
	case open > 0 && left == open:
		return "shipped"
	case left > 0:
		return "partially_shipped"
	case without > 0:
		return "partially_reserved"
	case s.Stock.State == StockIsReserved:
		return "reserved"
	default:
		return "unallocated"
	}
}
