package eventstore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

const stateSchema = 7

// snapshotAt is a snapshot of a stream at a version.
func snapshotAt(t testing.TB, store *eventstore.Store, stream string, version int, state string) eventstore.Snapshot {
	t.Helper()
	events, _ := load(t, store, stream)
	last := events[version-1]
	return eventstore.Snapshot{
		Version: version, Hash: last.Hash, CreatedAt: last.CreatedAt, SchemaVersion: stateSchema, State: []byte(state),
	}
}

func save(t testing.TB, store *eventstore.Store, stream string, snapshot eventstore.Snapshot) {
	t.Helper()
	if err := store.SaveSnapshot(t.Context(), stream, snapshot); err != nil {
		t.Fatal(err)
	}
}

// wantFromSnapshot loads a stream and wants the state, "" for none, and the rest of a stream of n events.
func wantFromSnapshot(t testing.TB, store *eventstore.Store, stream, state string, after, n int) {
	t.Helper()
	snapshot, tail, head, err := store.LoadFromSnapshot(t.Context(), stream, stateSchema)
	if err != nil {
		t.Fatal(err)
	}
	checkLoaded(t, store, stream, snapshot, tail, head, state, after, n)
}

func checkLoaded(t testing.TB, store *eventstore.Store, stream string, snapshot *eventstore.Snapshot, tail []eventstore.Event,
	head eventstore.Head, state string, after, n int,
) {
	t.Helper()
	if got := snapshot != nil; got != (state != "") || got && string(snapshot.State) != state {
		t.Errorf("got snapshot %+v, want state %q", snapshot, state)
	}
	all, _ := load(t, store, stream)
	if diff := cmp.Diff(append([]eventstore.Event(nil), all[after:n]...), tail); diff != "" {
		t.Errorf("events after %d (-want +got):\n%s", after, diff)
	}
	var want eventstore.Snapshot
	if n > 0 {
		want = eventstore.Snapshot{Version: n, Hash: all[n-1].Hash, CreatedAt: all[n-1].CreatedAt}
	}
	if diff := cmp.Diff(want, head.Snapshot(0, nil)); diff != "" {
		t.Errorf("head (-want +got):\n%s", diff)
	}
}

func TestLoadFromSnapshot_GivesTheSnapshotAndWhatFollows(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	fill(t, store, "other", 3)
	fill(t, store, "s", 9)
	wantFromSnapshot(t, store, "s", "", 0, 9)
	save(t, store, "s", snapshotAt(t, store, "s", 5, "at 5"))
	save(t, store, "other", snapshotAt(t, store, "other", 3, "other"))
	wantFromSnapshot(t, store, "s", "at 5", 5, 9)
	wantFromSnapshot(t, store, "other", "other", 3, 3)
	if snapshot, events, head, err := store.LoadFromSnapshot(t.Context(), "nowhere", stateSchema); err != nil || snapshot != nil ||
		len(events) > 0 || !cmp.Equal(head, eventstore.Head{}) {
		t.Errorf("no stream: got %v, %v, %v, %v", snapshot, events, head, err)
	}
	_, _, head, err := store.LoadFromSnapshot(t.Context(), "other", stateSchema)
	if err != nil {
		t.Fatal(err)
	}
	appendTo(t, store, "other", head, newEvent("Next")) // the head that a snapshot gives is one to append to
	wantFromSnapshot(t, store, "other", "other", 3, 4)
}

func TestLoadFromSnapshotUntil_UsesNoLaterSnapshot(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	fill(t, store, "s", 9)
	save(t, store, "s", snapshotAt(t, store, "s", 5, "at 5"))
	events, _ := load(t, store, "s")
	for version, want := range map[int]struct {
		state    string
		after, n int
	}{0: {}, 4: {n: 4}, 5: {"at 5", 5, 5}, 7: {"at 5", 5, 7}, 12: {"at 5", 5, 9}} {
		snapshot, tail, head, err := store.LoadFromSnapshotUntilVersion(t.Context(), "s", stateSchema, version)
		if err != nil {
			t.Fatal(err)
		}
		checkLoaded(t, store, "s", snapshot, tail, head, want.state, want.after, want.n)
		at := events[0].CreatedAt.Add(-time.Hour)
		if version > 0 {
			at = events[min(version, 9)-1].CreatedAt
		}
		snapshot, tail, head, err = store.LoadFromSnapshotUntil(t.Context(), "s", stateSchema, at)
		if err != nil {
			t.Fatal(err)
		}
		checkLoaded(t, store, "s", snapshot, tail, head, want.state, want.after, want.n)
	}
}

