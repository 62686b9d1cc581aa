// Package stripe takes payments through Stripe: it implements [gateway.Payments] with PaymentIntents that are captured by
// hand, and Refunds.
//
// Its one idea: a step's key is Stripe's Idempotency-Key and stands in the metadata of what it made. So there are two ways
// to find out what became of a request, and one of them always works:
//
//   - For 24 hours Stripe answers the same request under the same key with the first answer, so asking again is looking up.
//   - Its search finds a PaymentIntent by metadata about a minute after it was made; during outages it may take an hour.
//
// [Payments.LookupPayment] therefore may say "never happened" of an effect that is a minute old: the same request that
// follows gets the first answer. Of one that is older than the keys it does not say so, because by then it is in the index.
// Refunds are not searched but listed, which has no delay, by [Payments.Refund] before it asks for one.
//
// A void whose authorisation cannot be found takes the authorisation's key for itself: see [Payments.Void] and
// docs/decisions/009.
package stripe
