package gateway

import (
	"context"
	"net/url"
)

// Authorize implements [Payments].
func (h *HTTP) Authorize(ctx context.Context, r AuthorizeRequest) (PaymentResult, error) {
	return h.pay(ctx, "/payments/authorize", r.Key, r)
}

// Capture implements [Payments].
func (h *HTTP) Capture(ctx context.Context, r CaptureRequest) (PaymentResult, error) {
	return h.pay(ctx, "/payments/capture", r.Key, r)
}

// Void implements [Payments]. The result is empty when there was nothing to void.
func (h *HTTP) Void(ctx context.Context, r VoidRequest) (PaymentResult, error) {
	var result PaymentResult

	err := h.post(ctx, call{path: "/payments/void", key: r.Key, body: r, answer: &result})
	if err != nil {
		return PaymentResult{}, err
	}

	return result, nil
}

// Refund implements [Payments].
func (h *HTTP) Refund(ctx context.Context, r RefundRequest) (PaymentResult, error) {
	return h.pay(ctx, "/payments/refund", r.Key, r)
}

// LookupPayment implements [Payments].
func (h *HTTP) LookupPayment(ctx context.Context, key string) (PaymentResult, bool, error) {
	var result PaymentResult

	ok, err := h.lookup(ctx, call{path: "/payments/lookup?key=" + url.QueryEscape(key), answer: &result})
	if err != nil || !ok {
		return PaymentResult{}, false, err
	}

	return result, true, nil
}

func (h *HTTP) pay(ctx context.Context, path, key string, body any) (PaymentResult, error) {
	var result PaymentResult

	err := h.post(ctx, call{
		path: path, key: key, body: body, answer: &result,
		valid: func() bool { return result.ProviderRef != "" },
	})
	if err != nil {
		return PaymentResult{}, err
	}

	return result, nil
}
