package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"orderly/eventstore"
	"orderly/internal/lookout"
	"orderly/order"
	"orderly/vault"
)

// attempts bounds how often a command is decided again because another writer was faster.
const attempts = 30

// Journal applies commands to orders and reads them.
type Journal struct {
	store     *eventstore.Store
	policy    order.Policy
	clock     func() time.Time
	vault     *vault.Vault
	snapshots *snapshots
	placings  *lookout.Lookout[string, string] // command ids, by the orders that they have placed
}

// Options are what a Journal may be given beside its store and policy.
type Options struct {
	// Clock tells the time at which commands are decided; time.Now when nil.
	Clock func() time.Time
	// Vault seals and opens personal data. Without one a journal reads everything but that, and stores none.
	Vault *vault.Vault
	// SnapshotEvery is how many events lie between the snapshots of an order: 50 when 0. When it is negative, snapshots are
	// neither written nor read.
	SnapshotEvery int
	// Appended subscribes to the announcements of appends: [orderly/eventstore.Listener.On] with
	// [orderly/eventstore.Channel]. With nil those who await a placing look a few times a second.
	Appended func() (appended <-chan struct{}, stop func())
	// SnapshotFailed hears of snapshots that could not be written; nobody does when it is nil. The orders are as well without.
	SnapshotFailed func(orderID string, err error)
}

// New makes a Journal on a store, deciding by a policy.
func New(store *eventstore.Store, policy order.Policy, options Options) *Journal {
	if options.Clock == nil {
		options.Clock = time.Now
	}
	j := &Journal{
		store: store, policy: policy, clock: options.Clock, vault: options.Vault, snapshots: newSnapshots(options),
	}
	j.placings = lookout.New(options.Appended, j.readPlacings)
	return j
}

// Result is an order after a command.
type Result struct {
	// State is the order as it is now.
	State order.State
	// Plan is what it needs now.
	Plan order.Plan
	// Version is what the command led to: the order's version after its events, or the present one when it had none.
	Version int
	// Replayed is true when the command had been applied before.
	Replayed bool
}

// Reading is an order as it was read, and the head of its stream, on which an append can be based.
type Reading struct {
	State order.State
	head  eventstore.Head
}

// Apply decides a command on an order and appends what follows. A command that was applied before appends nothing
// and has the version of the first time.
//
// Errors: those of [order.Decide], and the store's, wrapped. After a store error the command may or may not have been
// applied; applying it again is safe.
func (j *Journal) Apply(ctx context.Context, orderID string, command order.Command) (Result, error) {
	reading, err := j.Read(ctx, orderID)
	if err != nil {
		return Result{}, err
	}
	return j.ApplyTo(ctx, reading, command)
}

// ApplyTo is Apply on an order that was just read; it saves reading it again.
func (j *Journal) ApplyTo(ctx context.Context, reading Reading, command order.Command) (Result, error) {
	for attempt := 1; ; attempt++ {
		result, err := j.decide(ctx, reading, command)
		if _, ok := errors.AsType[*eventstore.ConflictError](err); !ok {
			return result, err
		}
		if attempt == attempts {
			return Result{}, fmt.Errorf("apply %s to %s: gave up after %d conflicts: %w",
				command.Body.CommandName(), reading.State.OrderID, attempts, err)
		}
		if err := pause(ctx, attempt); err != nil {
			return Result{}, err
		}
		if reading, err = j.readOn(ctx, reading); err != nil {
			return Result{}, err
		}
	}
}

func (j *Journal) decide(ctx context.Context, reading Reading, command order.Command) (Result, error) {
	state := reading.State
	version, applied, err := j.Applied(ctx, state, command.ID)
	if err != nil {
		return Result{}, err
	}
	if applied {
		return Result{State: state, Plan: j.PlanFor(state), Version: version, Replayed: true}, nil
	}
	command.Fresh = true
	command.At = j.clock().UTC().Truncate(time.Microsecond)
	if command.At.Before(state.UpdatedAt) {
		command.At = state.UpdatedAt
	}
	command, err = j.sealFor(ctx, state, command)
	if err != nil {
		return Result{}, err
	}
	events, err := order.Decide(state, command, j.policy)
	if err != nil {
		return Result{}, err
	}
	if len(events) > 0 {
		if state, err = j.append(ctx, reading, command, events); err != nil {
			return Result{}, err
		}
	}
	return Result{State: state, Plan: j.PlanFor(state), Version: state.Version}, nil
}

func (j *Journal) append(ctx context.Context, reading Reading, command order.Command, events []order.Event) (order.State, error) {
	encoded, err := encode(ctx, command, events)
	if err != nil {
		return order.State{}, err
	}
	stored, head, err := j.store.Append(ctx, reading.State.OrderID, reading.head, encoded...)
	if err != nil {
		return order.State{}, fmt.Errorf("append to %s at version %d: %w", reading.State.OrderID, reading.State.Version, err)
	}
	recorded := make([]order.Recorded, len(stored))
	for i, event := range stored {
		recorded[i] = order.Recorded{
			Version: event.Version, At: event.CreatedAt, CommandID: command.ID, Reason: command.Reason, Event: events[i],
		}
	}
	state := order.FoldOnto(reading.State, recorded)
	j.snapshots.afterAppend(reading.State.Version, Reading{State: state, head: head})
	return state, nil
}

// PlanFor says what an order in this state needs next, by the journal's policy.
func (j *Journal) PlanFor(state order.State) order.Plan { return order.PlanFor(state, j.policy) }

// pause waits a little longer after each conflict, with full jitter, so that writers that met do not meet again.
func pause(ctx context.Context, attempt int) error {
	longest := min(time.Duration(attempt)*2*time.Millisecond, 50*time.Millisecond)
	select {
	case <-time.After(rand.N(longest)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
