package activities

import (
	"context"

	"orderly/gateway"
	"orderly/order"
	"orderly/workflows"
)

// ReserveStock sets the goods of all lines aside, or those of one parcel in one warehouse, or learns what is missing.
func (o *Orders) ReserveStock(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		request := gateway.ReserveRequest{Key: step.Key, OrderID: s.OrderID}
		if step.ShipmentID != "" {
			request = parcelWish(request, s, step.ShipmentID)
		} else {
			for _, line := range s.Lines {
				request.Lines = append(request.Lines, gateway.StockLine{LineID: line.LineID, SKU: line.SKU, Quantity: line.Quantity})
			}
		}
		reservation, err := look(ctx, step,
			func() (gateway.Reservation, error) { return o.Stock.Reserve(ctx, request) },
			func() (gateway.Reservation, bool, error) { return o.Stock.LookupReservation(ctx, step.Key) })
		return order.RecordReservation{
			Key: step.Key, ShipmentID: step.ShipmentID, ReservationID: reservation.ID,
			Allocations: allocations(reservation.Allocations), Missing: allocations(reservation.Missing),
		}, err
	})
}

// ReleaseStock gives the reservation up, or the part of one parcel, or makes sure that it cannot happen any more.
func (o *Orders) ReleaseStock(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		request := gateway.ReleaseRequest{Key: step.Key, OrderID: s.OrderID, ReserveKey: s.ReservationOf(step.Key)}
		if shipment, ok := s.Shipment(step.ShipmentID); ok {
			var warehouse string
			if request.ReserveKey, warehouse = s.ReservationToRelease(shipment, step.Key); warehouse != "" {
				request.Lines = linesOf(shipment, warehouse)
			}
		}
		err := o.Stock.Release(ctx, request)
		return order.RecordRelease{Key: step.Key, ShipmentID: step.ShipmentID}, err
	})
}

// CommitStock takes the goods of a parcel that has left out of the stock.
func (o *Orders) CommitStock(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		shipment, _ := s.Shipment(step.ShipmentID)
		err := o.Stock.Commit(ctx, gateway.CommitRequest{
			Key: step.Key, OrderID: s.OrderID, ReserveKey: s.ReservationOfGoods(shipment), Lines: linesOf(shipment, shipment.Warehouse),
		})
		return order.RecordCommit{Key: step.Key, ShipmentID: step.ShipmentID}, err
	})
}

// RestockStock puts the goods of a parcel that came back, or of a return, into the stock again.
func (o *Orders) RestockStock(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		request := gateway.RestockRequest{Key: step.Key, OrderID: s.OrderID}
		if of, ok := s.ReturnToRestock(step.Key); ok {
			request.Lines = returned(s, of)
		} else if shipment, ok := s.Shipment(step.ShipmentID); ok {
			request.Lines = linesOf(shipment, shipment.Warehouse)
		}
		err := o.Stock.Restock(ctx, request)
		return order.RecordRestock{Key: step.Key, ShipmentID: step.ShipmentID}, err
	})
}

// returned is what can be sold again of a return, and where it goes.
func returned(s order.State, of order.Return) []gateway.StockLine {
	var lines []gateway.StockLine
	for _, line := range of.Sellable() {
		lines = append(lines, gateway.StockLine{
			LineID: line.LineID, SKU: s.SKU(line.LineID), Quantity: line.Quantity, Warehouse: s.WarehouseOf(line.LineID),
		})
	}
	return lines
}

// parcelWish asks for a parcel's goods, all from one warehouse.
func parcelWish(request gateway.ReserveRequest, s order.State, shipmentID string) gateway.ReserveRequest {
	shipment, _ := s.Shipment(shipmentID)
	request.Lines, request.OneWarehouse = linesOf(shipment, ""), true
	if wish := shipment.Goods.Wish; wish != nil {
		request.Warehouse, request.Exclude = wish.Warehouse, wish.Exclude
	}
	return request
}

// linesOf is what is in a parcel, and where.
func linesOf(shipment order.Shipment, warehouse string) []gateway.StockLine {
	var lines []gateway.StockLine
	for _, line := range shipment.Lines {
		lines = append(lines, gateway.StockLine{LineID: line.LineID, SKU: line.SKU, Quantity: line.Quantity, Warehouse: warehouse})
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
