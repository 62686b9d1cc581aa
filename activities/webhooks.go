package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"orderly/webhooks"
)

const (
	// deliverFor is how long one activity delivers to an endpoint, deliverBeat how often it says that it is alive.
	deliverFor  = 10 * time.Minute
	deliverBeat = time.Second
)

// Webhooks is the activity of the webhook workflow.
type Webhooks struct{ Deliverer *webhooks.Deliverer }

// DeliverWebhooks delivers to an endpoint until it is cancelled, the worker stops, its time is over, or the endpoint is not
// to be told any more: it says whether it still is.
func (w *Webhooks) DeliverWebhooks(ctx context.Context, endpointID string) (bool, error) {
	running, stop := context.WithTimeout(ctx, deliverFor)
	defer stop()
	var mu sync.Mutex
	var latest webhooks.Progress
	var background sync.WaitGroup
	background.Go(func() {
		ticker := time.NewTicker(deliverBeat)
		defer ticker.Stop()
		for {
			mu.Lock()
			activity.RecordHeartbeat(ctx, latest)
			mu.Unlock()
			select {
			case <-ticker.C:
			case <-activity.GetWorkerStopChannel(ctx):
				stop()
				return
			case <-running.Done():
				return
			}
		}
	})
	enabled, err := w.Deliverer.Run(running, endpointID, func(progress webhooks.Progress) {
		mu.Lock()
		defer mu.Unlock()
		latest = progress
	})
	stop()
	background.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return enabled, err
}
