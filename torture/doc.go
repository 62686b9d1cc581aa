// Package torture runs Orderly as processes of their own, gives it orders from a seeded random generator, does to it
// whatever happens to such systems, and then checks every promise against what is left.
//
// Its one idea: what clients were told, what the streams say and what the ledgers of the outside world say are collected
// as plain [Facts] once all is quiet, and [Check] holds them against each other. Check is pure, so that its own tests can
// show it facts that are wrong.
//
// The parts: the stack (Postgres and Temporal, each in a devstack of its own that can be killed alone), the services
// between proxies that can spoil each connection, clients that send operations until they are answered, faults that come
// and go, an operator who cleans up when they are over.
package torture
