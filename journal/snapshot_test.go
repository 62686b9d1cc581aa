package journal

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"orderly/eventstore"
	"orderly/order"
)

// TestAnyLife_ThroughSnapshots_IsTheSame: at every version and moment, an order reads as if there were no snapshots.
func TestAnyLife_ThroughSnapshots_IsTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	lives, used := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		lives++
		id := fmt.Sprintf("ord_%d", lives)
		w.must(id, placed())
		for range rapid.IntRange(0, 12).Draw(rt, "moves") {
			w.randomMove(rt, id)
			if rapid.Bool().Draw(rt, "save") {
				w.book.saveOffered(t.Context())
			}
			if diff := cmp.Diff(w.load(w.replay, id), w.load(w.book, id), cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("now (-replayed +from snapshot):\n%s", diff)
			}
		}
		used += w.snapshotVersion(id)
		w.comparePast(rt, id)
	})
	if used == 0 {
		t.Error("no life had a snapshot")
	}
}

func (w *world) comparePast(rt *rapid.T, id string) {
	for version := range w.load(w.replay, id).Version + 2 {
		want, wantErr := w.replay.LoadVersion(w.t.Context(), id, version)
		got, err := w.book.LoadVersion(w.t.Context(), id, version)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || (err == nil) != (wantErr == nil) {
			rt.Fatalf("version %d: %v, %v (-replayed +from snapshot):\n%s", version, wantErr, err, diff)
		}
		at := want.UpdatedAt
		want, wantErr = w.replay.LoadAt(w.t.Context(), id, at)
		got, err = w.book.LoadAt(w.t.Context(), id, at)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || (err == nil) != (wantErr == nil) {
			rt.Fatalf("at %s: %v, %v (-replayed +from snapshot):\n%s", at, wantErr, err, diff)
		}
	}
}

func TestSnapshot_IsWrittenWhenAMultipleIsPassed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 10)
	w.must("ord_1", placed())
	w.notes("ord_1", 8)
	w.book.saveOffered(t.Context())
	if got := w.snapshotVersion("ord_1"); got != 0 {
		t.Errorf("at version 9: a snapshot at %d", got)
	}
	w.notes("ord_1", 1)
	w.book.saveOffered(t.Context())
	if got := w.snapshotVersion("ord_1"); got != 10 {
		t.Errorf("at version 10: a snapshot at %d", got)
	}
	w.notes("ord_1", 25)
	w.book.saveOffered(t.Context()) // of those that were wanted meanwhile, the newest
	if got := w.snapshotVersion("ord_1"); got < 30 {
		t.Errorf("at version 35: a snapshot at %d, want 30 or later", got)
	}
}

// spoil puts a snapshot in place of an order's, with a checksum that is right.
func (w *world) spoil(id string, change func(*eventstore.Snapshot, *order.State)) {
	w.t.Helper()
	snapshot, _, _, err := w.store.LoadFromSnapshot(w.t.Context(), id, order.StateSchema)
	if err != nil || snapshot == nil {
		w.t.Fatalf("%s has no snapshot: %v", id, err)
	}
	state, err := decodeState(snapshot.State)
	if err != nil {
		w.t.Fatal(err)
	}
	change(snapshot, &state)
	if snapshot.State, err = encodeState(state); err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.SaveSnapshot(w.t.Context(), id, *snapshot); err != nil {
		w.t.Fatal(err)
	}
}

func TestRead_UsesTheSnapshotThatFits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 10)
	w.must("ord_1", placed())
	w.notes("ord_1", 9)
	w.book.saveOffered(t.Context())
	w.notes("ord_1", 3)
	w.spoil("ord_1", func(_ *eventstore.Snapshot, state *order.State) { state.CustomerID = "of the snapshot" })
	for version, want := range map[int]string{9: "c", 10: "of the snapshot", 12: "of the snapshot"} {
		state, err := w.book.LoadVersion(t.Context(), "ord_1", version)
		if err != nil || state.Version != version || state.CustomerID != want {
			t.Errorf("version %d: got %d of %q, %v, want %q", version, state.Version, state.CustomerID, err, want)
		}
	}
	if got := w.load(w.book, "ord_1"); got.CustomerID != "of the snapshot" || got.Version != 13 {
		t.Errorf("now: got version %d of %q", got.Version, got.CustomerID)
	}
	if got := w.must("ord_1", order.AddNote{Text: "onto the snapshot"}); got.Version != 14 {
		t.Errorf("an append onto a snapshot led to version %d", got.Version)
	}
}

func TestRead_IgnoresAndReplacesWhatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(w *world){
		"older schema": func(w *world) {
			w.spoil("ord_1", func(s *eventstore.Snapshot, _ *order.State) { s.SchemaVersion = order.StateSchema + 1 })
		},
		"broken checksum": func(w *world) {
			if _, err := w.pool.Exec(w.t.Context(), `UPDATE order_snapshots SET state = state || '!'::bytea`); err != nil {
				w.t.Fatal(err)
			}
		},
		"of another order": func(w *world) {
			w.spoil("ord_1", func(_ *eventstore.Snapshot, state *order.State) { state.OrderID = "ord_2" })
		},
		"of another version": func(w *world) {
			w.spoil("ord_1", func(_ *eventstore.Snapshot, state *order.State) { state.Version-- })
		},
		"no state":              func(w *world) { w.spoilState([]byte{}) },
		"state cut off":         func(w *world) { w.spoilState([]byte{0, 0, 0, 9, 1}) },
		"state that is no JSON": func(w *world) { w.spoilState([]byte{0, 0, 0, 0, '{'}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 10)
			w.must("ord_1", placed())
			w.notes("ord_1", 12)
			w.book.saveOffered(t.Context())
			spoil(w)
			want := w.load(w.replay, "ord_1")
			if diff := cmp.Diff(want, w.load(w.book, "ord_1"), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-replayed +read):\n%s", diff)
			}
			w.book.saveOffered(t.Context())
			snapshot, _, _, err := w.store.LoadFromSnapshot(t.Context(), "ord_1", order.StateSchema)
			if err != nil || snapshot == nil || snapshot.Version != 13 {
				t.Fatalf("after reading: got snapshot %+v, %v, want one at version 13", snapshot, err)
			}
			if state, ok := restore("ord_1", snapshot); !ok || state.Version != 13 {
				t.Errorf("the new snapshot cannot be used: %+v", snapshot)
			}
		})
	}
}

