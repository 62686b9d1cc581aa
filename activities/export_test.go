package activities

import "context"

// StartAll tries to start the workflows of orders without asking which of them run.
func StartAll(ctx context.Context, r *Reconciler, ids []string) (int, error) {
	return r.start(ctx, ids, func() {})
}
