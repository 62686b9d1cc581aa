// Package order holds the rules of an order, and nothing else: no I/O, no clock, no Temporal, no database.
//
// It is written as a decider. Three pure functions say everything:
//
//	Decide(State, Command, Policy) ([]Event, error)   what happens when somebody wants something
//	Evolve(State, Recorded) State                     what an event changes
//	PlanFor(State, Policy) Plan                       what the order needs next, and until when it waits
//
// A [State] is the fold of an order's events. A [Command] is what somebody wants: a customer, an operator, a carrier,
// or the outcome of a step that an activity has carried out. Decide either refuses with a typed error and changes
// nothing, or answers the events that are then true; facts from the outside world (money that was taken, a parcel that
// was booked) are never refused. A [Plan] is data: the steps that may run now, the lane in which each must be alone,
// its idempotency key and its retries, and the moment at which the order wants to be looked at again. A workflow
// interprets plans and knows no rules, so that rules change without touching orders in flight.
//
// Adding an event: its type and a line of the registry in event.go, a case in evolve.go, and a golden file.
// Adding a step: its name and retries in plan.go, its outcome in outcome.go.
package order
