package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"orderly/gateway/stripe"
	"orderly/orchestrator"
	"orderly/order"
)

type stripeInput struct {
	Signature string `header:"Stripe-Signature" doc:"As Stripe makes it: the time, and the HMAC-SHA256 of time and body."`
	Body      json.RawMessage
}

// Taken says what became of an event.
type Taken struct {
	Status string `json:"status" enum:"noted,ignored" doc:"noted: it is a note on its order. ignored: it is about no order here, or says nothing new."`
}

type takenOutput struct{ Body Taken }

func (a *API) stripeSignature() signature {
	secret := a.options.StripeWebhookSecret
	return signature{secret, "Sign the body as Stripe does.", func(header http.Header, body []byte) error {
		return stripe.Verify(secret, header.Get(stripe.SignatureHeader), body)
	}}
}

// recordStripeEvent writes what Stripe did without being asked onto the order, once. Events that mean nothing here are
// answered as well as the others, or Stripe would send them again for days.
func (a *API) recordStripeEvent(ctx context.Context, in *stripeInput) (*takenOutput, error) {
	event, err := stripe.ReadEvent(in.Body)
	if err != nil || event.ID == "" {
		return nil, newProblem(codeInvalid, "This is no event of Stripe's.").because(err)
	}
	if event.Note == "" || !isOrderID(event.OrderID) {
		return &takenOutput{Taken{"ignored"}}, nil
	}
	state, err := a.journal.Load(ctx, event.OrderID)
	if errors.Is(err, order.ErrNotFound) { // the account may serve others, too
		return &takenOutput{Taken{"ignored"}}, nil
	}
	if err != nil {
		return nil, err
	}
	id := "stripe/" + event.ID
	_, known, err := a.journal.Applied(ctx, state, id)
	if err != nil {
		return nil, err
	}
	if known {
		return &takenOutput{Taken{"noted"}}, nil
	}
	_, err = a.commands.Send(ctx, state.OrderID, order.Command{
		ID: id, Actor: order.Actor{Type: "integrator", ID: "stripe"}, Source: "webhook", Body: order.AddNote{Text: event.Note},
	})
	if errors.Is(err, orchestrator.ErrPending) {
		return nil, &orchestrator.UnavailableError{Err: err}
	}
	if err != nil {
		return nil, err
	}
	return &takenOutput{Taken{"noted"}}, nil
}
