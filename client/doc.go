// Package client talks to Orderly's HTTP API. Its types and calls are generated from the OpenAPI document
// (orderly.gen.go, by `make generate`); what a careful client does beside that is written by hand:
//
//   - A command that got no answer, or one that says "later", is sent again with the same idempotency key, so it has its
//     effect once. Pauses grow, are jittered, and are as long as Retry-After asks for.
//   - A command that is under way (202) is asked for until it is carried out.
//   - Every answer that is an error is a [*Problem], whose Code programs can decide on.
//
// [New] makes a client. Each call takes the idempotency key in its parameters: make one with [NewKey] before the first
// try, and store it with whatever the command belongs to when the call must survive a crash of the caller.
package client
