package eventstore_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"orderly/eventstore"
)

// TestWatch_AfterAnAnnouncement_LooksSoonAgain: what was announced may be held back, and nobody announces when that ends.
func TestWatch_AfterAnAnnouncement_LooksSoonAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		heard := make(chan struct{}, 1)
		stopped := false
		watch, stop := eventstore.NewWatch(func() (<-chan struct{}, func()) { return heard, func() { stopped = true } })
		waits := func(n int) (took []time.Duration) {
			for range n {
				began := time.Now()
				if err := watch.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			return took
		}
		const ms = time.Millisecond
		if got := waits(2); !slices.Equal(got, []time.Duration{500 * ms, 500 * ms}) {
			t.Errorf("without an announcement it waited %v", got)
		}
		heard <- struct{}{}
		if got := waits(8); !slices.Equal(got, []time.Duration{0, 20 * ms, 40 * ms, 80 * ms, 160 * ms, 320 * ms, 500 * ms, 500 * ms}) {
			t.Errorf("after an announcement it waited %v", got)
		}
		if stop(); !stopped {
			t.Error("it is subscribed still")
		}
	})
}

func TestWatch_NobodyAnnounces_LooksTwiceASecond_UntilTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		watch, stop := eventstore.NewWatch(nil)
		defer stop()
		ctx, cancel := context.WithTimeout(t.Context(), 1200*time.Millisecond)
		defer cancel()
		looks := 0
		for watch.Wait(ctx) == nil {
			looks++
		}
		if err := watch.Wait(ctx); looks != 2 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it looked %d times, and ended with %v", looks, err)
		}
	})
}
