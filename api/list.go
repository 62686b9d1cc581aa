package api

import (
	"context"
	"errors"
	"time"

	"orderly/order"
	"orderly/readmodel"
)

// OrderSummary is an order in a list.
type OrderSummary struct {
	OrderID        string       `json:"order_id"`
	Status         order.Status `json:"status"`
	Version        int          `json:"version"`
	CustomerID     string       `json:"customer_id"`
	ExternalRef    string       `json:"external_ref,omitempty"`
	Currency       string       `json:"currency"`
	Total          int64        `json:"total"`
	PlacedAt       time.Time    `json:"placed_at"`
	UpdatedAt      time.Time    `json:"updated_at"`
	NeedsAttention bool         `json:"needs_attention"`
}

// OrderList is a page of orders, the orders placed last first.
type OrderList struct {
	Orders     []OrderSummary `json:"orders"`
	NextCursor string         `json:"next_cursor" doc:"Leads to the next page; empty on the last one."`
}

// Paging asks for a page of a list.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
	Cursor string `query:"cursor" maxLength:"500" doc:"The next_cursor of the page before."`
}

type listOrdersInput struct {
	Status         string         `query:"status" enum:"created,paid,partially_shipped,shipped,delivered,closed,cancelling,cancelled"`
	CustomerID     string         `query:"customer_id" maxLength:"100"`
	NeedsAttention optional[bool] `query:"needs_attention" doc:"Only orders with, or without, a step that waits for an operator."`
	Query          string         `query:"q" maxLength:"100" doc:"Exactly an order id, customer id, external reference, tracking number or sku."`
	SKU            string         `query:"sku" maxLength:"100" doc:"Only orders that have this article."`
	PlacedAfter    instant        `query:"placed_after" doc:"RFC 3339."`
	PlacedBefore   instant        `query:"placed_before" doc:"RFC 3339."`
	Paging
}

type ordersOutput struct{ Body OrderList }

func (a *API) listOrders(ctx context.Context, in *listOrdersInput) (*ordersOutput, error) {
	filter := readmodel.Filter{
		Tenant: tenantOf(ctx), Status: order.Status(in.Status), CustomerID: in.CustomerID, SKU: in.SKU, Query: in.Query, Limit: in.Limit, Cursor: in.Cursor,
	}
	if in.NeedsAttention.Given {
		filter.NeedsAttention = &in.NeedsAttention.Value
	}
	var err error
	if filter.PlacedAfter, err = in.PlacedAfter.orZero("placed_after"); err != nil {
		return nil, err
	}
	if filter.PlacedBefore, err = in.PlacedBefore.orZero("placed_before"); err != nil {
		return nil, err
	}
	page, err := a.readModel.Orders(ctx, filter)
	if err != nil {
		return nil, badCursor(err)
	}
	list := OrderList{Orders: make([]OrderSummary, len(page.Orders)), NextCursor: page.NextCursor}
	for i, s := range page.Orders {
		list.Orders[i] = OrderSummary{
			OrderID: s.OrderID, Status: s.Status, Version: s.Version, CustomerID: s.CustomerID, ExternalRef: s.ExternalRef,
			Currency: s.Currency, Total: s.Total, PlacedAt: s.PlacedAt, UpdatedAt: s.UpdatedAt, NeedsAttention: s.NeedsAttention,
		}
	}
	return &ordersOutput{list}, nil
}

// AttentionEntry is a parked step in the work queue.
type AttentionEntry struct {
	OrderID string `json:"order_id"`
	Attention
	Carrier string `json:"carrier,omitempty"`
}

// AttentionList is a page of the work queue, the oldest first.
type AttentionList struct {
	Attention  []AttentionEntry `json:"attention"`
	NextCursor string           `json:"next_cursor" doc:"Leads to the next page; empty on the last one."`
}

type listAttentionInput struct {
	Step    string `query:"step" maxLength:"100"`
	Code    string `query:"code" maxLength:"100"`
	Carrier string `query:"carrier" maxLength:"100"`
	Paging
}

type attentionOutput struct{ Body AttentionList }

func (a *API) listAttention(ctx context.Context, in *listAttentionInput) (*attentionOutput, error) {
	page, err := a.readModel.Attention(ctx, readmodel.AttentionFilter{
		Tenant: tenantOf(ctx), Step: order.StepName(in.Step), Code: in.Code, Carrier: in.Carrier, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, badCursor(err)
	}
	list := AttentionList{Attention: make([]AttentionEntry, len(page.Attention)), NextCursor: page.NextCursor}
	for i, item := range page.Attention {
		list.Attention[i] = AttentionEntry{OrderID: item.OrderID, Carrier: item.Carrier, Attention: viewAttention(order.Attention{
			AttentionID: item.AttentionID, Step: item.Step, ShipmentID: item.ShipmentID, Code: item.Code, Message: item.Message,
			Since: item.Since, Attempts: item.Attempts, NextRetryAt: item.NextRetryAt, Allowed: item.Allowed,
		})}
	}
	return &attentionOutput{list}, nil
}

// badCursor names the parameter that a cursor came in.
func badCursor(err error) error {
	if errors.Is(err, readmodel.ErrBadCursor) {
		return invalid(Fault{"/cursor", "is not a next_cursor of this list"})
	}
	return err
}
