package order_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"orderly/order"
)

// shape tells the fields of a type as JSON has them, one a line, and those of the types within.
func shape(t reflect.Type, seen map[reflect.Type]bool) string {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() || seen[t] {
		return ""
	}
	seen[t] = true
	var text strings.Builder
	for field := range t.Fields() {
		fmt.Fprintf(&text, "%s.%s %s %s\n", t.Name(), field.Name, field.Type, field.Tag.Get("json"))
	}
	for field := range t.Fields() {
		text.WriteString(shape(field.Type, seen))
	}
	return text.String()
}

// TestStateSchema_IsRaisedWithTheShape: snapshots of the old shape would be read as the new one.
func TestStateSchema_IsRaisedWithTheShape(t *testing.T) {
	t.Parallel()
	const golden = "testdata/state.golden"
	got := fmt.Sprintf("schema %d\n%s", order.StateSchema, shape(reflect.TypeFor[order.State](), map[reflect.Type]bool{}))
	text, err := os.ReadFile(golden)
	if err != nil && !*order.Update {
		t.Fatal(err)
	}
	want := string(text)
	if got == want {
		return
	}
	first, _, _ := strings.Cut(want, "\n")
	if first == fmt.Sprintf("schema %d", order.StateSchema) {
		t.Fatalf("the shape of State has changed: raise StateSchema (-was +is):\n%s", cmp.Diff(want, got))
	}
	if !*order.Update {
		t.Fatalf("StateSchema was raised: run the test with -update (-was +is):\n%s", cmp.Diff(want, got))
	}
	if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestState_IsTheSameAfterJSON: of any life, what a snapshot gives back behaves and reads as what was folded.
func TestState_IsTheSameAfterJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, twoLines())
		for range rapid.IntRange(0, 40).Draw(rt, "moves") {
			w.randomMove(rt)
			text, err := json.Marshal(w.state)
			if err != nil {
				rt.Fatal(err)
			}
			again, err := order.DecodeState(text)
			if err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(w.state, again, cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("state (-folded +read):\n%s", diff)
			}
			if diff := cmp.Diff(w.plan(), order.PlanFor(again, worldPolicy)); diff != "" {
				rt.Fatalf("plan (-folded +read):\n%s", diff)
			}
			w.state = again // and life goes on with what was read
		}
	})
}

// TestFold_LeavesEventsAsTheyAre: whoever reads events may share them with others who fold them, too, and may fold them again.
func TestFold_LeavesEventsAsTheyAre(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, twoLines())
		for range rapid.IntRange(0, 40).Draw(rt, "moves") {
			w.randomMove(rt)
		}
		before := asJSON(rt, w.events)
		if diff := cmp.Diff(w.state, order.Fold("ord_1", w.events), cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("folded again (-first +second):\n%s", diff)
		}
		if diff := cmp.Diff(before, asJSON(rt, w.events)); diff != "" {
			rt.Fatalf("events (-before +after):\n%s", diff)
		}
	})
}

func asJSON(t rapid.TB, events []order.Recorded) string {
	t.Helper()
	text, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
