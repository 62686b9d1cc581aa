package gateway

import (
	"context"
	"net/http/httptrace"
	"sync"
)

// WatchSent returns a context for one request, and what says afterwards whether the other side may have the request. Adapters
// tell [*Unavailable] from [*UnknownOutcome] by it.
func WatchSent(ctx context.Context) (watched context.Context, maySent func() bool) {
	var s sentinel

	return s.watch(ctx), func() bool { return s.maySent(ctx) }
}

// sentinel watches whether a request may have reached the other side. When in doubt it says yes: an effect that is
// wrongly believed possible costs a lookup, one that is wrongly ruled out costs somebody's money.
//
// net/http repeats a request by itself when a kept connection breaks, because it carries an Idempotency-Key; so what
// one attempt sent must count even when the last attempt could not connect.
type sentinel struct {
	mu        sync.Mutex
	connected bool
	written   int
}

func (s *sentinel) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			s.mu.Lock()
			defer s.mu.Unlock()

			s.connected = true
		},
		// Called before the last bytes are flushed, so nothing complete leaves unnoticed.
		WroteHeaders: func() {
			s.mu.Lock()
			defer s.mu.Unlock()

			s.written++
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			s.mu.Lock()
			defer s.mu.Unlock()

			if info.Err != nil && s.written > 0 {
				s.written--
			}
		},
	})
}

// maySent reports whether the other side may have the whole request. A context that ended while a connection was
// there says nothing about what the transport's write loop still does, so that counts as sent.
func (s *sentinel) maySent(ctx context.Context) bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.written > 0 || (s.connected && ctx.Err() != nil)
}
