package journal_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"orderly/eventstore"
	"orderly/internal/testkit"
	"orderly/journal"
	"orderly/order"
)

// TestApply_AClockThatJumpsBack_NeverTurnsAnOrdersTimeBack: neither the times of its events nor those of its commands.
func TestApply_AClockThatJumpsBack_NeverTurnsAnOrdersTimeBack(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	now := noon
	clock := func() time.Time { return now }
	store := eventstore.New(testkit.Database(t), eventstore.Options{Clock: clock})
	j := journal.New(store, policy, journal.Options{Clock: clock})

	apply(t, j, "place", placeOrder())
	for i, jump := range []time.Duration{-time.Hour, -24 * time.Hour, 0, time.Minute, -time.Second} {
		now = noon.Add(jump)
		apply(t, j, fmt.Sprint("note-", i), order.AddNote{Text: jump.String()})
	}

	var lastEvent, lastCommand time.Time
	for _, event := range wantVersion(t, store, 6) {
		var metadata journal.Metadata
		if err := json.Unmarshal(event.Metadata, &metadata); err != nil {
			t.Fatal(err)
		}
		if !event.CreatedAt.After(lastEvent) {
			t.Errorf("event %d is of %s, the one before it of %s", event.Version, event.CreatedAt, lastEvent)
		}
		if metadata.OccurredAt.Before(lastEvent) || metadata.OccurredAt.Before(lastCommand) {
			t.Errorf("the command of event %d is of %s, the one before it of %s, its event of %s", event.Version, metadata.OccurredAt, lastCommand, lastEvent)
		}
		lastEvent, lastCommand = event.CreatedAt, metadata.OccurredAt
	}
	if want := noon.Add(time.Minute); lastEvent.Before(want) || lastEvent.After(want.Add(time.Millisecond)) {
		t.Errorf("the last event is of %s, want just after %s: the clock had come that far", lastEvent, want)
	}
}

// TestApply_AClockThatJumpedBack_DeadlinesCountFromTheOrdersTime: a deadline that follows from a command is not in the past.
func TestApply_AClockThatJumpedBack_DeadlinesCountFromTheOrdersTime(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	now := noon
	clock := func() time.Time { return now }
	store := eventstore.New(testkit.Database(t), eventstore.Options{Clock: clock})
	j := journal.New(store, policy, journal.Options{Clock: clock})

	apply(t, j, "place", placeOrder())
	apply(t, j, "screen", order.RecordScreening{Decision: "clear"})
	now = noon.Add(-24 * time.Hour)
	result := apply(t, j, "reserve", order.RecordReservation{
		Key: current(t, j).ReserveKey(), Missing: []order.Allocation{{LineID: "l1", SKU: "SKU-1", Quantity: 1}},
	})
	if got := result.Plan.Deadline; got == nil || got.At.Before(noon.Add(policy.ShortageAnswerWithin)) {
		t.Errorf("the customer has until %v, want %s after %s at least", got, policy.ShortageAnswerWithin, noon)
	}
}

// current is ord_1 as it is now.
func current(t *testing.T, j *journal.Journal) order.State {
	t.Helper()
	state, err := j.Load(t.Context(), "ord_1")
	if err != nil {
		t.Fatal(err)
	}
	return state
}
