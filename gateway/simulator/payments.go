package simulator

import "orderly/gateway"

// authorization is money set aside, and what became of it.
type authorization struct {
	Key      string `json:"key"` // scoped
	Ref      string `json:"ref"`
	OrderID  string `json:"order_id"`
	Currency string `json:"currency"`
	Amount   int64  `json:"amount"`
	Captured int64  `json:"captured"`
	Refunded int64  `json:"refunded"`
	Voided   bool   `json:"voided"`
	// Expires is set for the first authorisation of an order with tok_expires.
	Expires bool `json:"expires"`
}

func authorize(st *state, a ask[gateway.AuthorizeRequest]) outcome {
	q := a.Request

	switch {
	case st.blocked[a.scoped(a.Key)]:
		return keyBlocked()
	case q.Amount < 0:
		return reject("invalid_amount", "an amount is not negative")
	}

	switch q.Token {
	case "tok_visa", "tok_fraud_review", "tok_fraud_reject", "tok_expires", "tok_slow":
	case "tok_declined":
		return refuse(gateway.RefusedDeclined, "card_declined", "the card was declined")
	case "tok_insufficient_funds":
		return refuse(gateway.RefusedDeclined, "insufficient_funds", "there is not enough money on the account")
	default:
		return refuse(gateway.RefusedDeclined, "invalid_token", "there is no such means of payment")
	}

	auth := &authorization{
		Key: a.scoped(a.Key), Ref: a.id("auth_"), OrderID: q.OrderID, Currency: q.Currency, Amount: q.Amount,
		Expires: q.Token == "tok_expires" && !st.expiring[q.OrderID],
	}

	out := paid(a, "authorize", auth, auth.Ref, q.Amount)
	out.slow = q.Token == "tok_slow"

	return out
}

func capture(st *state, a ask[gateway.CaptureRequest]) outcome {
	q := a.Request
	auth, ok := st.authorizations[st.authorizationOf[q.ProviderRef]]

	switch {
	case !ok || auth.OrderID != q.OrderID:
		return reject("unknown_authorization", "there is no such authorisation of this order")
	case q.Currency != auth.Currency:
		return reject("currency_mismatch", "the authorisation is in "+auth.Currency)
	case auth.Voided:
		return reject("authorization_voided", "the authorisation was given up")
	case auth.Expires:
		return refuse(gateway.RefusedExpired, "authorization_expired", "the authorisation has expired")
	case q.Amount < 0 || q.Amount > auth.Amount-auth.Captured:
		return reject("amount_too_large", "more than what is left of the authorisation")
	}

	now := *auth
	now.Captured += q.Amount

	out := paid(a, "capture", &now, a.id("cap_"), q.Amount)
	out.effects.CaptureRef = a.id("cap_")

	return out
}

func void(st *state, a ask[gateway.VoidRequest]) outcome {
	key := a.scoped(a.Request.AuthorizeKey)
	auth, ok := st.authorizations[key]

	switch {
	case a.Request.AuthorizeKey == "":
		return reject("invalid_request", "authorize_key is needed")
	case !ok:
		return done(gateway.PaymentResult{}, &effects{Block: key})
	case auth.OrderID != a.Request.OrderID:
		return reject("unknown_authorization", "there is no such authorisation of this order")
	case auth.Voided:
		return done(gateway.PaymentResult{ProviderRef: auth.Ref, Amount: auth.Amount}, nil)
	case auth.Captured > 0:
		return reject(gateway.CodeAlreadyCaptured, "the money was taken, it can only be refunded")
	}

	now := *auth
	now.Voided = true

	return paid(a, "void", &now, auth.Ref, auth.Amount)
}

func refund(st *state, a ask[gateway.RefundRequest]) outcome {
	q := a.Request
	auth, ok := st.authorizations[st.authorizationOf[q.ProviderRef]]

	switch {
	case !ok || auth.OrderID != q.OrderID:
		return reject("unknown_capture", "there is no such capture of this order")
	case q.Currency != auth.Currency:
		return reject("currency_mismatch", "the capture is in "+auth.Currency)
	case q.Amount < 0 || q.Amount > auth.Captured-auth.Refunded:
		return reject("amount_too_large", "more than what was captured and not yet refunded")
	}

	now := *auth
	now.Refunded += q.Amount

	return paid(a, "refund", &now, a.id("ref_"), q.Amount)
}

// paid is the outcome of an effect on money.
func paid[R any](a ask[R], operation string, auth *authorization, ref string, amount int64) outcome {
	return done(gateway.PaymentResult{ProviderRef: ref, Amount: amount}, &effects{
		Authorization: auth,
		Ledger:        "payments",
		Entry: &Entry{
			Key: a.Key, OrderID: auth.OrderID, Operation: operation, Amount: amount, At: a.At,
			Currency: auth.Currency, Ref: ref,
		},
	})
}

func keyBlocked() outcome {
	return reject("key_blocked", "this was undone before it happened")
}
