package journal_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orderly/journal"
	"orderly/order"
)

func TestApply_GivesTheStateThatIsThenRead(t *testing.T) {
	t.Parallel()
	j, store := newJournal(t)
	result := apply(t, j, "place", placeOrder())
	loaded, err := j.Load(t.Context(), "ord_1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(loaded, result.State); diff != "" {
		t.Errorf("- what is read, + what Apply gave:\n%s", diff)
	}
	if result.Version != 1 || result.Replayed || len(result.Plan.Steps) != 1 || result.Plan.Steps[0].Name != order.ScreenFraud {
		t.Errorf("got version %d, replayed %t, plan %+v", result.Version, result.Replayed, result.Plan)
	}
	wantVersion(t, store, 1)
}

func TestApply_SameCommandTwice_HasTheFirstResult(t *testing.T) {
	t.Parallel()
	j, store := newJournal(t)
	apply(t, j, "place", placeOrder())
	first := apply(t, j, "note", order.AddNote{Text: "once"})
	again := apply(t, j, "note", order.AddNote{Text: "once"})
	if !again.Replayed || again.Version != first.Version {
		t.Errorf("got version %d, replayed %t; want version %d, replayed", again.Version, again.Replayed, first.Version)
	}

	apply(t, j, "another", order.AddNote{Text: "in between"})
	late := apply(t, j, "note", order.AddNote{Text: "once"})
	if !late.Replayed || late.Version != first.Version || late.State.Version != 3 {
		t.Errorf("after another command: got version %d of %d, replayed %t; want %d of 3, replayed", late.Version, late.State.Version, late.Replayed, first.Version)
	}
	wantVersion(t, store, 3)
}

// TestApply_SameCommandTwice_IsNotDecidedAgain: also one that would be refused by now has its first result.
func TestApply_SameCommandTwice_IsNotDecidedAgain(t *testing.T) {
	t.Parallel()
	j, store := newJournal(t)
	apply(t, j, "place", placeOrder())
	seen := 1
	cancel := order.Command{ID: "cancel", Expect: &seen, Body: order.CancelOrder{}}
	for _, replayed := range []bool{false, true} {
		result, err := j.Apply(t.Context(), "ord_1", cancel)
		if err != nil || result.Replayed != replayed || result.Version != 3 {
			t.Fatalf("got version %d, replayed %t, %v; want 3, %t", result.Version, result.Replayed, err, replayed)
		}
	}
	wantVersion(t, store, 3)
	if again := apply(t, j, "place", placeOrder()); !again.Replayed || again.Version != 1 {
		t.Errorf("placing again: got %+v, want the first result", again)
	}
}

func TestApply_NothingFollows_AppendsNothing(t *testing.T) {
	t.Parallel()
	j, store := newJournal(t)
	apply(t, j, "place", placeOrder())
	if result := apply(t, j, "tick", order.PassDeadline{}); result.Version != 1 || result.Replayed {
		t.Errorf("got version %d, replayed %t; want 1, not replayed", result.Version, result.Replayed)
	}
	wantVersion(t, store, 1)
}

func TestApply_Refusals_AppendNothing(t *testing.T) {
	t.Parallel()
	j, store := newJournal(t)
	if _, err := j.Apply(t.Context(), "ord_1", order.Command{ID: "x", Body: order.AddNote{}}); !errors.Is(err, order.ErrNotFound) {
		t.Errorf("before it was placed: got %v, want %v", err, order.ErrNotFound)
	}
	wantVersion(t, store, 0)

	apply(t, j, "place", placeOrder())
	apply(t, j, "note", order.AddNote{Text: "x"})
	stale := 1
	_, err := j.Apply(t.Context(), "ord_1", order.Command{ID: "stale", Expect: &stale, Body: order.AddNote{}})
	if mismatch, ok := errors.AsType[*order.VersionMismatchError](err); !ok || *mismatch != (order.VersionMismatchError{Expected: 1, Current: 2}) {
		t.Errorf("a stale version: got %v", err)
	}
	_, err = j.Apply(t.Context(), "ord_1", order.Command{ID: "release", Body: order.ReleaseOrder{Code: "x"}})
	if _, ok := errors.AsType[*order.NotAllowedError](err); !ok {
		t.Errorf("not held: got %v", err)
	}
	if _, err = j.Apply(t.Context(), "ord_1", order.Command{ID: "place2", Body: placeOrder()}); !errors.Is(err, order.ErrExists) {
		t.Errorf("placed again under another id: got %v", err)
	}
	wantVersion(t, store, 2)
}

func TestApply_TenWritersAtOnce_EachCommandOnce(t *testing.T) {
	t.Parallel()
	j, store := newJournal(t)
	apply(t, j, "place", placeOrder())
	const writers, each = 10, 5
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for n := range each {
				id := fmt.Sprintf("note-%d-%d", writer, n)
				if result, err := j.Apply(t.Context(), "ord_1", order.Command{ID: id, Body: order.AddNote{Text: id}}); err != nil || result.Replayed {
					t.Errorf("%s: got %+v, %v", id, result, err)
				}
			}
		})
	}
	group.Wait()
	texts := map[string]int{}
	for _, event := range wantVersion(t, store, 1+writers*each)[1:] {
		var note order.OrderNoteAdded
		if err := json.Unmarshal(event.Data, &note); err != nil {
			t.Fatal(err)
		}
		texts[note.Text]++
	}
	if len(texts) != writers*each {
		t.Errorf("there are %d notes, want %d: %v", len(texts), writers*each, texts)
	}
}

func TestApply_RacingCopiesOfOneCommand_OneEvent(t *testing.T) {
	t.Parallel()
	j, store := newJournal(t)
	apply(t, j, "place", placeOrder())
	const copies = 4
	results := make(chan journal.Result, copies)
	var group sync.WaitGroup
	for range copies {
		group.Go(func() {
			result, err := j.Apply(t.Context(), "ord_1", order.Command{ID: "note", Body: order.AddNote{Text: "x"}})
			if err != nil {
				t.Error(err)
			}
			results <- result
		})
	}
	group.Wait()
	close(results)
	firsts := 0
	for result := range results {
		if result.Version != 2 {
			t.Errorf("got version %d, want 2", result.Version)
		}
		if !result.Replayed {
			firsts++
		}
	}
	if firsts != 1 {
		t.Errorf("%d copies were the first, want one", firsts)
	}
	wantVersion(t, store, 2)
}

// TestApplyTo_AnOldReading_IsDecidedOnTheLatest: two commands on one reading; the second is decided on what the first left.
func TestApplyTo_AnOldReading_IsDecidedOnTheLatest(t *testing.T) {
	t.Parallel()
	j, store := newJournal(t)
	apply(t, j, "place", placeOrder())
	old, err := j.Read(t.Context(), "ord_1")
	if err != nil {
		t.Fatal(err)
	}
	apply(t, j, "cancel", order.CancelOrder{})
	_, err = j.ApplyTo(t.Context(), old, order.Command{ID: "hold", Body: order.HoldOrder{Code: "manual"}})
	if refusal, ok := errors.AsType[*order.NotAllowedError](err); !ok || refusal.Status != order.Cancelled {
		t.Errorf("got %v, want a refusal for the order is cancelled", err)
	}
	wantVersion(t, store, 3)
}
