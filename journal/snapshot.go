package journal

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"orderly/eventstore"
	"orderly/order"
)

const (
	// snapshotEvery is how many events lie between the snapshots of an order, unless Options say otherwise.
	snapshotEvery = 50
	// snapshotsWaiting is how many orders may wait for their snapshot to be written. It bounds memory: what comes
	// when all places are taken is dropped, and made up for by a later append or reading of the order.
	snapshotsWaiting = 256
)

// Run writes the snapshots that appends and readings call for, one after another and beside the answers, until the
// context ends. A journal without it reads snapshots and writes none.
func (j *Journal) Run(ctx context.Context) {
	if j.snapshots == nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.snapshots.offered:
		}
		j.saveOffered(ctx)
	}
}

func (j *Journal) saveOffered(ctx context.Context) {
	for _, each := range j.snapshots.take() {
		if err := j.saveSnapshot(ctx, each); err != nil && ctx.Err() == nil {
			j.snapshots.failed(each.State.OrderID, err)
		}
	}
}

func (j *Journal) saveSnapshot(ctx context.Context, r Reading) error {
	state, err := encodeState(r.State)
	if err != nil {
		return fmt.Errorf("encode the state of %s: %w", r.State.OrderID, err)
	}
	return j.store.SaveSnapshot(ctx, r.State.OrderID, r.head.Snapshot(order.StateSchema, state))
}

// snapshots are the readings that wait to be written as snapshots, the latest of each order. A nil one takes none.
type snapshots struct {
	every   int
	failed  func(orderID string, err error)
	offered chan struct{}

	mu      sync.Mutex
	waiting map[string]Reading
}

// newSnapshots makes room for them; nil when there are to be none.
func newSnapshots(options Options) *snapshots {
	every, failed := options.SnapshotEvery, options.SnapshotFailed
	if every < 0 {
		return nil
	}
	if every == 0 {
		every = snapshotEvery
	}
	if failed == nil {
		failed = func(string, error) {}
	}
	return &snapshots{every: every, failed: failed, offered: make(chan struct{}, 1), waiting: map[string]Reading{}}
}

// afterAppend wants a snapshot of an order that has come past a multiple of every.
func (s *snapshots) afterAppend(before int, r Reading) {
	if s != nil && before/s.every != r.State.Version/s.every {
		s.offer(r)
	}
}

// afterReading wants one of an order of which too many events had to be folded: it had none, or none that was fit for use.
func (s *snapshots) afterReading(folded int, r Reading) {
	if s != nil && folded > s.every {
		s.offer(r)
	}
}

func (s *snapshots) offer(r Reading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	have, there := s.waiting[r.State.OrderID]
	if there && have.State.Version >= r.State.Version || !there && len(s.waiting) >= snapshotsWaiting {
		return
	}
	s.waiting[r.State.OrderID] = r
	select {
	case s.offered <- struct{}{}:
	default:
	}
}

func (s *snapshots) take() map[string]Reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.waiting
	s.waiting = map[string]Reading{}
	return taken
}

// encodeState writes a state as the store keeps it: the length of the older commands in four bytes, these as they are, and
// the rest as JSON. As JSON, the older commands would take longer to read than all the rest.
func encodeState(state order.State) ([]byte, error) {
	older := state.OlderCommands
	state.OlderCommands = nil
	rest, err := json.Marshal(state)
	if err != nil {
		return nil, err
	}
	encoded := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(older)+len(rest)), uint32(len(older)))
	return append(append(encoded, older...), rest...), nil
}

func decodeState(encoded []byte) (order.State, error) {
	if len(encoded) < 4 {
		return order.State{}, errors.New("the state is cut off")
	}
	length, rest := int(binary.BigEndian.Uint32(encoded)), encoded[4:]
	if length > len(rest) {
		return order.State{}, errors.New("the state is cut off")
	}
	state, err := order.DecodeState(rest[length:])
	if err != nil {
		return order.State{}, err
	}
	if length > 0 {
		state.OlderCommands = rest[:length:length]
	}
	return state, nil
}

// restore is the state of a snapshot; false when there is none, or when it is not what its columns say.
func restore(orderID string, snapshot *eventstore.Snapshot) (order.State, bool) {
	if snapshot == nil {
		return order.State{OrderID: orderID}, false
	}
	state, err := decodeState(snapshot.State)
	if err != nil || state.OrderID != orderID || state.Version != snapshot.Version {
		return order.State{OrderID: orderID}, false
	}
	return state, true
}