func TestRun_WritesBesideTheAnswers_UntilTheContextEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 5)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.book.Run(ctx)
	}()
	for n := range 10 {
		id := fmt.Sprintf("ord_%d", n)
		w.must(id, placed())
		w.notes(id, 4)
	}
	deadline := time.Now().Add(time.Minute)
	for n := range 10 {
		for id := fmt.Sprintf("ord_%d", n); w.snapshotVersion(id) != 5; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s has no snapshot", id)
			}
		}
	}
	stop()
	<-ended
}

func TestSnapshots_TooManyAtOnce_AreDroppedAndMadeUpFor(t *testing.T) {
	t.Parallel()
	s := newSnapshots(Options{SnapshotEvery: 10})
	reading := func(n, version int) Reading {
		return Reading{State: order.State{OrderID: fmt.Sprintf("ord_%d", n), Version: version}}
	}
	for n := range snapshotsWaiting + 10 {
		s.offer(reading(n, 10))
	}
	s.offer(reading(0, 20))
	s.offer(reading(0, 15))
	taken := s.take()
	if len(taken) != snapshotsWaiting || taken["ord_0"].State.Version != 20 {
		t.Errorf("got %d waiting, ord_0 at %d; want %d, 20", len(taken), taken["ord_0"].State.Version, snapshotsWaiting)
	}
	s.offer(reading(snapshotsWaiting+5, 10))
	if taken := s.take(); len(taken) != 1 {
		t.Errorf("after room was made: %d wait, want 1", len(taken))
	}
}

// TestApply_SentAgainAfterHundredsOfOthers: the state knows such a command by its fingerprint alone, before and behind a
// snapshot.
func TestApply_SentAgainAfterHundredsOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 50)
	first, err := w.book.Apply(t.Context(), "ord_1", command("place", placed()))
	if err != nil {
		t.Fatal(err)
	}
	w.notes("ord_1", 9)
	note, err := w.book.Apply(t.Context(), "ord_1", command("note", order.AddNote{Text: "once"}))
	if err != nil {
		t.Fatal(err)
	}
	w.notes("ord_1", 300)
	w.book.saveOffered(t.Context())
	if state := w.load(w.book, "ord_1"); len(state.OlderCommands) == 0 {
		t.Fatal("the state remembers every command")
	}
	for id, want := range map[string]Result{"place": first, "note": note} {
		for name, j := range map[string]*Journal{"from the snapshot": w.book, "replayed": w.replay} {
			again, err := j.Apply(t.Context(), "ord_1", command(id, order.AddNote{Text: "twice"}))
			if err != nil || !again.Replayed || again.Version != want.Version {
				t.Errorf("%s %s: got version %d, replayed %v, %v; want %d", id, name, again.Version, again.Replayed, err, want.Version)
			}
		}
	}
	if version, applied, err := w.book.Applied(t.Context(), w.load(w.book, "ord_1"), "never"); applied || err != nil {
		t.Errorf("a command that never was: %d, %v, %v", version, applied, err)
	}
}

// TestApply_NewCommandThatLooksLikeAnOldOne_IsApplied: fingerprints are short, so it happens.
func TestApply_NewCommandThatLooksLikeAnOldOne_IsApplied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 10)
	w.must("ord_1", placed())
	w.notes("ord_1", 10)
	w.book.saveOffered(t.Context())
	lookalike := order.State{OrderID: "x", RecentCommands: map[string]int{}}
	var history []order.Recorded
	for n := range 200 {
		history = append(history, order.Recorded{Version: n + 1, CommandID: fmt.Sprintf("new-%d", n), Event: &order.OrderNoteAdded{}})
	}
	lookalike = order.FoldOnto(lookalike, history)
	w.spoil("ord_1", func(_ *eventstore.Snapshot, state *order.State) { state.OlderCommands = lookalike.OlderCommands })
	state := w.load(w.book, "ord_1")
	if _, _, err := state.Applied("new-0"); err == nil {
		t.Fatal("new-0 does not look like an old one")
	}
	result, err := w.book.Apply(t.Context(), "ord_1", command("new-0", order.AddNote{Text: "new"}))
	if err != nil || result.Replayed || result.Version != state.Version+1 {
		t.Fatalf("got %+v, %v, want it applied", result, err)
	}
	again, err := w.book.Apply(t.Context(), "ord_1", command("new-0", order.AddNote{Text: "new"}))
	if err != nil || !again.Replayed || again.Version != result.Version {
		t.Errorf("sent again: got %+v, %v", again, err)
	}
}

func (w *world) spoilState(state []byte) {
	w.t.Helper()
	snapshot, _, _, err := w.store.LoadFromSnapshot(w.t.Context(), "ord_1", order.StateSchema)
	if err != nil || snapshot == nil {
		w.t.Fatalf("no snapshot: %v", err)
	}
	snapshot.State = state
	if err := w.store.SaveSnapshot(w.t.Context(), "ord_1", *snapshot); err != nil {
		w.t.Fatal(err)
	}
}
