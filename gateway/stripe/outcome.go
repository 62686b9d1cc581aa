package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"orderly/gateway"
)

// Codes that this adapter gives itself; all others are Stripe's.
const (
	codeKeyTaken = "idempotency_key_taken" // the key was used for another request
	codeVoided   = "authorization_voided"
)

// effect makes a request that has an effect under a key, and maps what goes wrong to the errors of package gateway.
func effect[T any](ctx context.Context, p *Payments, key string, ask func(context.Context) (T, error)) (T, error) {
	if key == "" {
		var none T
		return none, rejected("idempotency_key_missing", "an effect needs a key")
	}
	return call(ctx, p, ask, func(err error) error { return &gateway.UnknownOutcome{Key: key, Err: err} })
}

// read makes a request without an effect: when no usable answer comes, it is just to be made again.
func read[T any](ctx context.Context, p *Payments, ask func(context.Context) (T, error)) (T, error) {
	return call(ctx, p, ask, func(err error) error { return &gateway.Unavailable{Code: "no_answer", Err: err} })
}

func call[T any](ctx context.Context, p *Payments, ask func(context.Context) (T, error), lost func(error) error) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	watched, maySent := gateway.WatchSent(ctx)
	result, err := ask(watched)
	if err == nil {
		return result, nil
	}
	said, ok := errors.AsType[*sdk.Error](err)
	switch {
	case ok:
		return result, answered(said, lost)
	case !maySent():
		return result, &gateway.Unavailable{Code: "not_sent", Err: err}
	default:
		return result, lost(err)
	}
}

// answered maps an error that Stripe itself gave. A 5xx may come after the effect, and a 409 says that the first request
// with the key is still being worked on; 429 and a refused API key come before anything is done.
func answered(said *sdk.Error, lost func(error) error) error {
	switch status := said.HTTPStatusCode; {
	case status == http.StatusTooManyRequests:
		wait := gateway.RetryAfter(said.LastResponse.Header.Get("Retry-After"), time.Now())
		return &gateway.Unavailable{Code: "rate_limited", RetryAfter: wait, Err: said}
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return &gateway.Unavailable{Code: "api_key_refused", Err: said}
	case status == http.StatusConflict || status >= http.StatusInternalServerError:
		return lost(said)
	default:
		return refusal(said)
	}
}

func refusal(said *sdk.Error) error {
	switch {
	case said.Type == sdk.ErrorTypeIdempotency:
		return rejected(codeKeyTaken, said.Msg)
	case said.Code == sdk.ErrorCodeChargeExpiredForCapture, said.Code == sdk.ErrorCodeCaptureChargeAuthorizationExpired:
		return tooLate(said.Msg)
	case said.Code == sdk.ErrorCodePaymentIntentUnexpectedState && said.PaymentIntent != nil:
		return unexpectedState(said)
	case said.Type == sdk.ErrorTypeCard:
		return declined(said)
	case said.Code == sdk.ErrorCodeResourceMissing && said.Param == "payment_method":
		return &gateway.Refusal{Class: gateway.RefusedDeclined, Code: "invalid_token", Message: said.Msg}
	case said.Code != "":
		return rejected(string(said.Code), said.Msg)
	default:
		return rejected(string(said.Type), said.Msg)
	}
}

// declined is the bank's no, with its own reason when it gave one.
func declined(said *sdk.Error) error {
	code := string(said.DeclineCode)
	if code == "" {
		code = string(said.Code)
	}
	return &gateway.Refusal{Class: gateway.RefusedDeclined, Code: code, Message: said.Msg}
}

func unexpectedState(said *sdk.Error) error {
	switch {
	case expired(said.PaymentIntent):
		return tooLate(said.Msg)
	case said.PaymentIntent.Status == sdk.PaymentIntentStatusCanceled:
		return rejected(codeVoided, said.Msg)
	case said.PaymentIntent.Status == sdk.PaymentIntentStatusSucceeded:
		return rejected(gateway.CodeAlreadyCaptured, said.Msg)
	default:
		return rejected(string(said.Code), said.Msg)
	}
}

// expired says whether Stripe itself gave an authorisation up, because it was not captured in time.
func expired(intent *sdk.PaymentIntent) bool {
	return intent.Status == sdk.PaymentIntentStatusCanceled &&
		(intent.CancellationReason == sdk.PaymentIntentCancellationReasonAutomatic || intent.CancellationReason == sdk.PaymentIntentCancellationReasonExpired)
}

func tooLate(message string) error {
	return &gateway.Refusal{Class: gateway.RefusedExpired, Code: "authorization_expired", Message: message}
}

func rejected(code, message string) error {
	return &gateway.Refusal{Class: gateway.RefusedRejected, Code: code, Message: message}
}

// unexpected is an answer that says neither yes nor no.
func unexpected(key string, intent *sdk.PaymentIntent) error {
	return &gateway.UnknownOutcome{Key: key, Err: fmt.Errorf("the payment intent %s is %s", intent.ID, intent.Status)}
}
