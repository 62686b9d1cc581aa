package activities

import (
	"context"

	"orderly/workflows"
)

// StartAll tries to start the workflows of orders without asking which of them run.
func StartAll(ctx context.Context, r *Reconciler, ids []string) (int, error) {
	return r.start(ctx, ids, func() {})
}

// Wake wakes the workflows that stand still.
func (r *Reconciler) Wake(ctx context.Context, in workflows.ReconcileInput) (int, error) {
	return r.wake(ctx, in, func() {})
}
