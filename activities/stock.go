package activities

import (
	"context"

	"orderly/gateway"
	"orderly/order"
	"orderly/workflows"
)

// ReserveStock sets the goods of all lines aside, or learns what is missing.
func (o *Orders) ReserveStock(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		request := gateway.ReserveRequest{Key: step.Key, OrderID: s.OrderID}
		for _, line := range s.Lines {
			request.Lines = append(request.Lines, gateway.StockLine{LineID: line.LineID, SKU: line.SKU, Quantity: line.Quantity})
		}
		reservation, err := look(ctx, step,
			func() (gateway.Reservation, error) { return o.Stock.Reserve(ctx, request) },
			func() (gateway.Reservation, bool, error) { return o.Stock.LookupReservation(ctx, step.Key) })
		return order.RecordReservation{
			Key: step.Key, ReservationID: reservation.ID,
			Allocations: allocations(reservation.Allocations), Missing: allocations(reservation.Missing),
		}, err
	})
}

// ReleaseStock gives the reservation up, or the part of one parcel, or makes sure that it cannot happen any more.
func (o *Orders) ReleaseStock(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		err := o.Stock.Release(ctx, gateway.ReleaseRequest{
			Key: step.Key, OrderID: s.OrderID, ReserveKey: s.ReservationOf(step.Key), Lines: parcel(s, step.ShipmentID),
		})
		return order.RecordRelease{Key: step.Key, ShipmentID: step.ShipmentID}, err
	})
}

// CommitStock takes the goods of a parcel that has left out of the stock.
func (o *Orders) CommitStock(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		err := o.Stock.Commit(ctx, gateway.CommitRequest{
			Key: step.Key, OrderID: s.OrderID, ReserveKey: s.ReserveKey(), Lines: parcel(s, step.ShipmentID),
		})
		return order.RecordCommit{Key: step.Key, ShipmentID: step.ShipmentID}, err
	})
}

// parcel is what is in a shipment, and where; nothing when there is no such shipment.
func parcel(s order.State, shipmentID string) []gateway.StockLine {
	shipment, _ := s.Shipment(shipmentID)
	var lines []gateway.StockLine
	for _, line := range shipment.Lines {
		lines = append(lines, gateway.StockLine{LineID: line.LineID, SKU: line.SKU, Quantity: line.Quantity, Warehouse: shipment.Warehouse})
	}
	return lines
}

func allocations(lines []gateway.StockLine) []order.Allocation {
	var all []order.Allocation
	for _, line := range lines {
		all = append(all, order.Allocation(line))
	}
	return all
}
