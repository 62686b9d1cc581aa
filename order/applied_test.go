package order_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orderly/order"
)

// noted is an order with a note for each of n commands after it was placed.
func noted(n int) order.State {
	recorded := []order.Recorded{{Version: 1, CommandID: "place", Event: &order.OrderCreated{}}}
	for i := range n {
		recorded = append(recorded, order.Recorded{Version: i + 2, CommandID: fmt.Sprintf("note-%d", i), Event: &order.OrderNoteAdded{}})
	}
	return order.Fold("ord_1", recorded)
}

func TestApplied_FindsEveryCommandForEver(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 63, 64, 65, 66, 1000, 5000} {
		state := noted(n)
		exact := 0
		for i := range n {
			version, applied, err := state.Applied(fmt.Sprintf("note-%d", i))
			if applied {
				exact++
			}
			if applied && version != i+2 || !applied && !errors.Is(err, order.ErrUncertain) {
				t.Fatalf("note %d of %d: got %d, %v, %v", i, n, version, applied, err)
			}
			if latest := n - i; latest <= 32 && !applied {
				t.Errorf("note %d of %d is among the latest and was forgotten", i, n)
			}
		}
		if len(state.RecentCommands) > 64 || exact+len(state.OlderCommands)/4 < n {
			t.Errorf("of %d commands %d are known by id and %d by fingerprint", n, len(state.RecentCommands), len(state.OlderCommands)/4)
		}
	}
}

func TestApplied_NewCommand_IsHardlyEverUncertain(t *testing.T) {
	t.Parallel()
	state := noted(1000)
	for i := range 1000 {
		if _, applied, err := state.Applied(fmt.Sprintf("new-%d", i)); applied || err != nil {
			t.Fatalf("new command %d: %v, %v", i, applied, err)
		}
	}
}

// TestWithoutCommands_NothingIsRememberedAndNothingElseIsLost: whoever asks such a state for a command is sent to the stream.
func TestWithoutCommands_NothingIsRememberedAndNothingElseIsLost(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 100} {
		with := noted(n)
		next := []order.Recorded{{Version: n + 2, CommandID: "hold", Event: &order.OrderHeld{Code: "manual"}}}
		got := order.FoldOnto(with.WithoutCommands(), next)
		if diff := cmp.Diff(order.FoldOnto(with, next).WithoutCommands(), got); diff != "" {
			t.Errorf("after %d notes (-want +got)\n%s", n, diff)
		}
		for _, id := range []string{"place", "note-0", "hold", "new"} {
			if _, applied, err := got.Applied(id); applied || !errors.Is(err, order.ErrUncertain) {
				t.Errorf("%s: got %v, %v, want ErrUncertain", id, applied, err)
			}
		}
	}
}

func TestDecide_OldCommand_IsNotDecidedAgainUnseen(t *testing.T) {
	t.Parallel()
	state := noted(500)
	note := order.Command{ID: "note-0", At: time.Now(), Body: order.AddNote{Text: "again"}}
	if events, err := order.Decide(state, note, testPolicy); !errors.Is(err, order.ErrUncertain) || events != nil {
		t.Errorf("an old command: got %v, %v, want ErrUncertain", events, err)
	}
	note.ID = "note-499"
	if events, err := order.Decide(state, note, testPolicy); err != nil || events != nil {
		t.Errorf("a recent command: got %v, %v, want nothing", events, err)
	}
	note.ID, note.Fresh = "note-0", true
	if events, err := order.Decide(state, note, testPolicy); err != nil || len(events) != 1 {
		t.Errorf("one that was looked up and not found: got %v, %v, want an event", events, err)
	}
}

// TestOlderCommands_StatesThatShareAPast_DoNotWriteIntoEachOther: two futures of one state, whose fingerprints have room behind them.
func TestOlderCommands_StatesThatShareAPast_DoNotWriteIntoEachOther(t *testing.T) {
	t.Parallel()
	past := noted(400)
	future := func(name string) order.State {
		var recorded []order.Recorded
		for i := range 200 {
			recorded = append(recorded, order.Recorded{Version: past.Version + 1 + i, CommandID: fmt.Sprintf("%s-%d", name, i), Event: &order.OrderNoteAdded{}})
		}
		return order.FoldOnto(past, recorded)
	}
	one := future("one")
	before := append([]byte(nil), one.OlderCommands...)
	future("two")
	if diff := cmp.Diff(before, one.OlderCommands); diff != "" {
		t.Errorf("changed by another state (-before +after):\n%s", diff)
	}
}
