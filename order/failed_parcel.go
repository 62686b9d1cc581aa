package order

import (
	"fmt"
	"slices"
)

// A parcel fails on its way when its carrier lost or damaged it, sends it back, or has tried in vain to deliver it. Somebody
// decides then, or the policy does: the goods are sent again in another parcel, or paid back. Until then the order is
// neither delivered nor closed.

// What became of a parcel that has failed on its way.
const (
	SettledByParcel = "reshipped"
	SettledByRefund = "refunded"
)

// What the policy does about a parcel that has failed.
const (
	PolicyAsk    = "ask"
	PolicyReship = "reship"
	PolicyRefund = "refund"
)

// codeMissedDeliveries is the attention's code after the last try to deliver; those of the other failures are the statuses.
const codeMissedDeliveries = "missed_deliveries"

// RestockStock puts the goods of a parcel that came back into the stock again.
const RestockStock StepName = "RestockStock"

type (
	// ShipmentDeliveryAttemptFailed: the carrier was there and could not deliver.
	ShipmentDeliveryAttemptFailed struct {
		ShipmentID string `json:"shipment_id"`
		CarrierScan
	}
	// ShipmentLost: the carrier cannot find it, or has said nothing for too long.
	ShipmentLost struct {
		ShipmentID string `json:"shipment_id"`
		CarrierScan
	}
	// ShipmentDamaged: the carrier has damaged it and does not deliver it.
	ShipmentDamaged struct {
		ShipmentID string `json:"shipment_id"`
		CarrierScan
	}
	// ShipmentReturnToSender: it is on its way back.
	ShipmentReturnToSender struct {
		ShipmentID string `json:"shipment_id"`
		CarrierScan
	}
	// ShipmentReturned: it is back.
	ShipmentReturned struct {
		ShipmentID string `json:"shipment_id"`
		CarrierScan
	}
	// StockRestocked: the goods of a parcel that came back, or of a return, are in the stock again.
	StockRestocked struct {
		Key        string `json:"key"`
		ShipmentID string `json:"shipment_id,omitempty"`
		RMAID      string `json:"rma_id,omitempty"`
	}
)

// RecordRestock says that a parcel's goods are in the stock again.
type RecordRestock struct{ Key, ShipmentID string }

// CommandName is the name of the command.
func (RecordRestock) CommandName() string { return "RecordRestock" }

// failedOnItsWay says whether the parcel will not be delivered, as far as anybody knows.
func (s Shipment) failedOnItsWay() bool {
	switch s.Status {
	case ShipmentIsLost, ShipmentIsDamaged, ShipmentComesBack, ShipmentIsBack:
		return true
	default:
		return false
	}
}

// unsettled says whether the parcel has failed and nobody has decided what follows.
func (s Shipment) unsettled(of State) bool {
	if s.Settled != "" {
		return false
	}
	return s.failedOnItsWay() || slices.ContainsFunc(of.Attention, func(a Attention) bool {
		return a.ShipmentID == s.ShipmentID && a.Code == codeMissedDeliveries
	})
}

// gone says whether the parcel does not count any more: it was cancelled, or another one or a refund stands in for it.
func (s Shipment) gone() bool { return s.Status == ShipmentIsCancelled || s.Settled != "" }

// parcelFailed has somebody decide about a parcel, or lets the policy do so.
func (d *decision) parcelFailed(shipmentID, code string) {
	shipment, _ := d.state.Shipment(shipmentID)
	switch d.policy.FailedParcel {
	case PolicyReship:
		d.reship(shipment, "", "")
	case PolicyRefund:
		d.refundParcel(shipment, fmt.Sprintf("%s: %s", shipmentID, code))
	default:
		d.park(parking{
			step: AwaitDelivery, shipmentID: shipmentID, key: shipment.BookKey, code: code,
			message: fmt.Sprintf("%s says of %s: %s", shipment.Carrier, shipmentID, code),
		})
	}
}

// failedParcelChoices are what may be done about a parcel that has failed: send the goods again (retry), with another
// carrier or from another warehouse (reroute), say that it has arrived all the same (resolve), or pay it back (cancel).
var failedParcelChoices = []string{"retry", "reroute", "resolve", "cancel"}

// reship sends the goods of a parcel again, in another one.
func (d *decision) reship(failed Shipment, carrier, warehouse string) {
	if carriers := d.policy.carriersFor(d.state.Shipping.Carrier, nil); carrier == "" && len(carriers) > 0 {
		carrier = carriers[0]
	}
	d.emit(&ShipmentPlanned{
		ShipmentID: ShipmentID(d.state.OrderID, len(d.state.Shipments)+1), Warehouse: warehouse, Carrier: carrier, Lines: failed.Lines,
		Reserve: true, Replaces: failed.ShipmentID,
	})
}

// refundParcel pays a parcel back that has failed.
func (d *decision) refundParcel(failed Shipment, reason string) {
	value := d.state.shipmentValue(failed.ShipmentID)
	d.emit(&CancellationRequested{Reason: reason, ShipmentIDs: []string{failed.ShipmentID}})
	d.requestRefund(value, reason, failed.ShipmentID)
}

// restockSteps put the goods of parcels that came back into the stock again, once it is decided what follows.
func (s State) restockSteps(p Policy) []Step {
	var steps []Step
	for _, shipment := range s.Shipments {
		if shipment.Status == ShipmentIsBack && shipment.Settled != "" && !shipment.Restocked {
			step := s.step(p, RestockStock, numbered(shipment.ShipmentID, "restock", 1), "shipment/"+shipment.ShipmentID, 0)
			step.ShipmentID = shipment.ShipmentID
			steps = append(steps, step)
		}
	}
	return steps
}

func (d *decision) restocked(body RecordRestock) {
	if of, ok := d.state.ReturnToRestock(body.Key); ok && !of.Restocked {
		d.emit(&StockRestocked{Key: body.Key, RMAID: of.RMAID})
	}
	if shipment, ok := d.state.Shipment(body.ShipmentID); ok && !shipment.Restocked {
		d.emit(&StockRestocked{Key: body.Key, ShipmentID: body.ShipmentID})
	}
}

// settleParcel notes that something stands in for a parcel.
func (s *State) settleParcel(id, by string) {
	s.changeShipment(id, func(shipment *Shipment) { shipment.Settled = by })
	s.settleShipment(AwaitDelivery, id)
}
