package stripe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	sdk "github.com/stripe/stripe-go/v85"

	"orderly/gateway"
)

// LookupPayment implements [gateway.Payments] for authorisations and captures. It may be a minute behind; the package's
// comment says why that is safe.
func (p *Payments) LookupPayment(ctx context.Context, key string) (gateway.PaymentResult, bool, error) {
	authorized, err := p.find(ctx, metaAuthorize, key)
	if err != nil || authorized != nil {
		return authorization(authorized, err)
	}
	captured, err := p.find(ctx, metaCapture, key)
	if err != nil || captured == nil || captured.Status != sdk.PaymentIntentStatusSucceeded {
		return gateway.PaymentResult{}, false, err
	}
	return gateway.PaymentResult{ProviderRef: captured.ID, Amount: fromStripe(captured.AmountReceived, captured.Currency)}, true, nil
}

// authorization tells whether an intent was authorised. One that has expired was: its capture will find out.
func authorization(intent *sdk.PaymentIntent, err error) (gateway.PaymentResult, bool, error) {
	if err != nil {
		return gateway.PaymentResult{}, false, err
	}
	switch {
	case intent.Status == sdk.PaymentIntentStatusProcessing:
		return gateway.PaymentResult{}, false, &gateway.Unavailable{Code: "processing", Err: errors.New("the bank has not answered yet")}
	case intent.Status == sdk.PaymentIntentStatusRequiresCapture, intent.Status == sdk.PaymentIntentStatusSucceeded, expired(intent):
		return gateway.PaymentResult{ProviderRef: intent.ID, Amount: fromStripe(intent.Amount, intent.Currency)}, true, nil
	default:
		return gateway.PaymentResult{}, false, nil
	}
}

// find asks the index for the intent that has a key in its metadata, and then for the intent as it is now; nil when none is
// found.
func (p *Payments) find(ctx context.Context, field, key string) (*sdk.PaymentIntent, error) {
	id, err := read(ctx, p, func(ctx context.Context) (string, error) {
		params := &sdk.PaymentIntentSearchParams{SearchParams: sdk.SearchParams{Query: fmt.Sprintf("metadata['%s']:'%s'", field, quoted(key))}}
		for intent, err := range p.client.V1PaymentIntents.Search(ctx, params).All(ctx) {
			if err != nil {
				return "", err
			}
			if intent.Metadata[field] == key {
				return intent.ID, nil
			}
		}
		return "", nil
	})
	if err != nil || id == "" {
		return nil, err
	}
	return p.retrieve(ctx, id)
}

func (p *Payments) retrieve(ctx context.Context, id string) (*sdk.PaymentIntent, error) {
	return read(ctx, p, func(ctx context.Context) (*sdk.PaymentIntent, error) {
		return p.client.V1PaymentIntents.Retrieve(ctx, id, nil)
	})
}

func quoted(value string) string {
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value)
}
