package gateway

import "context"

// Notify implements [Notifier].
func (h *HTTP) Notify(ctx context.Context, r NotifyRequest) error {
	return h.post(ctx, call{path: "/notifications/send", key: r.Key, body: r})
}
