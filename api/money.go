package api

import (
	"context"

	"orderly/order"
)

// Amendment changes the quantities of an order's lines; lines that it does not name stay as they are.
type Amendment struct {
	Lines  []AmendedLine `json:"lines" minItems:"1" maxItems:"200"`
	Reason string        `json:"reason" minLength:"1" maxLength:"500" example:"customer wants one more"`
}

// AmendedLine is a line's new quantity.
type AmendedLine struct {
	LineID   string `json:"line_id" pattern:"^[A-Za-z0-9][A-Za-z0-9_-]{0,79}$" example:"l1"`
	Quantity int64  `json:"quantity" minimum:"0" maximum:"10000" doc:"0 takes the line out."`
}

type amendInput struct {
	OnOrder
	Body Amendment
}

func (a *API) amend(ctx context.Context, in *amendInput) (*commandOutput, error) {
	command := order.AmendOrder{}
	for _, line := range in.Body.Lines {
		command.Lines = append(command.Lines, order.LineQuantity(line))
	}
	return a.performOn(ctx, in.OnOrder, "/amend", in.Body, command, in.Body.Reason)
}

// RefundRequest gives the customer something back for goodwill.
type RefundRequest struct {
	Amount int64  `json:"amount" minimum:"1" maximum:"1000000000000" doc:"In minor units of the order's currency."`
	Reason string `json:"reason" minLength:"1" maxLength:"500" example:"the box was dented"`
}

type refundInput struct {
	OnOrder
	Body RefundRequest
}

func (a *API) issueRefund(ctx context.Context, in *refundInput) (*commandOutput, error) {
	return a.performOn(ctx, in.OnOrder, "/refunds", in.Body, order.IssueRefund{Amount: in.Body.Amount}, in.Body.Reason)
}

// FraudReview is a person's judgement.
type FraudReview struct {
	Decision string `json:"decision" enum:"accept,reject"`
	Reason   string `json:"reason" minLength:"1" maxLength:"500" example:"known customer"`
}

type fraudReviewInput struct {
	OnOrder
	Body FraudReview
}

func (a *API) reviewFraud(ctx context.Context, in *fraudReviewInput) (*commandOutput, error) {
	return a.performOn(ctx, in.OnOrder, "/fraud-review", in.Body, order.ReviewFraud{Decision: in.Body.Decision}, in.Body.Reason)
}

// Waiver is why an operator accepts that something is not undone.
type Waiver struct {
	Reason      string `json:"reason" minLength:"1" maxLength:"500" example:"the card is closed; paid by bank transfer"`
	ExternalRef string `json:"external_ref,omitempty" pattern:"^[!-~]{1,100}$" doc:"Where the evidence is." example:"FIN-77"`
}

type waiverInput struct {
	OnOrder
	AttentionID string `path:"attention_id" doc:"The attention, from the order's attention list."`
	Body        Waiver
}

func (a *API) waiveCompensation(ctx context.Context, in *waiverInput) (*commandOutput, error) {
	if !partIDPattern.MatchString(in.AttentionID) {
		return nil, invalid(Fault{"/attention_id", "is no id of an attention"})
	}
	command := order.WaiveCompensation{AttentionID: in.AttentionID, ExternalRef: in.Body.ExternalRef}
	return a.performOn(ctx, in.OnOrder, "/attention/"+in.AttentionID+"/waive", in.Body, command, in.Body.Reason)
}
