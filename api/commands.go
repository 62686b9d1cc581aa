package api

import (
	"context"
	"time"

	"orderly/order"
)

// plainRoutes are the commands to an order that have no other id in their path.
var plainRoutes = []string{"/cancel", "/amend", "/hold", "/release", "/refunds", "/fraud-review", "/address", "/payment-method", "/respond", "/notes"}

// Cancellation asks for everything about an order to be undone, or for some of its shipments.
type Cancellation struct {
	Reason      string   `json:"reason" minLength:"1" maxLength:"500" example:"customer changed their mind"`
	ShipmentIDs []string `json:"shipment_ids,omitempty" minItems:"1" maxItems:"200" doc:"Only these shipments; the others go on."`
}

type cancelInput struct {
	OnOrder
	Body Cancellation
}

func (a *API) cancel(ctx context.Context, in *cancelInput) (*commandOutput, error) {
	return a.performOn(ctx, in.OnOrder, "/cancel", in.Body, order.CancelOrder{ShipmentIDs: in.Body.ShipmentIDs}, in.Body.Reason)
}

// HoldRequest stops an order until it is released, or until a moment.
type HoldRequest struct {
	Code   string     `json:"code" pattern:"^[a-z][a-z0-9_]{0,49}$" doc:"Names the hold: manual, fraud_review, payment, address, stock." example:"manual"`
	Reason string     `json:"reason" minLength:"1" maxLength:"500" example:"customer asked to wait"`
	Until  *time.Time `json:"until,omitempty" doc:"When the order goes on by itself."`
}

type holdInput struct {
	OnOrder
	Body HoldRequest
}

// maxHold bounds how far ahead a hold may end.
const maxHold = 5 * 365 * 24 * time.Hour

func (a *API) hold(ctx context.Context, in *holdInput) (*commandOutput, error) {
	var until *time.Time
	if in.Body.Until != nil {
		ahead := time.Until(*in.Body.Until)
		if ahead <= 0 || ahead > maxHold {
			return nil, invalid(Fault{"/until", "must be in the future, and at most five years ahead"})
		}
		utc := in.Body.Until.UTC().Truncate(time.Microsecond)
		until = &utc
	}
	return a.performOn(ctx, in.OnOrder, "/hold", in.Body, order.HoldOrder{Code: in.Body.Code, Until: until}, in.Body.Reason)
}

// ReleaseRequest takes a hold away.
type ReleaseRequest struct {
	Code   string `json:"code" pattern:"^[a-z][a-z0-9_]{0,49}$" doc:"The hold's code." example:"manual"`
	Reason string `json:"reason" minLength:"1" maxLength:"500" example:"customer called back"`
}

type releaseInput struct {
	OnOrder
	Body ReleaseRequest
}

// fraudHold is the hold of an order that waits for a fraud review.
const fraudHold = "fraud_review"

// releaseHold takes a hold away. That of a fraud review is its judges' to take away.
func (a *API) releaseHold(ctx context.Context, in *releaseInput) (*commandOutput, error) {
	if in.Body.Code == fraudHold {
		if problem := require(ctx, mayReview); problem != nil {
			return nil, problem
		}
	}
	return a.performOn(ctx, in.OnOrder, "/release", in.Body, order.ReleaseOrder{Code: in.Body.Code}, in.Body.Reason)
}

type addressInput struct {
	OnOrder
	Body Address
}

func (a *API) changeAddress(ctx context.Context, in *addressInput) (*commandOutput, error) {
	if faults := in.Body.check(""); len(faults) > 0 {
		return nil, invalid(faults...)
	}
	return a.performOn(ctx, in.OnOrder, "/address", in.Body, order.ChangeAddress{ShipTo: order.ClearShipTo(order.Address(in.Body))}, "")
}

type paymentMethodInput struct {
	OnOrder
	Body NewPayment
}

func (a *API) providePaymentMethod(ctx context.Context, in *paymentMethodInput) (*commandOutput, error) {
	command := order.ProvidePaymentMethod{Method: in.Body.Method, Token: in.Body.Token}
	return a.performOn(ctx, in.OnOrder, "/payment-method", in.Body, command, "")
}

// Response is the customer's choice among the options of an action.
type Response struct {
	ActionID string `json:"action_id" pattern:"^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$" doc:"The action, from the order's actions."`
	Choice   string `json:"choice" pattern:"^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$" doc:"One of the action's options."`
}

type respondInput struct {
	OnOrder
	Body Response
}

func (a *API) respond(ctx context.Context, in *respondInput) (*commandOutput, error) {
	command := order.RespondToAction{ActionID: in.Body.ActionID, Choice: in.Body.Choice}
	return a.performOn(ctx, in.OnOrder, "/respond", in.Body, command, "")
}

// Note is a remark for whoever reads the order's events.
type Note struct {
	Text string `json:"text" minLength:"1" maxLength:"2000" example:"customer prefers mornings"`
}

type noteInput struct {
	OnOrder
	Body Note
}

func (a *API) addNote(ctx context.Context, in *noteInput) (*commandOutput, error) {
	return a.performOn(ctx, in.OnOrder, "/notes", in.Body, order.AddNote{Text: in.Body.Text}, "")
}
