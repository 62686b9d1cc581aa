package torture

import (
	"context"
	"sync"
	"time"

	"orderly/eventstore"
)

// follower reads the feed from its beginning, as a projection does, and notes what it was given.
type follower struct {
	store *eventstore.Store
	// mu guards what follows.
	mu        sync.Mutex
	delivered map[string][]int
	events    int
}

// feedBatch is how many events are read at a time.
const feedBatch = 500

// run follows the feed until the context ends. When the database is away it comes again.
func (f *follower) run(ctx context.Context) {
	var after eventstore.Position
	for ctx.Err() == nil {
		reading, cancel := context.WithTimeout(ctx, 10*time.Second)
		events, err := f.store.ReadFeed(reading, after, feedBatch)
		cancel()
		if err == nil && len(events) > 0 {
			f.note(events)
			after = events[len(events)-1].Position
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (f *follower) note(events []eventstore.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, event := range events {
		f.delivered[event.StreamID] = append(f.delivered[event.StreamID], event.Version)
	}
	f.events += len(events)
}

// soFar is a copy of what was delivered, and how many events that were.
func (f *follower) soFar() (delivered map[string][]int, events int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delivered = make(map[string][]int, len(f.delivered))
	for id, versions := range f.delivered {
		delivered[id] = append([]int(nil), versions...)
	}
	return delivered, f.events
}