// TestLoadFromSnapshot_IgnoresWhatDoesNotFit_AndReplacesIt also shows that each of them, left alone, is used.
func TestLoadFromSnapshot_IgnoresWhatDoesNotFit_AndReplacesIt(t *testing.T) {
	t.Parallel()
	set := func(assignment string) func(testing.TB, *eventstore.Store, *pgxpool.Pool) {
		return func(t testing.TB, _ *eventstore.Store, pool *pgxpool.Pool) {
			exec(t, pool, `UPDATE order_snapshots SET `+assignment+` WHERE order_id = 's'`)
		}
	}
	// replaced makes a snapshot with a sound checksum the stream's own, whatever it says.
	replaced := func(change func(*eventstore.Snapshot)) func(testing.TB, *eventstore.Store, *pgxpool.Pool) {
		return func(t testing.TB, store *eventstore.Store, pool *pgxpool.Pool) {
			snapshot := snapshotAt(t, store, "s", 5, "at 5")
			change(&snapshot)
			exec(t, pool, `DELETE FROM order_snapshots`)
			save(t, store, "s", snapshot)
		}
	}
	for name, spoil := range map[string]func(testing.TB, *eventstore.Store, *pgxpool.Pool){
		"state changed":       set(`state = 'at 6'`),
		"version changed":     set(`version = 4`),
		"time changed":        set(`created_at = created_at + interval '1 microsecond'`),
		"hash changed":        set(`hash = sha256(hash)`),
		"checksum changed":    set(`checksum = sha256(checksum)`),
		"taken_at changed":    set(`taken_at = taken_at - interval '1 second'`),
		"of another stream":   func(t testing.TB, store *eventstore.Store, pool *pgxpool.Pool) { moveSnapshot(t, store, pool) },
		"of an older schema":  replaced(func(s *eventstore.Snapshot) { s.SchemaVersion-- }),
		"of a later schema":   replaced(func(s *eventstore.Snapshot) { s.SchemaVersion++ }),
		"ahead of the stream": replaced(func(s *eventstore.Snapshot) { s.Version = 1000 }),
		"of another past":     replaced(func(s *eventstore.Snapshot) { s.Hash = make([]byte, 32) }),
		"at another time":     replaced(func(s *eventstore.Snapshot) { s.CreatedAt = s.CreatedAt.Add(-time.Hour) }),
		"without a hash":      replaced(func(s *eventstore.Snapshot) { s.Hash = []byte{} }),
		"deleted as redundant": func(t testing.TB, _ *eventstore.Store, pool *pgxpool.Pool) {
			exec(t, pool, `DELETE FROM order_snapshots`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, pool := newStore(t)
			fill(t, store, "s", 8)
			save(t, store, "s", snapshotAt(t, store, "s", 5, "at 5"))
			wantFromSnapshot(t, store, "s", "at 5", 5, 8)
			spoil(t, store, pool)
			wantFromSnapshot(t, store, "s", "", 0, 8)
			until, tail, head, err := store.LoadFromSnapshotUntilVersion(t.Context(), "s", stateSchema, 6)
			if err != nil {
				t.Fatal(err)
			}
			checkLoaded(t, store, "s", until, tail, head, "", 0, 6)
			save(t, store, "s", snapshotAt(t, store, "s", 7, "at 7"))
			wantFromSnapshot(t, store, "s", "at 7", 7, 8)
		})
	}
}

// moveSnapshot gives s the snapshot of another stream.
func moveSnapshot(t testing.TB, store *eventstore.Store, pool *pgxpool.Pool) {
	t.Helper()
	fill(t, store, "other", 5)
	save(t, store, "other", snapshotAt(t, store, "other", 5, "other"))
	exec(t, pool, `DELETE FROM order_snapshots WHERE order_id = 's'`)
	exec(t, pool, `UPDATE order_snapshots SET order_id = 's'`)
}

func TestSaveSnapshot_WritersRace_TheLatestStays(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	fill(t, store, "s", 40)
	var wait sync.WaitGroup
	for version := 1; version <= 40; version++ {
		snapshot := snapshotAt(t, store, "s", version, fmt.Sprintf("at %d", version))
		wait.Go(func() {
			if err := store.SaveSnapshot(context.Background(), "s", snapshot); err != nil {
				t.Errorf("save at %d: %v", version, err)
			}
		})
	}
	wait.Wait()
	wantFromSnapshot(t, store, "s", "at 40", 40, 40)
	save(t, store, "s", snapshotAt(t, store, "s", 39, "late"))
	wantFromSnapshot(t, store, "s", "at 40", 40, 40)
}
