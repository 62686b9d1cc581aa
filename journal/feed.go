package journal

import (
	"context"
	"fmt"
	"sync"

	"orderly/eventstore"
	"orderly/order"
	"orderly/vault"
)

// maxOwners bounds how many orders a Feed remembers the owners of.
const maxOwners = 50_000

// Told is an event of an order with the id of the order, as those are told who are to know of it.
type Told struct {
	OrderID string `json:"order_id"`
	Entry
	// Tenant is whose order it is; Place is where the event stands in the feed.
	Tenant string              `json:"-"`
	Place  eventstore.Position `json:"-"`
}

// Feed reads the events of all orders in the shape [Upcast]. It may be used from many goroutines.
type Feed struct {
	journal *Journal

	mu     sync.Mutex
	owners map[string]vault.Owner
}

// Feed makes a Feed.
func (j *Journal) Feed() *Feed { return &Feed{journal: j, owners: map[string]vault.Owner{}} }

// End is the place of the last event that can be read.
func (f *Feed) End(ctx context.Context) (eventstore.Position, error) {
	head, err := f.journal.store.FeedHead(ctx)
	return head.Last, err
}

// Read reads up to limit events of all orders after a place, as [eventstore.Store.ReadFeed] does.
func (f *Feed) Read(ctx context.Context, after eventstore.Position, limit int) ([]Told, error) {
	events, err := f.journal.store.ReadFeed(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	return f.tell(ctx, events)
}

// ReadOrder reads the events of an order after a version.
func (f *Feed) ReadOrder(ctx context.Context, orderID string, after int) ([]Told, error) {
	events, _, err := f.journal.store.LoadAfter(ctx, orderID, after)
	if err != nil {
		return nil, fmt.Errorf("load %s after version %d: %w", orderID, after, err)
	}
	return f.tell(ctx, events)
}

func (f *Feed) tell(ctx context.Context, events []eventstore.Event) ([]Told, error) {
	told := make([]Told, len(events))
	for i, event := range events {
		owner, err := f.owner(ctx, event)
		if err != nil {
			return nil, err
		}
		entry, err := f.journal.show(ctx, event, &owner)
		if err != nil {
			return nil, err
		}
		told[i] = Told{OrderID: event.StreamID, Entry: entry, Tenant: owner.Tenant, Place: event.Position}
	}
	return told, nil
}

// owner is whose order an event is of: its first event says so, and is read for orders that are older than what is
// remembered.
func (f *Feed) owner(ctx context.Context, event eventstore.Event) (vault.Owner, error) {
	f.mu.Lock()
	owner, known := f.owners[event.StreamID]
	f.mu.Unlock()
	if known {
		return owner, nil
	}
	if event.Version == 1 {
		first, err := DecodeEvent(event)
		if err != nil {
			return vault.Owner{}, err
		}
		owner = ownerOf(order.FoldOnto(order.State{OrderID: event.StreamID}, []order.Recorded{first}))
	} else {
		state, err := f.journal.Load(ctx, event.StreamID)
		if err != nil {
			return vault.Owner{}, err
		}
		owner = ownerOf(state)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.owners) >= maxOwners {
		clear(f.owners)
	}
	f.owners[event.StreamID] = owner
	return owner, nil
}
