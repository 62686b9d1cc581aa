package activities

import (
	"context"
	"errors"

	"orderly/gateway"
	"orderly/order"
	"orderly/vault"
	"orderly/workflows"
)

// BookShipment orders the pick-up of a parcel.
func (o *Orders) BookShipment(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		shipment, _ := s.Shipment(step.ShipmentID)
		shipTo, err := o.addressOf(ctx, s)
		if err != nil {
			return nil, err
		}
		booking, err := look(ctx, step,
			func() (gateway.Booking, error) {
				return o.Carrier.Book(ctx, gateway.BookRequest{
					Key: step.Key, OrderID: s.OrderID, ShipmentID: shipment.ShipmentID, Carrier: shipment.Carrier, Service: s.Shipping.Service,
					Warehouse: shipment.Warehouse, Lines: linesOf(shipment, shipment.Warehouse), ShipTo: gateway.Address(shipTo),
				})
			},
			func() (gateway.Booking, bool, error) { return o.Carrier.LookupBooking(ctx, shipment.Carrier, step.Key) })
		body := order.RecordBooking{
			ShipmentID: step.ShipmentID, Key: step.Key, Carrier: shipment.Carrier, TrackingNumber: booking.TrackingNumber,
			BookingRef: booking.BookingRef, LabelURL: booking.LabelURL,
		}
		if !booking.ETA.IsZero() {
			body.ETA = &booking.ETA
		}
		return body, err
	})
}

// addressOf opens the address. One that was erased is refused like one to which nobody delivers: the customer is asked.
func (o *Orders) addressOf(ctx context.Context, s order.State) (order.Address, error) {
	address, err := o.Journal.Address(ctx, s)
	if errors.Is(err, vault.ErrErased) {
		return address, &gateway.Refusal{Class: gateway.RefusedAddress, Code: "address_erased", Message: "the address was erased"}
	}
	return address, err
}

// CancelShipment takes a parcel's booking back, or makes sure that it cannot happen any more.
func (o *Orders) CancelShipment(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		shipment, _ := s.Shipment(step.ShipmentID)
		err := o.Carrier.CancelBooking(ctx, gateway.CancelBookingRequest{
			Key: step.Key, OrderID: s.OrderID, ShipmentID: step.ShipmentID, Carrier: shipment.Carrier, BookKey: shipment.LastBookKey(),
		})
		return order.RecordBookingCancelled{ShipmentID: step.ShipmentID}, err
	})
}

// DiscardBooking takes back a booking that may have happened though the parcel went to another carrier.
func (o *Orders) DiscardBooking(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		shipment, _ := s.Shipment(step.ShipmentID)
		loose := shipment.LooseBooking(step.Key)
		err := o.Carrier.CancelBooking(ctx, gateway.CancelBookingRequest{
			Key: step.Key, OrderID: s.OrderID, ShipmentID: step.ShipmentID, Carrier: loose.Carrier, BookKey: loose.Key,
		})
		return order.RecordBookingDiscarded{ShipmentID: step.ShipmentID, Key: loose.Key}, err
	})
}
