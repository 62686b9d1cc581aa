package activities

import (
	"context"
	"errors"

	"orderly/gateway"
	"orderly/order"
	"orderly/workflows"
)

// AuthorizePayment sets what is due aside on the customer's means of payment.
func (o *Orders) AuthorizePayment(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		result, err := o.payment(ctx, step, func() (gateway.PaymentResult, error) {
			return o.Payments.Authorize(ctx, gateway.AuthorizeRequest{
				Key: step.Key, OrderID: s.OrderID, Amount: s.Due(), Currency: s.Currency, Method: s.Payment.Method, Token: s.Payment.Token,
			})
		})
		var no *gateway.Refusal
		if errors.As(err, &no) && no.Class == gateway.RefusedDeclined {
			return order.RecordDecline{Key: step.Key, Code: no.Code, Message: no.Message}, nil
		}
		return order.RecordAuthorization{Key: step.Key, ProviderRef: result.ProviderRef, Amount: result.Amount}, err
	})
}

// CapturePayment takes the authorised amount.
func (o *Orders) CapturePayment(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		result, err := o.payment(ctx, step, func() (gateway.PaymentResult, error) {
			return o.Payments.Capture(ctx, gateway.CaptureRequest{
				Key: step.Key, OrderID: s.OrderID, ProviderRef: s.Payment.ProviderRef, Amount: s.Payment.Authorized, Currency: s.Currency,
			})
		})
		var no *gateway.Refusal
		if errors.As(err, &no) && no.Class == gateway.RefusedExpired {
			return order.RecordExpiry{Key: step.Key}, nil
		}
		return order.RecordCapture{Key: step.Key, ProviderRef: result.ProviderRef, Amount: result.Amount}, err
	})
}

// VoidPayment gives the authorisation up, or makes sure that it cannot happen any more. When the money turns out to
// be taken already, that is what is recorded, and the plan goes on to refund it.
func (o *Orders) VoidPayment(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		_, err := o.payment(ctx, step, func() (gateway.PaymentResult, error) {
			return o.Payments.Void(ctx, gateway.VoidRequest{
				Key: step.Key, OrderID: s.OrderID, AuthorizeKey: s.AuthorizeKey(), ProviderRef: s.Payment.ProviderRef,
			})
		})
		var no *gateway.Refusal
		if errors.As(err, &no) && no.Code == gateway.CodeAlreadyCaptured {
			captured, found, lookupErr := o.Payments.LookupPayment(ctx, s.CaptureKey())
			if lookupErr != nil {
				return nil, lookupErr
			}
			if !found { // a provider's index may be behind its own refusal
				return nil, &gateway.Unavailable{Code: "capture_not_found_yet", Err: no}
			}
			return order.RecordCapture{Key: s.CaptureKey(), ProviderRef: captured.ProviderRef, Amount: captured.Amount}, nil
		}
		return order.RecordVoid{Key: step.Key}, err
	})
}

// RefundPayment pays a refund out.
func (o *Orders) RefundPayment(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		refund := s.Refund(step.RefundID)
		result, err := o.payment(ctx, step, func() (gateway.PaymentResult, error) {
			return o.Payments.Refund(ctx, gateway.RefundRequest{
				Key: step.Key, OrderID: s.OrderID, ProviderRef: s.CaptureOf(refund).ProviderRef, Amount: refund.Amount, Currency: s.Currency, Reason: refund.Reason,
			})
		})
		return order.RecordRefund{RefundID: step.RefundID, ProviderRef: result.ProviderRef}, err
	})
}

func (o *Orders) payment(ctx context.Context, step order.Step, ask func() (gateway.PaymentResult, error)) (gateway.PaymentResult, error) {
	return look(ctx, step, ask, func() (gateway.PaymentResult, bool, error) { return o.Payments.LookupPayment(ctx, step.Key) })
}
