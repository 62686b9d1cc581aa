// Package orchestrator is how everybody outside of Temporal sends a command to an order: by update-with-start to the
// order's workflow, which is started when there is none. What the rules say comes back as the errors of package order, what
// Temporal says as the errors of this package.
package orchestrator
