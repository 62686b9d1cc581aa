package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"orderly/journal"
	"orderly/order"
)

const (
	// freshWait is how long a reader waits for the read model to come to a version.
	freshWait = 2 * time.Second
	// projectedWithin is how long the read model of an order that was just placed is waited for.
	projectedWithin = 500 * time.Millisecond
	// clockSlack is how far a client's clock may be ahead of ours when it asks for "now".
	clockSlack = 10 * time.Second
)

type getOrderInput struct {
	OrderID     string        `path:"order_id" doc:"The order."`
	MinVersion  optional[int] `query:"min_version" minimum:"0" maximum:"2147483647" doc:"Waits up to 2 s until the read model has come to this version, and else answers from the stream."`
	Version     optional[int] `query:"version" minimum:"0" maximum:"2147483647" doc:"The order as it was at this version."`
	At          instant       `query:"at" doc:"The order as it was at this moment, RFC 3339." example:"2026-01-31T12:00:00Z"`
	IfNoneMatch string        `header:"If-None-Match" doc:"Answers 304 when the order still has this ETag."`
}

type orderOutput struct {
	OrderVersion

	Status int
	Body   *Order
}

// OrderVersion is the version of the order that an answer is about. All answers about one order have it.
type OrderVersion struct {
	ETag         string `header:"ETag"`
	EventVersion string `header:"X-Event-Version"`
}

func orderVersion(version int) OrderVersion {
	return OrderVersion{ETag: etag(version), EventVersion: strconv.Itoa(version)}
}

// getOrder answers from the read model, or from the stream when the past is asked for.
func (a *API) getOrder(ctx context.Context, in *getOrderInput) (*orderOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	if !isOrderID(in.OrderID) {
		return nil, order.ErrNotFound
	}
	state, err := a.findOrder(ctx, in)
	if err != nil {
		return nil, err
	}
	output := &orderOutput{OrderVersion: orderVersion(state.Version), Status: http.StatusOK}
	if matchesETag(in.IfNoneMatch, output.ETag) {
		output.Status = http.StatusNotModified
		return output, nil
	}
	output.Body, err = a.show(ctx, state)
	return output, err
}

// check refuses questions that contradict each other.
func (in *getOrderInput) check() error {
	asked := 0
	for _, given := range []bool{in.MinVersion.Given, in.Version.Given, in.At != ""} {
		if given {
			asked++
		}
	}
	if asked < 2 {
		return nil
	}
	var faults []Fault
	for _, each := range []struct {
		name  string
		given bool
	}{{"at", in.At != ""}, {"min_version", in.MinVersion.Given}, {"version", in.Version.Given}} {
		if each.given {
			faults = append(faults, Fault{"/" + each.name, "give only one of at, version and min_version"})
		}
	}
	return invalid(faults...)
}

func (a *API) findOrder(ctx context.Context, in *getOrderInput) (order.State, error) {
	switch {
	case in.At != "":
		return a.orderAt(ctx, in.OrderID, in.At)
	case in.Version.Given:
		return a.orderAsOf(ctx, in.OrderID, in.Version.Value)
	case in.MinVersion.Given:
		return a.freshOrder(ctx, in.OrderID, in.MinVersion.Value)
	default:
		return a.currentOrder(ctx, in.OrderID)
	}
}

// currentOrder is the order from the read model. One that was placed a moment ago may not be there yet: the stream knows it. But it
// knows more than the read model will at first, and who asks twice would see the order go back: so that is waited for.
func (a *API) currentOrder(ctx context.Context, orderID string) (order.State, error) {
	state, err := a.readModel.Order(ctx, tenantOf(ctx), orderID)
	if !errors.Is(err, order.ErrNotFound) {
		return state, err
	}
	if state, err = a.ownOrder(ctx, orderID); err != nil {
		return order.State{}, err
	}
	projected, there, err := a.readModel.WaitForVersion(ctx, tenantOf(ctx), orderID, journal.Placed, a.projectedWithin)
	if there || err != nil {
		return projected, err
	}
	return state, nil
}

// freshOrder waits for the read model and else answers from the stream. It waits for no order that does not exist.
func (a *API) freshOrder(ctx context.Context, orderID string, version int) (order.State, error) {
	if state, err := a.currentOrder(ctx, orderID); err != nil || state.Version >= version {
		return state, err
	}
	state, there, err := a.readModel.WaitForVersion(ctx, tenantOf(ctx), orderID, version, freshWait)
	if err != nil || there {
		return state, err
	}
	return a.ownOrder(ctx, orderID)
}

func (a *API) orderAsOf(ctx context.Context, orderID string, version int) (order.State, error) {
	if version == 0 {
		if _, err := a.ownOrder(ctx, orderID); err != nil {
			return order.State{}, err
		}
		return order.State{}, journal.ErrNotYetCreated
	}
	state, err := a.journal.LoadVersion(ctx, orderID, version)
	if err != nil {
		return order.State{}, err
	}
	if state, err = own(ctx, state); err != nil {
		return order.State{}, err
	}
	if state.Version < version {
		return order.State{}, invalid(Fault{"/version", fmt.Sprintf("the order is at version %d", state.Version)})
	}
	return state, nil
}

func (a *API) orderAt(ctx context.Context, orderID string, moment instant) (order.State, error) {
	at, err := moment.read("at")
	if err != nil {
		return order.State{}, err
	}
	if at.After(time.Now().Add(clockSlack)) {
		return order.State{}, invalid(Fault{"/at", "is in the future"})
	}
	// Ask whose it is before telling when it was placed.
	if _, err := a.ownOrder(ctx, orderID); err != nil {
		return order.State{}, err
	}
	return a.journal.LoadAt(ctx, orderID, at)
}

// matchesETag says whether If-None-Match names the ETag. Weak and strong are the same here.
func matchesETag(header, etag string) bool {
	for each := range strings.SplitSeq(header, ",") {
		if each = strings.TrimSpace(each); each == "*" || strings.TrimPrefix(each, "W/") == etag {
			return true
		}
	}
	return false
}
