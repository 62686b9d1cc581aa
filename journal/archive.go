package journal

import (
	"context"
	"iter"
	"time"

	"orderly/eventstore"
	"orderly/order"
)

// endings are the events after which nothing more happens to an order by itself.
var endings = []string{(&order.OrderClosed{}).EventType(), (&order.OrderCancelled{}).EventType()}

// Ended finds the orders that are closed or cancelled and of which nothing was recorded since a moment, and that have events
// which can be archived.
func (j *Journal) Ended(ctx context.Context, before time.Time) iter.Seq2[eventstore.Ended, error] {
	return j.store.EndedStreams(ctx, endings, before)
}

// Archive moves those orders' events, but the last of each, into files: see [eventstore.Store.Archive]. The orders go on
// being read and taking commands as before.
func (j *Journal) Archive(
	ctx context.Context, before time.Time, progress func(eventstore.Archived),
) (eventstore.Archived, error) {
	return j.store.Archive(ctx, j.Ended(ctx, before), progress)
}
