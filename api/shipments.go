package api

import (
	"context"
	"time"

	"orderly/order"
	"orderly/readmodel"
)

// ShipmentSummary is a parcel in a list.
type ShipmentSummary struct {
	ShipmentID     string               `json:"shipment_id"`
	OrderID        string               `json:"order_id"`
	Status         order.ShipmentStatus `json:"status"`
	Carrier        string               `json:"carrier"`
	Warehouse      string               `json:"warehouse"`
	TrackingNumber string               `json:"tracking_number,omitempty"`
	ETA            *time.Time           `json:"eta,omitempty"`
	PlacedAt       time.Time            `json:"placed_at" doc:"When its order was placed."`
}

// ShipmentList is a page of parcels, those of the orders placed last first.
type ShipmentList struct {
	Shipments  []ShipmentSummary `json:"shipments"`
	NextCursor string            `json:"next_cursor" doc:"Leads to the next page; empty on the last one."`
}

type listShipmentsInput struct {
	Status  string `query:"status" enum:"planned,booking,booking_failed,booked,dispatched,out_for_delivery,delivery_attempt_failed,delivered,lost,damaged,return_to_sender,returned,cancelled"`
	Carrier string `query:"carrier" maxLength:"100"`
	Paging
}

type shipmentsOutput struct{ Body ShipmentList }

func (a *API) listShipments(ctx context.Context, in *listShipmentsInput) (*shipmentsOutput, error) {
	page, err := a.readModel.Shipments(ctx, readmodel.ShipmentFilter{
		Tenant: tenantOf(ctx), Status: order.ShipmentStatus(in.Status), Carrier: in.Carrier, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, badCursor(err)
	}
	list := ShipmentList{Shipments: make([]ShipmentSummary, len(page.Shipments)), NextCursor: page.NextCursor}
	for i, s := range page.Shipments {
		list.Shipments[i] = ShipmentSummary{
			ShipmentID: s.ShipmentID, OrderID: s.OrderID, Status: s.Status, Carrier: s.Carrier, Warehouse: s.Warehouse,
			TrackingNumber: s.TrackingNumber, ETA: s.ETA, PlacedAt: s.PlacedAt,
		}
	}
	return &shipmentsOutput{list}, nil
}
