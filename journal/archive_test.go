package journal

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"orderly/order"
)

func TestArchive_EndedOrder_IsReadAndTakesCommandsAsBefore(t *testing.T) {
	t.Parallel()
	for name, every := range map[string]int{"no snapshot": 1000, "snapshots": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, every)
			first, err := w.book.Apply(t.Context(), "ord_1", command("place", placed()))
			if err != nil {
				t.Fatal(err)
			}
			w.must("ord_2", placed()) // still under way
			w.must("ord_1", order.CancelOrder{})
			before := w.carryOut("ord_1")
			if !before.Ended() {
				t.Fatalf("the order is %s", before.Status)
			}
			w.book.saveOffered(t.Context())
			var past []order.State
			for version := range before.Version {
				state, err := w.replay.LoadVersion(t.Context(), "ord_1", version+1)
				if err != nil {
					t.Fatal(err)
				}
				past = append(past, state)
			}
			done, err := w.book.Archive(t.Context(), time.Now().Add(time.Minute), nil)
			if err != nil || done.Streams != 1 || done.Events != before.Version-1 {
				t.Fatalf("archived %+v, %v, want ord_1 with %d events", done, err, before.Version-1)
			}
			for i, want := range past {
				for which, j := range map[string]*Journal{"book": w.book, "replay": w.replay} {
					got, err := j.LoadVersion(t.Context(), "ord_1", i+1)
					if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
						t.Errorf("%s, version %d: %v (-before +archived):\n%s", which, i+1, err, diff)
					}
				}
			}
			if diff := cmp.Diff(before, w.load(w.book, "ord_1"), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("now (-before +archived):\n%s", diff)
			}
			again, err := w.book.Apply(t.Context(), "ord_1", command("place", placed()))
			if err != nil || !again.Replayed || again.Version != first.Version {
				t.Errorf("placed again: %+v, %v", again, err)
			}
			noted := w.must("ord_1", order.AddNote{Text: "long after"})
			if noted.Version != before.Version+1 {
				t.Errorf("a note led to version %d, want %d", noted.Version, before.Version+1)
			}
			if entries, err := w.book.Events(t.Context(), "ord_1", AsStored); err != nil || len(entries) != noted.Version {
				t.Errorf("timeline: %d entries, %v, want %d", len(entries), err, noted.Version)
			}
		})
	}
}
