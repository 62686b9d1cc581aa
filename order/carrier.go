package order

import "fmt"

// A carrier's news come late, twice and in any order. Each status of a parcel that has left has a rank, and only news of a
// higher rank change it: so the same news lead to the same end in whatever order they come.
//
//	booked < dispatched < out_for_delivery < delivery_attempt_failed < lost < damaged < return_to_sender < returned < delivered
//
// What implies that the parcel was found outranks its loss, and what was delivered stays delivered.
var progress = map[ShipmentStatus]int{
	ShipmentIsBooked: 1, ShipmentIsDispatched: 2, ShipmentIsOutForDelivery: 3, ShipmentWasMissed: 4, ShipmentIsLost: 5,
	ShipmentIsDamaged: 6, ShipmentComesBack: 7, ShipmentIsBack: 8, ShipmentIsDelivered: 9,
}

// statusOfNews is the status that a carrier's word stands for; false when it is none.
func statusOfNews(word string) (ShipmentStatus, bool) {
	if word == "attempt_failed" {
		return ShipmentWasMissed, true
	}
	status := ShipmentStatus(word)
	return status, status != ShipmentWasMissed && progress[status] >= progress[ShipmentIsDispatched]
}

// carrierUpdate takes a carrier's news. A later scan implies the earlier ones; news that came late or twice change
// nothing; news of a parcel that does not count any more are noted for whoever reads the stream, but for its return.
func (d *decision) carrierUpdate(news RecordCarrierUpdate) error {
	shipment, ok := d.state.Shipment(news.ShipmentID)
	if !ok {
		return &InvalidError{Pointer: "/shipment_id", Detail: "the order has no such shipment"}
	}
	status, ok := statusOfNews(news.Status)
	if !ok {
		return &InvalidError{Pointer: "/status", Detail: "not a status of a parcel"}
	}
	over := d.state.undoing() || !d.state.Open() || shipment.gone()
	comesBack := status == ShipmentIsBack && shipment.onItsWay() && progress[shipment.Status] < progress[status]
	switch {
	case over && !comesBack:
		d.emit(&OrderNoteAdded{Text: fmt.Sprintf("%s says of %s: %s", shipment.Carrier, news.ShipmentID, news.Status)})
		return nil
	case progress[shipment.Status] == 0:
		return d.notAllowed("%s is not booked yet", news.ShipmentID)
	case progress[shipment.Status] < progress[status] || status == ShipmentWasMissed:
		d.scan(shipment, status, news)
	}
	return nil
}

func (d *decision) scan(shipment Shipment, status ShipmentStatus, news RecordCarrierUpdate) {
	id := shipment.ShipmentID
	scan := CarrierScan{EventID: news.EventID, At: news.At, Location: news.Location, Proof: news.Proof}
	if shipment.Unwanted {
		d.emit(&OrderNoteAdded{Text: fmt.Sprintf("%s was to be cancelled, but %s has it", id, shipment.Carrier)})
	}
	if shipment.Status == ShipmentIsBooked && status != ShipmentIsDispatched {
		d.emit(&ShipmentDispatched{ShipmentID: id, CarrierScan: CarrierScan{At: news.At}})
	}
	d.emit(scanned(id, status, scan))
	now, _ := d.state.Shipment(id)
	switch {
	case d.state.undoing() || !d.state.Open() || now.Settled != "":
	case status == ShipmentWasMissed:
		if now.Status == status && now.Missed >= d.policy.DeliveryAttempts && !d.state.waitParked(AwaitDelivery, id) {
			d.parcelFailed(id, codeMissedDeliveries)
		}
	case now.failedOnItsWay():
		d.parcelFailed(id, news.Status)
	}
}

// scanned is the event of a parcel that has reached a status.
func scanned(id string, status ShipmentStatus, scan CarrierScan) Event {
	switch status {
	case ShipmentIsDispatched:
		return &ShipmentDispatched{id, scan}
	case ShipmentIsOutForDelivery:
		return &ShipmentOutForDelivery{id, scan}
	case ShipmentWasMissed:
		return &ShipmentDeliveryAttemptFailed{id, scan}
	case ShipmentIsLost:
		return &ShipmentLost{id, scan}
	case ShipmentIsDamaged:
		return &ShipmentDamaged{id, scan}
	case ShipmentComesBack:
		return &ShipmentReturnToSender{id, scan}
	case ShipmentIsBack:
		return &ShipmentReturned{id, scan}
	default:
		return &ShipmentDelivered{id, scan}
	}
}

// reroute books a parcel with another carrier, or from another warehouse; one that has failed on its way is sent again. A
// booking that is just being asked for may happen all the same: it is discarded by its key.
func (d *decision) reroute(body RerouteShipment) error {
	shipment, ok := d.state.Shipment(body.ShipmentID)
	switch {
	case !ok:
		return &InvalidError{Pointer: "/shipment_id", Detail: "the order has no such shipment"}
	case body.Carrier == "" && body.Warehouse == "":
		return &InvalidError{Pointer: "/carrier", Detail: "name a carrier, or a warehouse, or both"}
	case shipment.unsettled(d.state):
		d.reship(shipment, body.Carrier, body.Warehouse)
		return nil
	case !shipment.reroutable():
		return d.notAllowed("%s is %s", body.ShipmentID, shipment.Status)
	case body.Warehouse == shipment.Warehouse && body.Carrier == "":
		return &InvalidError{Pointer: "/warehouse", Detail: "the parcel leaves from there already"}
	}
	if shipment.mayBeBooked(d.state) {
		d.emit(&ShipmentBookingFailed{
			ShipmentID: shipment.ShipmentID, Key: shipment.NextBookKey(), Carrier: shipment.Carrier,
			Class: ClassUnknown, Code: "rerouted", Message: "an operator chose another way",
		})
	}
	rerouted := &ShipmentRerouted{ShipmentID: body.ShipmentID, Carrier: body.Carrier}
	if body.Carrier == "" {
		rerouted.Carrier = shipment.Carrier
	}
	if body.Warehouse != shipment.Warehouse {
		rerouted.Warehouse = body.Warehouse
	}
	d.emit(rerouted)
	return nil
}
