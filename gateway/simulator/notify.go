package simulator

import "orderly/gateway"

// notify takes whatever a customer is to be told.
func notify(_ *state, a ask[gateway.NotifyRequest]) outcome {
	q := a.Request
	if q.Kind == "" || q.CustomerID == "" {
		return reject("invalid_request", "kind and customer_id are needed")
	}

	return done(struct{}{}, &effects{Ledger: "notifications", Entry: &Entry{
		Key: a.Key, OrderID: q.OrderID, Operation: q.Kind, Amount: 1, At: a.At,
	}})
}
