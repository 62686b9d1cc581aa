package api

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"orderly/internal/fielddiff"
	"orderly/journal"
	"orderly/order"
)

// OrderDiff says what became different in an order.
type OrderDiff struct {
	OrderID string             `json:"order_id"`
	From    int                `json:"from" doc:"The version that is compared; 0 when the order was not placed yet."`
	To      int                `json:"to" doc:"The version that it is compared with."`
	Changes []fielddiff.Change `json:"changes" doc:"The fields of the order, as /v1/orders/{order_id} shows it, that differ."`
}

type diffInput struct {
	OrderID string `path:"order_id" doc:"The order."`
	From    point  `query:"from" default:"1" doc:"A version, or a moment as in RFC 3339." example:"4"`
	To      point  `query:"to" doc:"A version, or a moment as in RFC 3339; without it, the order as it is now." example:"9"`
}

type diffOutput struct {
	OrderVersion

	Body OrderDiff
}

// diffOrder compares an order as it was at one time with what it was at another.
func (a *API) diffOrder(ctx context.Context, in *diffInput) (*diffOutput, error) {
	now, err := a.ownOrder(ctx, in.OrderID)
	if err != nil {
		return nil, err
	}
	before, err := a.orderAtPoint(ctx, now, "from", in.From)
	if err != nil {
		return nil, err
	}
	after := now
	if in.To != "" {
		if after, err = a.orderAtPoint(ctx, now, "to", in.To); err != nil {
			return nil, err
		}
	}
	changes, err := a.compare(ctx, before, after)
	if err != nil {
		return nil, err
	}
	return &diffOutput{
		orderVersion(after.Version), OrderDiff{OrderID: in.OrderID, From: before.Version, To: after.Version, Changes: changes},
	}, nil
}

// compare tells the difference between two states of an order. Everything differs from an order that does not exist yet.
func (a *API) compare(ctx context.Context, before, after order.State) ([]fielddiff.Change, error) {
	var shown [2]any
	for i, state := range []order.State{before, after} {
		if !state.Exists() {
			continue
		}
		view, err := a.show(ctx, state)
		if err != nil {
			return nil, err
		}
		shown[i] = view
	}
	return fielddiff.Compare(shown[0], shown[1])
}

// point is a place in an order's history in a query parameter: a version, or a moment.
type point string

// orderAtPoint is an order, known as it is now, as it was at a point; the zero State before it was placed.
func (a *API) orderAtPoint(ctx context.Context, now order.State, name string, p point) (order.State, error) {
	if version, err := strconv.Atoi(string(p)); err == nil {
		switch {
		case version < 0 || version > now.Version:
			return order.State{}, invalid(Fault{"/" + name, fmt.Sprintf("the order has the versions 1 to %d", now.Version)})
		case version == 0:
			return order.State{}, nil
		}
		return a.journal.LoadVersion(ctx, now.OrderID, version)
	}
	at, err := instant(p).read(name)
	if err != nil {
		return order.State{}, invalid(Fault{"/" + name, "must be a version, or a time as in RFC 3339 with its zone: 2026-01-31T12:00:00Z"})
	}
	if at.After(time.Now().Add(clockSlack)) {
		return order.State{}, invalid(Fault{"/" + name, "is in the future"})
	}
	state, err := a.journal.LoadAt(ctx, now.OrderID, at)
	if errors.Is(err, journal.ErrNotYetCreated) {
		return order.State{}, nil
	}
	return state, err
}
