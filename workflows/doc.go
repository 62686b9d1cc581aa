// Package workflows holds Orderly's Temporal workflows. They are deterministic, know no rules and do no I/O.
//
// [Order] is the lifecycle of one order, and an interpreter of plans: it carries out the steps that the latest
// [order.Plan] names, each in its lane, waits for commands or for the plan's deadline when there are none, and gets
// a new plan from every activity. What a plan says is decided in package order, inside of activities; so the rules
// change without a new version of the workflow.
//
// A workflow is not where an order's state is kept. It can be lost at any moment: one that is started again under
// the same id reads the order, gets its plan, and goes on.
package workflows
