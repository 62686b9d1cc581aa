package projection

import (
	"context"
	"sync"

	"orderly/eventstore"
)

// Channel is the name under which it is announced that a read model has moved. That happens outside of the batch's
// transaction and off its path; an announcement that is lost costs a reader one poll.
const Channel = "orderly_projected"

// announcing lets a notifier work until stop, which waits for its end.
func announcing(ctx context.Context, notifier *eventstore.Notifier) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { notifier.Run(ctx) })
	return func() {
		cancel()
		done.Wait()
	}
}
