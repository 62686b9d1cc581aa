package stripe

import (
	"context"
	"errors"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"orderly/gateway"
)

// indexDelay is how long Stripe's search usually needs to show what was made.
const indexDelay = 20 * time.Second

// voidReason tells our own cancellations from those of others.
const voidReason = sdk.PaymentIntentCancellationReasonAbandoned

// Void implements [gateway.Payments]. When no authorisation is found under AuthorizeKey, it may still be on its way, or too
// young for the index. So the void makes a PaymentIntent of its own under that key, which is never confirmed, and so moves no
// money:
//
//   - Stripe makes it: the key is taken, and an authorisation that arrives later is refused, because it differs.
//   - Stripe says that the key was used for another request: the authorisation was first. The void is tried again until
//     the index shows it.
func (p *Payments) Void(ctx context.Context, r gateway.VoidRequest) (gateway.PaymentResult, error) {
	intent, err := p.authorization(ctx, r)
	if err != nil {
		return gateway.PaymentResult{}, err
	}
	if intent != nil {
		return p.cancel(ctx, r, intent)
	}
	intent, err = p.block(ctx, r)
	if err != nil {
		return gateway.PaymentResult{}, err
	}
	_, err = p.cancel(ctx, r, intent) // a key that is blocked already has a cancelled one, which is as good
	return gateway.PaymentResult{}, err
}

// authorization finds what was made under AuthorizeKey: by its name, when that is right, or else by the index.
func (p *Payments) authorization(ctx context.Context, r gateway.VoidRequest) (*sdk.PaymentIntent, error) {
	if r.ProviderRef != "" {
		named, err := p.retrieve(ctx, r.ProviderRef)
		if err != nil {
			return nil, err
		}
		if named.Metadata[metaAuthorize] == r.AuthorizeKey {
			return named, nil
		}
	}
	return p.find(ctx, metaAuthorize, r.AuthorizeKey)
}

func (p *Payments) block(ctx context.Context, r gateway.VoidRequest) (*sdk.PaymentIntent, error) {
	params := &sdk.PaymentIntentCreateParams{
		Amount: sdk.Int64(100), Currency: sdk.String(string(sdk.CurrencyUSD)), CaptureMethod: sdk.String("manual"),
		Description: sdk.String("Undone before it happened"),
		Metadata:    map[string]string{metaOrder: r.OrderID, metaAuthorize: r.AuthorizeKey},
	}
	params.SetIdempotencyKey(r.AuthorizeKey)
	intent, err := effect(ctx, p, r.Key, func(ctx context.Context) (*sdk.PaymentIntent, error) {
		return p.client.V1PaymentIntents.Create(ctx, params)
	})
	if no, ok := errors.AsType[*gateway.Refusal](err); ok && no.Code == codeKeyTaken {
		return nil, &gateway.Unavailable{Code: "authorization_not_found_yet", RetryAfter: indexDelay, Err: no}
	}
	return intent, err
}

func (p *Payments) cancel(ctx context.Context, r gateway.VoidRequest, intent *sdk.PaymentIntent) (gateway.PaymentResult, error) {
	voided := gateway.PaymentResult{ProviderRef: intent.ID, Amount: fromStripe(intent.Amount, intent.Currency)}
	if intent.Status == sdk.PaymentIntentStatusCanceled {
		return voided, nil
	}
	params := &sdk.PaymentIntentCancelParams{CancellationReason: sdk.String(string(voidReason))}
	params.SetIdempotencyKey(r.Key)
	_, err := effect(ctx, p, r.Key, func(ctx context.Context) (*sdk.PaymentIntent, error) {
		return p.client.V1PaymentIntents.Cancel(ctx, intent.ID, params)
	})
	if no, ok := errors.AsType[*gateway.Refusal](err); ok && (no.Code == codeVoided || no.Class == gateway.RefusedExpired) {
		return voided, nil
	}
	return voided, err
}
