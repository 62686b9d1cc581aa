// Package activities holds the work of Orderly's workflows: one activity for each step of an order's plan, one that
// applies commands, and one that runs projections.
//
// An activity of a step does three things: it reads the order and looks whether the step is still wanted; it asks a
// gateway for the effect, under the step's idempotency key; it has the journal record what came of it. It may be
// killed between any two of them and run again: the gateway gives its first answer again, and the journal finds the
// outcome recorded. Refusals are outcomes, too, and are recorded. Only what may be different the next time is an
// error: [gateway.Unavailable] and [gateway.UnknownOutcome].
package activities
