package api

import (
	"context"
	"strconv"
	"time"

	"orderly/webhooks"
)

// WebhookDelivery is an event on its way to an endpoint.
type WebhookDelivery struct {
	DeliveryID string     `json:"delivery_id" doc:"The header webhook-id, the same for every attempt."`
	OrderID    string     `json:"order_id"`
	Version    int        `json:"version" doc:"The event's place among the order's events."`
	EventType  string     `json:"event_type"`
	Status     string     `json:"status" enum:"pending,delivered,dead" doc:"dead: given up after three days; replay it."`
	Attempts   int        `json:"attempts"`
	NextTryAt  *time.Time `json:"next_try_at,omitempty"`
	QueuedAt   time.Time  `json:"queued_at"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	HTTPStatus int        `json:"http_status,omitempty" doc:"Of the last answer."`
	Detail     string     `json:"detail,omitempty" doc:"What was wrong with the last attempt."`
}

// WebhookDeliveryList is a page of deliveries, the latest first.
type WebhookDeliveryList struct {
	Deliveries []WebhookDelivery `json:"deliveries"`
	NextCursor string            `json:"next_cursor" doc:"Leads to the next page; empty on the last one."`
}

type listDeliveriesInput struct {
	EndpointPath
	Status string `query:"status" enum:"pending,delivered,dead" doc:"Only these."`
	Paging
}

type deliveryListOutput struct{ Body WebhookDeliveryList }

func (a *API) listDeliveries(ctx context.Context, in *listDeliveriesInput) (*deliveryListOutput, error) {
	if _, err := a.ownEndpoint(ctx, in.EndpointID); err != nil {
		return nil, err
	}
	var before int64
	if in.Cursor != "" {
		var err error
		if before, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil || before <= 0 {
			return nil, invalid(Fault{"/cursor", "is none that this list has given"})
		}
	}
	deliveries, err := a.options.Webhooks.Deliveries(ctx, in.EndpointID, in.Status, before, in.Limit+1)
	if err != nil {
		return nil, endpointProblem("list deliveries", err)
	}
	output := &deliveryListOutput{}
	if len(deliveries) > in.Limit {
		deliveries = deliveries[:in.Limit]
		output.Body.NextCursor = strconv.FormatInt(deliveries[in.Limit-1].Number, 10)
	}
	output.Body.Deliveries = viewAll(deliveries, viewDelivery)
	return output, nil
}

type replayInput struct {
	EndpointPath
	DeliveryID string `path:"delivery_id" doc:"The delivery."`
	CommandHeaders
}

type deliveryOutput struct{ Body WebhookDelivery }

// replayDelivery makes a delivery due. Sent again it makes it due again: more than at least once does no harm.
func (a *API) replayDelivery(ctx context.Context, in *replayInput) (*deliveryOutput, error) {
	endpoint, err := a.ownEndpoint(ctx, in.EndpointID)
	if err != nil {
		return nil, err
	}
	if !partIDPattern.MatchString(in.DeliveryID) {
		return nil, endpointProblem("", webhooks.ErrNotFound)
	}
	delivery, err := a.options.Webhooks.Replay(ctx, endpoint.ID, in.DeliveryID)
	if err != nil {
		return nil, endpointProblem("replay a delivery", err)
	}
	return &deliveryOutput{viewDelivery(delivery)}, nil
}

func viewDelivery(d webhooks.Delivery) WebhookDelivery {
	view := WebhookDelivery{
		DeliveryID: d.ID, OrderID: d.OrderID, Version: d.Version, EventType: d.EventType, Status: d.Status, Attempts: d.Attempts,
		QueuedAt: d.QueuedAt.UTC(), EndedAt: d.EndedAt, HTTPStatus: d.HTTPStatus, Detail: d.Detail,
	}
	if d.Status == "pending" {
		view.NextTryAt = &d.NextTryAt
	}
	return view
}
