package readmodel

import (
	"orderly/order"
)

// shipmentRow is a row of shipment_index.
type shipmentRow struct {
	ShipmentID, OrderID, Tenant, TrackingNumber string
}

// summaryOf is the order's row of order_views, less its state.
func summaryOf(s order.State) Summary {
	return Summary{
		OrderID: s.OrderID, Tenant: s.Tenant, Version: s.Version, Status: s.Status, CustomerID: s.CustomerID,
		ExternalRef: s.ExternalRef, Currency: s.Currency, Total: s.Total, PlacedAt: s.PlacedAt, UpdatedAt: s.UpdatedAt,
		NeedsAttention: len(s.Attention) > 0, Open: s.Open(),
	}
}

// attentionOf are the order's rows of attention_queue.
func attentionOf(s order.State) []AttentionItem {
	var items []AttentionItem
	for _, a := range s.Attention {
		shipment, _ := s.Shipment(a.ShipmentID)
		allowed := a.Allowed
		if allowed == nil {
			allowed = []string{}
		}
		items = append(items, AttentionItem{
			OrderID: s.OrderID, AttentionID: a.AttentionID, Tenant: s.Tenant, Step: a.Step, ShipmentID: a.ShipmentID,
			Code: a.Code, Carrier: shipment.Carrier, Message: a.Message, Since: a.Since, Attempts: a.Attempts,
			NextRetryAt: a.NextRetryAt, Allowed: allowed,
		})
	}
	return items
}

// shipmentsOf are the order's rows of shipment_index.
func shipmentsOf(s order.State) []shipmentRow {
	var rows []shipmentRow
	for _, shipment := range s.Shipments {
		rows = append(rows, shipmentRow{shipment.ShipmentID, s.OrderID, s.Tenant, shipment.TrackingNumber})
	}
	return rows
}
