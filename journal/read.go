package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"orderly/eventstore"
	"orderly/order"
)

// ErrNotYetCreated is returned for the state of an order at a moment before its first event.
var ErrNotYetCreated = errors.New("the order was not created yet")

// Read reads an order as it is now, to base a command on it. An order that was never placed reads as one at version 0.
func (j *Journal) Read(ctx context.Context, orderID string) (Reading, error) {
	read, folded, err := j.readFrom(orderID, func(schema int) (*eventstore.Snapshot, []eventstore.Event, eventstore.Head, error) {
		return j.store.LoadFromSnapshot(ctx, orderID, schema)
	})
	if err != nil {
		return Reading{}, fmt.Errorf("load %s: %w", orderID, err)
	}
	j.snapshots.afterReading(folded, read)
	return read, nil
}

// loader loads an order from its snapshot of a schema, to whatever point.
type loader func(schema int) (*eventstore.Snapshot, []eventstore.Event, eventstore.Head, error)

// noSchema is that of no snapshot.
const noSchema = 0

// readFrom folds what a loader gives, and says how many events that were. A snapshot that cannot be read counts as none.
func (j *Journal) readFrom(orderID string, load loader) (Reading, int, error) {
	schema := order.StateSchema
	if j.snapshots == nil {
		schema = noSchema
	}
	snapshot, events, head, err := load(schema)
	if err != nil {
		return Reading{}, 0, err
	}
	state, ok := restore(orderID, snapshot)
	if snapshot != nil && !ok {
		if _, events, head, err = load(noSchema); err != nil {
			return Reading{}, 0, err
		}
	}
	read, err := reading(state, events, head)
	return read, len(events), err
}

// readOn brings a reading up to date.
func (j *Journal) readOn(ctx context.Context, old Reading) (Reading, error) {
	events, head, err := j.store.LoadAfter(ctx, old.State.OrderID, old.State.Version)
	if err != nil {
		return Reading{}, fmt.Errorf("load %s after version %d: %w", old.State.OrderID, old.State.Version, err)
	}
	if len(events) == 0 {
		return old, nil
	}
	return reading(old.State, events, head)
}

func reading(onto order.State, events []eventstore.Event, head eventstore.Head) (Reading, error) {
	recorded, err := Decode(events)
	if err != nil {
		return Reading{}, err
	}
	return Reading{State: order.FoldOnto(onto, recorded), head: head}, nil
}

// Load is an order as it is now; [order.ErrNotFound] when it was never placed.
func (j *Journal) Load(ctx context.Context, orderID string) (order.State, error) {
	read, err := j.Read(ctx, orderID)
	if err == nil && !read.State.Exists() {
		err = fmt.Errorf("%s: %w", orderID, order.ErrNotFound)
	}
	return read.State, err
}

// LoadVersion is an order as it was at a version; the latest when it has not come that far.
func (j *Journal) LoadVersion(ctx context.Context, orderID string, version int) (order.State, error) {
	read, _, err := j.readFrom(orderID, func(schema int) (*eventstore.Snapshot, []eventstore.Event, eventstore.Head, error) {
		return j.store.LoadFromSnapshotUntilVersion(ctx, orderID, schema, version)
	})
	if err != nil {
		return order.State{}, fmt.Errorf("load %s until version %d: %w", orderID, version, err)
	}
	if !read.State.Exists() {
		return order.State{}, fmt.Errorf("%s: %w", orderID, order.ErrNotFound)
	}
	return read.State, nil
}

// LoadAt is an order as it was at a moment, with everything that had been recorded up to and with it.
func (j *Journal) LoadAt(ctx context.Context, orderID string, at time.Time) (order.State, error) {
	read, _, err := j.readFrom(orderID, func(schema int) (*eventstore.Snapshot, []eventstore.Event, eventstore.Head, error) {
		return j.store.LoadFromSnapshotUntil(ctx, orderID, schema, at)
	})
	if err != nil {
		return order.State{}, fmt.Errorf("load %s until %s: %w", orderID, at.Format(time.RFC3339Nano), err)
	}
	if read.State.Exists() {
		return read.State, nil
	}
	if _, err := j.Load(ctx, orderID); err != nil {
		return order.State{}, err
	}
	return order.State{}, fmt.Errorf("%s: %w", orderID, ErrNotYetCreated)
}
