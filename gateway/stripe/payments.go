package stripe

import (
	"context"
	"net/http"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"orderly/gateway"
)

// The metadata of PaymentIntents and Refunds: the order, and the keys of what was done.
const (
	metaOrder     = "order_id"
	metaAuthorize = "authorize_key"
	metaCapture   = "capture_key"
	metaRefund    = "refund_key"
)

const defaultTimeout = 30 * time.Second

// Payments is Stripe as the payment provider. It is safe for concurrent use.
type Payments struct {
	client  *sdk.Client
	timeout time.Duration
}

var _ gateway.Payments = (*Payments)(nil)

// Options are the settings of [New].
type Options struct {
	// Key is the secret or restricted API key. It needs write access to PaymentIntents and Refunds.
	Key string
	// URL is where Stripe is; empty means api.stripe.com.
	URL string
	// Timeout limits each request, its answer included; 0 means 30 s.
	Timeout time.Duration
}

// New returns an adapter for the account that the key belongs to.
func New(o Options) *Payments {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	config := &sdk.BackendConfig{
		// Steps are tried again by their workflow, which knows the outcomes that this would hide.
		MaxNetworkRetries: new(int64(0)),
		EnableTelemetry:   new(false),
		LeveledLogger:     &sdk.LeveledLogger{Level: sdk.LevelNull},
		HTTPClient:        &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	if o.URL != "" {
		config.URL = sdk.String(o.URL)
	}
	return &Payments{client: sdk.NewClient(o.Key, sdk.WithBackends(sdk.NewBackendsWithConfig(config))), timeout: o.Timeout}
}

// Authorize implements [gateway.Payments]. Token is the id of a PaymentMethod, Method its type. Customers are not there to
// authenticate themselves, so a bank that asks for it declines.
func (p *Payments) Authorize(ctx context.Context, r gateway.AuthorizeRequest) (gateway.PaymentResult, error) {
	params := &sdk.PaymentIntentCreateParams{
		Amount: new(toStripe(r.Amount, r.Currency)), Currency: sdk.String(currencyCode(r.Currency)),
		CaptureMethod: sdk.String("manual"), Confirm: new(true), ErrorOnRequiresAction: new(true),
		PaymentMethod: sdk.String(r.Token), PaymentMethodTypes: []*string{sdk.String(r.Method)},
		Metadata: map[string]string{metaOrder: r.OrderID, metaAuthorize: r.Key},
	}
	params.SetIdempotencyKey(r.Key)
	intent, err := effect(ctx, p, r.Key, func(ctx context.Context) (*sdk.PaymentIntent, error) {
		return p.client.V1PaymentIntents.Create(ctx, params)
	})
	if err != nil {
		return gateway.PaymentResult{}, err
	}
	if intent.Status != sdk.PaymentIntentStatusRequiresCapture {
		return gateway.PaymentResult{}, unexpected(r.Key, intent)
	}
	return gateway.PaymentResult{ProviderRef: intent.ID, Amount: r.Amount}, nil
}

// Capture implements [gateway.Payments]. What is not captured of an authorisation is given up by Stripe.
func (p *Payments) Capture(ctx context.Context, r gateway.CaptureRequest) (gateway.PaymentResult, error) {
	params := &sdk.PaymentIntentCaptureParams{
		AmountToCapture: new(toStripe(r.Amount, r.Currency)), Metadata: map[string]string{metaCapture: r.Key},
	}
	params.SetIdempotencyKey(r.Key)
	intent, err := effect(ctx, p, r.Key, func(ctx context.Context) (*sdk.PaymentIntent, error) {
		return p.client.V1PaymentIntents.Capture(ctx, r.ProviderRef, params)
	})
	if err != nil {
		return gateway.PaymentResult{}, err
	}
	if intent.Status != sdk.PaymentIntentStatusSucceeded {
		return gateway.PaymentResult{}, unexpected(r.Key, intent)
	}
	return gateway.PaymentResult{ProviderRef: intent.ID, Amount: fromStripe(intent.AmountReceived, intent.Currency)}, nil
}

// Refund implements [gateway.Payments]. One that Stripe has accepted and the bank has not yet paid out counts as paid; if the
// bank sends it back, the webhook refund.failed tells.
func (p *Payments) Refund(ctx context.Context, r gateway.RefundRequest) (gateway.PaymentResult, error) {
	made, err := p.refundUnder(ctx, r)
	if err != nil {
		return gateway.PaymentResult{}, err
	}
	if made == nil {
		params := &sdk.RefundCreateParams{
			PaymentIntent: sdk.String(r.ProviderRef), Amount: new(toStripe(r.Amount, r.Currency)),
			Metadata: map[string]string{metaOrder: r.OrderID, metaRefund: r.Key},
		}
		params.SetIdempotencyKey(r.Key)
		made, err = effect(ctx, p, r.Key, func(ctx context.Context) (*sdk.Refund, error) { return p.client.V1Refunds.Create(ctx, params) })
		if err != nil {
			return gateway.PaymentResult{}, err
		}
	}
	if made.Status == sdk.RefundStatusFailed || made.Status == sdk.RefundStatusCanceled {
		return gateway.PaymentResult{}, rejected("refund_"+string(made.Status), string(made.FailureReason))
	}
	return gateway.PaymentResult{ProviderRef: made.ID, Amount: fromStripe(made.Amount, made.Currency)}, nil
}

// refundUnder finds the refund with the request's key, whenever it was made; nil when there is none.
func (p *Payments) refundUnder(ctx context.Context, r gateway.RefundRequest) (*sdk.Refund, error) {
	return read(ctx, p, func(ctx context.Context) (*sdk.Refund, error) {
		params := &sdk.RefundListParams{PaymentIntent: sdk.String(r.ProviderRef)}
		for refund, err := range p.client.V1Refunds.List(ctx, params).All(ctx) {
			if err != nil {
				return nil, err
			}
			if refund.Metadata[metaRefund] == r.Key {
				return refund, nil
			}
		}
		return nil, nil //nolint:nilnil // none is an answer
	})
}
