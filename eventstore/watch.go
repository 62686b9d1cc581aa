package eventstore

import (
	"context"
	"time"
)

const (
	// lookSoon is how long after an announcement the feed is looked at again. What was announced can be held back by a
	// transaction anywhere in the cluster, whose end nobody announces; most last for milliseconds.
	lookSoon = 20 * time.Millisecond
	// lookSeldom is how often the feed is looked at when nothing is announced: an announcement can get lost.
	lookSeldom = 500 * time.Millisecond
)

// Watch tells a reader that has come to the end of the feed when to look again.
type Watch struct {
	heard <-chan struct{}
	pause time.Duration
}

// NewWatch makes a Watch. Subscribe gives what wakes it ([Listener.On] with [Channel]); with nil it looks twice a second. Stop
// ends the subscription.
func NewWatch(subscribe func() (heard <-chan struct{}, stop func())) (w *Watch, stop func()) {
	w = &Watch{pause: lookSeldom}
	if subscribe == nil {
		return w, func() {}
	}
	w.heard, stop = subscribe()
	return w, stop
}

// Wait returns after the next announcement, or one since it returned last. Without one it returns soon after the last one, then
// in twice that time, and so on, and at last twice a second. Errors: the context's.
func (w *Watch) Wait(ctx context.Context) error {
	look := time.NewTimer(w.pause)
	defer look.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-w.heard:
		w.pause = lookSoon
	case <-look.C:
		w.pause = min(2*w.pause, lookSeldom)
	}
	return nil
}
