package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"orderly/journal"
)

// Event is an event of an order.
type Event struct {
	Position      string          `json:"position" doc:"Its place in the feed of all orders' events."`
	ID            string          `json:"id"`
	Version       int             `json:"version" doc:"Its place among the order's events, from 1."`
	EventType     string          `json:"event_type" example:"OrderCreated"`
	SchemaVersion int             `json:"schema_version" doc:"The shape of data."`
	Data          json.RawMessage `json:"data"`
	Metadata      json.RawMessage `json:"metadata" doc:"Who, why, from where."`
	CreatedAt     time.Time       `json:"created_at"`
	Hash          string          `json:"hash" doc:"Chains the event to the one before."`
}

// Events are all events of an order, the first one first.
type Events struct {
	Events []Event `json:"events"`
}

type getEventsInput struct {
	OrderID     string `path:"order_id" doc:"The order."`
	Raw         bool   `query:"raw" doc:"The events as they were stored, for audits. Without it their data is in today's shape, and means of payment are left out."`
	IfNoneMatch string `header:"If-None-Match" doc:"Answers 304 when nothing has happened since this ETag."`
}

type eventsOutput struct {
	OrderVersion

	Status int
	Body   *Events
}

func (a *API) getEvents(ctx context.Context, in *getEventsInput) (*eventsOutput, error) {
	shape := journal.Upcast
	if in.Raw {
		if problem := require(ctx, mayAudit); problem != nil {
			return nil, problem
		}
		shape = journal.AsStored
	}
	state, err := a.ownOrder(ctx, in.OrderID)
	if err != nil {
		return nil, err
	}
	if matchesETag(in.IfNoneMatch, etag(state.Version)) {
		return &eventsOutput{OrderVersion: orderVersion(state.Version), Status: http.StatusNotModified}, nil
	}
	entries, err := a.journal.Events(ctx, in.OrderID, shape)
	if err != nil {
		return nil, err
	}
	output := &eventsOutput{Status: http.StatusOK, Body: &Events{Events: make([]Event, len(entries))}}
	for i, entry := range entries {
		output.Body.Events[i] = Event(entry)
	}
	output.OrderVersion = orderVersion(entries[len(entries)-1].Version)
	return output, nil
}
