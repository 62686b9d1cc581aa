package api

import (
	"context"

	"orderly/order"
)

// Repair is what an operator has to say about a parked step.
type Repair struct {
	Reason      string `json:"reason,omitempty" maxLength:"500" example:"carrier is back"`
	ExternalRef string `json:"external_ref,omitempty" pattern:"^[!-~]{1,100}$" doc:"The proof that it was done by hand: for resolve." example:"TICKET-77"`
}

// repairInput is a command about a parked step. Its body may be left out.
type repairInput struct {
	OnOrder
	AttentionID string `path:"attention_id" doc:"The attention, from the order's attention list."`
	Body        *Repair
}

func (a *API) retryStep(ctx context.Context, in *repairInput) (*commandOutput, error) {
	return a.repair(ctx, in, "retry", order.RetryStep{AttentionID: in.AttentionID})
}

func (a *API) skipStep(ctx context.Context, in *repairInput) (*commandOutput, error) {
	return a.repair(ctx, in, "skip", order.SkipStep{AttentionID: in.AttentionID})
}

func (a *API) resolveStep(ctx context.Context, in *repairInput) (*commandOutput, error) {
	return a.repair(ctx, in, "resolve", order.ResolveStep{AttentionID: in.AttentionID, ExternalRef: in.said().ExternalRef})
}

func (a *API) repair(ctx context.Context, in *repairInput, verb string, command order.Body) (*commandOutput, error) {
	if !partIDPattern.MatchString(in.AttentionID) {
		return nil, invalid(Fault{"/attention_id", "is no id of an attention"})
	}
	return a.performOn(ctx, in.OnOrder, "/attention/"+in.AttentionID+"/"+verb, in.said(), command, in.said().Reason)
}

func (in *repairInput) said() Repair {
	if in.Body == nil {
		return Repair{}
	}
	return *in.Body
}

// Reroute books a parcel with another carrier, or from another warehouse, or sends one again that has failed on its way.
type Reroute struct {
	Carrier   string `json:"carrier,omitempty" pattern:"^[a-z0-9][a-z0-9_-]{0,49}$" example:"ups"`
	Warehouse string `json:"warehouse,omitempty" pattern:"^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$" example:"wh-2"`
	Reason    string `json:"reason" minLength:"1" maxLength:"500" example:"fedex has no capacity"`
}

type rerouteInput struct {
	OnOrder
	ShipmentID string `path:"shipment_id" doc:"The shipment."`
	Body       Reroute
}

func (a *API) rerouteShipment(ctx context.Context, in *rerouteInput) (*commandOutput, error) {
	if !partIDPattern.MatchString(in.ShipmentID) {
		return nil, invalid(Fault{"/shipment_id", "is no id of a shipment"})
	}
	if in.Body.Carrier == "" && in.Body.Warehouse == "" {
		return nil, invalid(Fault{"/carrier", "name a carrier, or a warehouse, or both"})
	}
	command := order.RerouteShipment{ShipmentID: in.ShipmentID, Carrier: in.Body.Carrier, Warehouse: in.Body.Warehouse}
	return a.performOn(ctx, in.OnOrder, "/shipments/"+in.ShipmentID+"/reroute", in.Body, command, in.Body.Reason)
}
