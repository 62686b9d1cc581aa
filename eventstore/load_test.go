package eventstore_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orderly/eventstore"
	"orderly/internal/testkit"
)

// checkVersions wants a stream of the versions 1 to n with a sound chain.
func checkVersions(store *eventstore.Store, stream string, n int) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	events, head, err := store.Load(ctx, stream)
	if err != nil {
		return err
	}
	if got := versionsOf(events); len(got) != n || head.Version() != n {
		return fmt.Errorf("%s has versions %v and head %d, want 1 to %d", stream, got, head.Version(), n)
	}
	if n == 0 {
		return nil
	}
	_, err = store.Verify(ctx, stream)
	return err
}

func versionsOf(events []eventstore.Event) []int {
	var versions []int
	for _, event := range events {
		versions = append(versions, event.Version)
	}
	return versions
}

func TestLoad_NoStream_IsEmptyWithZeroHead(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	events, head := load(t, store, "nowhere")
	if len(events) != 0 || !cmp.Equal(head, eventstore.Head{}) {
		t.Fatalf("got %v and %v, want nothing", events, head)
	}
}

func TestLoad_Parts(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	fill(t, store, "other", 2)
	fill(t, store, "s", 4)
	events, head := load(t, store, "s")

	after, afterHead, err := store.LoadAfter(t.Context(), "s", 2)
	if err != nil || !cmp.Equal(versionsOf(after), []int{3, 4}) || !cmp.Equal(afterHead, head) {
		t.Errorf("after 2: got %v, head %v, %v", versionsOf(after), afterHead, err)
	}
	none, noHead, err := store.LoadAfter(t.Context(), "s", 4)
	if err != nil || len(none) != 0 || !cmp.Equal(noHead, eventstore.Head{}) {
		t.Errorf("after the end: got %v, head %v, %v", versionsOf(none), noHead, err)
	}
	for version, want := range map[int][]int{0: nil, 3: {1, 2, 3}, 9: {1, 2, 3, 4}} {
		until, err := store.LoadUntilVersion(t.Context(), "s", version)
		if err != nil || !cmp.Equal(versionsOf(until), want) {
			t.Errorf("until version %d: got %v, %v, want %v", version, versionsOf(until), err, want)
		}
	}
	second := events[1].CreatedAt
	for at, want := range map[time.Time][]int{
		second.Add(-time.Microsecond): versionsOf(events[:1]), second: {1, 2}, second.Add(time.Hour): {1, 2, 3, 4}, {}: nil,
	} {
		if events[0].CreatedAt.After(at) {
			want = nil
		}
		until, err := store.LoadUntil(t.Context(), "s", at)
		if err != nil || !cmp.Equal(versionsOf(until), want) {
			t.Errorf("until %s: got %v, %v, want %v", at, versionsOf(until), err, want)
		}
	}
}

func TestAppend_ClockThatJumps_TimeOfAStreamOnlyGrows(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 29, 12, 0, 0, 123_456_789, time.FixedZone("CEST", 2*3600))
	jumps := []time.Duration{0, 0, -time.Hour, time.Nanosecond, 24 * time.Hour, -48 * time.Hour, 999 * time.Nanosecond}
	var readings atomic.Int64
	clock := func() time.Time { return noon.Add(jumps[int(readings.Add(1)-1)%len(jumps)]) }
	store := eventstore.New(testkit.Database(t), eventstore.Options{Clock: clock})

	var head eventstore.Head
	for range jumps {
		head = appendTo(t, store, "s", head, newEvents(3)...)
	}
	events, _ := load(t, store, "s")
	if got, want := events[0].CreatedAt, noon.UTC().Truncate(time.Microsecond); !got.Equal(want) || got.Location() != time.UTC {
		t.Errorf("first event at %s, want %s", got, want)
	}
	for i := 1; i < len(events); i++ {
		if step := events[i].CreatedAt.Sub(events[i-1].CreatedAt); step < time.Microsecond {
			t.Errorf("version %d is %s after the one before it, want at least 1µs", events[i].Version, step)
		}
	}
	if got, want := events[12].CreatedAt, noon.UTC().Truncate(time.Microsecond).Add(24*time.Hour); !got.Equal(want) {
		t.Errorf("the clock jumped forward: version 13 at %s, want %s", got, want)
	}
	if err := checkVersions(store, "s", 3*len(jumps)); err != nil {
		t.Error(err)
	}
}
