// Package api is Orderly over HTTP: commands, queries, and the carriers' webhooks in, described by an OpenAPI document
// that is made of the same Go types that check the requests.
//
// # The way of a request
//
// Every request passes the same gates, in this order, and each of them answers with an RFC 9457 problem that has a
// stable code:
//
//	frame         trace id, log, time limit, security headers, metrics; a panic becomes "internal"
//	admit         not more than can be served at once
//	authenticate  an API key, a token of the identity provider or a browser's session on every route but the few that
//	              openRoutes lists; it says whose orders are seen
//	limitRate     not more often than is agreed with the caller
//	permission    what the caller's roles allow, from one table
//	needKey       for commands: a proper Idempotency-Key
//	strictBody    one JSON value, nothing twice, nothing hidden, nothing too large
//	huma          the schema: types, limits, patterns, unknown fields, all that is wrong at once, with JSON pointers
//	the handler   what a schema cannot say, and then the work
//
// # Commands happen once
//
// A command's id is made of the caller's tenant, the route and the idempotency key, and of nothing else. It is the id of the
// Temporal Update and stands in every event that follows from it. So the stream itself knows whether a command was
// applied, whoever asks, in whichever process, after whatever crash. The table of idempotency keys beside it only
// makes answers repeatable and tells "under way" from "new": losing it can make no second order.
//
// A command is handed to the order's workflow by Update-with-Start, which starts the workflow when there is none, and
// is waited for. What outlives the wait answers 202 and a URL that tells the end of it. What cannot be handed over
// answers 503 and is safe to send again.
//
// # Reads survive the orchestrator
//
// Reads come from Postgres alone: the present from the read model, the past from the stream. The stream also stands
// in for a read model that has not caught up with what its reader has just done.
//
// # Who may
//
// A caller is one tenant's, whatever its roles are: every query names the tenant, and another one's order does not exist.
// Idempotency keys are the tenant's, too, so that a request can be sent again with the successor of a key. roles.go has the
// table of roles; testdata/access.txt says for every operation whose it is, and the end-to-end tests try all of it.
//
// Adding an endpoint: its input and output types and handler in a file of their own, and a line in routes.go.
package api
