package order

import "fmt"

// progress ranks the statuses that a parcel passes through, so that late and repeated news are told from new ones.
var progress = map[ShipmentStatus]int{
	ShipmentIsBooked: 1, ShipmentIsDispatched: 2, ShipmentIsOutForDelivery: 3, ShipmentIsDelivered: 4,
}

// carrierUpdate takes a carrier's news. A later scan implies the earlier ones; news that came late or twice change
// nothing; news of a cancelled parcel are noted for whoever reads the stream.
func (d *decision) carrierUpdate(news RecordCarrierUpdate) error {
	shipment, ok := d.state.Shipment(news.ShipmentID)
	if !ok {
		return &InvalidError{Pointer: "/shipment_id", Detail: "the order has no such shipment"}
	}
	if d.state.Status == Cancelling || d.state.Ended() || !shipment.open() {
		d.emit(&OrderNoteAdded{Text: fmt.Sprintf("%s says of %s: %s", shipment.Carrier, news.ShipmentID, news.Status)})
		return nil
	}
	if _, booked := progress[shipment.Status]; !booked {
		return d.notAllowed("%s is not booked yet", news.ShipmentID)
	}
	switch ShipmentStatus(news.Status) {
	case ShipmentIsDispatched, ShipmentIsOutForDelivery, ShipmentIsDelivered:
		d.scan(shipment, news)
		return nil
	}
	switch news.Status {
	case "attempt_failed":
		d.emit(&OrderNoteAdded{Text: fmt.Sprintf("%s could not deliver %s", shipment.Carrier, news.ShipmentID)})
	case "lost", "damaged", "return_to_sender", "returned":
		if !d.state.waitParked(AwaitDelivery, news.ShipmentID) {
			d.park(parking{
				step: AwaitDelivery, shipmentID: news.ShipmentID, key: shipment.BookKey, code: news.Status,
				message: fmt.Sprintf("%s says of %s: %s", shipment.Carrier, news.ShipmentID, news.Status),
			})
		}
	default:
		return &InvalidError{Pointer: "/status", Detail: "not a status of a parcel"}
	}
	return nil
}

func (d *decision) scan(shipment Shipment, news RecordCarrierUpdate) {
	status := ShipmentStatus(news.Status)
	if progress[shipment.Status] >= progress[status] {
		return
	}
	scan := CarrierScan{EventID: news.EventID, At: news.At, Location: news.Location, Proof: news.Proof}
	if shipment.Status == ShipmentIsBooked && status != ShipmentIsDispatched {
		d.emit(&ShipmentDispatched{ShipmentID: shipment.ShipmentID, CarrierScan: CarrierScan{At: news.At}})
	}
	switch status {
	case ShipmentIsDispatched:
		d.emit(&ShipmentDispatched{ShipmentID: shipment.ShipmentID, CarrierScan: scan})
	case ShipmentIsOutForDelivery:
		d.emit(&ShipmentOutForDelivery{ShipmentID: shipment.ShipmentID, CarrierScan: scan})
	case ShipmentIsDelivered:
		d.emit(&ShipmentDelivered{ShipmentID: shipment.ShipmentID, CarrierScan: scan})
	}
}

// reroute books a parcel with another carrier. A booking that is just being asked for may happen all the same: it is
// discarded by its key.
func (d *decision) reroute(body RerouteShipment) error {
	shipment, ok := d.state.Shipment(body.ShipmentID)
	if !ok {
		return &InvalidError{Pointer: "/shipment_id", Detail: "the order has no such shipment"}
	}
	if !shipment.reroutable() {
		return d.notAllowed("%s is %s", body.ShipmentID, shipment.Status)
	}
	if shipment.Status == ShipmentIsPlanned && d.state.paid() {
		d.emit(&ShipmentBookingFailed{
			ShipmentID: shipment.ShipmentID, Key: shipment.NextBookKey(), Carrier: shipment.Carrier,
			Class: ClassUnknown, Code: "rerouted", Message: "an operator chose another carrier",
		})
	}
	d.emit(&ShipmentRerouted{ShipmentID: body.ShipmentID, Carrier: body.Carrier})
	return nil
}
