// Package simulator plays the outside world: payment provider, stock, carriers, fraud service and notifier, over HTTP and with
// faults on demand. It is what Orderly is developed, tested and tortured against.
//
// Its one idea: an answer is decided from the state, written to a journal on disk, applied to the state and only then
// given. What a caller was told therefore survives a crash, and the ledgers list every effect that really happened,
// whatever became of its answer: they are what a check for double charges reads.
//
// # Protocol
//
// All bodies are JSON. Effects are POST requests with an Idempotency-Key header; the same key gives the first answer
// again, refusals included, and the same key with another body is refused as idempotency_mismatch. Keys are known
// per service, and per carrier.
//
//	POST /payments/authorize|capture|void|refund   GET /payments/lookup?key=
//	POST /stock/reserve|release|commit|restock     GET /stock/lookup?key=
//	POST /carriers/{carrier}/book|cancel           GET /carriers/{carrier}/lookup?key=
//	POST /fraud/screen
//	POST /notifications/send
//
// A refusal is a 4xx with {"class","code","message"}; 503 and 429 (with Retry-After) had no effect; any other answer
// leaves the caller in doubt. A lookup answers 200 with the first answer to a key that had an effect, or
// 404 {"code":"not_found"}. An undo (void, release, cancel) of a key that never happened succeeds, leaves no trace in
// the ledger, and blocks the key: a request that comes late is refused as key_blocked.
//
// # Magic values
//
// Tokens: tok_visa pays; tok_declined and tok_insufficient_funds are declined; tok_fraud_review pays and is screened
// as review, tok_fraud_reject as reject; the first authorisation of an order with tok_expires has expired when it is
// captured; tok_slow pays and takes its time to say so. Skus: OUT-OF-STOCK is never there, TWO-WAREHOUSES-... lies in
// a second warehouse. Postal code 00000 is refused by every carrier.
//
// # Control
//
//	POST, GET, DELETE /faults                           things that go wrong, see [Fault]
//	GET  /ledger/payments|stock|shipments|notifications?order_id=   what really happened, see [Entry]
//	GET  /shipments?order_id=                           bookings and how far the parcels are
//	POST /webhooks/replay {"shipment_id","times","shuffle"}
//	POST /webhooks/send {"shipment_id","status"}        one carrier webhook now; answers the receiver's status
//	GET  /livez
//
// With [Options.Transit] on, [Simulator.Run] moves each booked parcel and reports it by signed webhooks, in order for
// each parcel and again until the receiver says 2xx.
package simulator
