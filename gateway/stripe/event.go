package stripe

import (
	"encoding/json"
	"fmt"

	sdk "github.com/stripe/stripe-go/v85"
)

// SignatureHeader carries the signature of a webhook.
const SignatureHeader = "Stripe-Signature"

// Verify checks that Stripe signed the body with the endpoint's secret, not more than five minutes ago. Who recorded a
// delivery can send it again within that time: what an event leads to must be done once for its id.
func Verify(secret, signature string, body []byte) error {
	if err := sdk.ValidatePayload(body, signature, secret); err != nil {
		return fmt.Errorf("the signature of a Stripe event: %w", err)
	}
	return nil
}

// Event is what Stripe tells about an order.
type Event struct {
	ID string
	// OrderID is the order that the payment was made for; empty when it was not made through this package.
	OrderID string
	// Note says in words what somebody should know; empty when there is nothing.
	Note string
}

// ReadEvent reads the body of a webhook. The steps ask Stripe themselves what became of a payment, so only what Stripe did
// without being asked is worth a note.
func ReadEvent(body []byte) (Event, error) {
	var said struct {
		ID   string        `json:"id"`
		Type sdk.EventType `json:"type"`
		Data struct {
			Object json.RawMessage `json:"object"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return Event{}, fmt.Errorf("read a Stripe event: %w", err)
	}
	event := Event{ID: said.ID}
	var err error
	switch said.Type {
	case sdk.EventTypePaymentIntentCanceled:
		err = event.canceled(said.Data.Object)
	case sdk.EventTypeRefundFailed:
		err = event.refundFailed(said.Data.Object)
	}
	if err != nil {
		return Event{}, fmt.Errorf("read the Stripe event %s: %w", said.ID, err)
	}
	return event, nil
}

func (e *Event) canceled(object json.RawMessage) error {
	var intent sdk.PaymentIntent
	if err := json.Unmarshal(object, &intent); err != nil {
		return err
	}
	e.OrderID = intent.Metadata[metaOrder]
	switch {
	case expired(&intent):
		e.Note = fmt.Sprintf("Stripe: the authorisation %s has expired. The capture will notice, and authorise again.", intent.ID)
	case intent.CancellationReason != voidReason:
		e.Note = fmt.Sprintf("Stripe: the authorisation %s was cancelled there (%s), not by the order.", intent.ID, intent.CancellationReason)
	}
	return nil
}

func (e *Event) refundFailed(object json.RawMessage) error {
	var refund sdk.Refund
	if err := json.Unmarshal(object, &refund); err != nil {
		return err
	}
	e.OrderID = refund.Metadata[metaOrder]
	e.Note = fmt.Sprintf("Stripe: the bank has sent the refund %s back (%s). The money must reach the customer another way.", refund.ID, refund.FailureReason)
	return nil
}
