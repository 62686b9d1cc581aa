package eventstore_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orderly/eventstore"
)

func TestVerifyCheckpoints_HeadsThatWereArchivedSince(t *testing.T) {
	t.Parallel()
	a := newArchiving(t)
	key := newKey(t)
	head := fill(t, a.Store, "m", 2)
	fill(t, a.Store, "other", 2)
	checkpoint(t, a.Store, a.pool, key)
	head = appendTo(t, a.Store, "m", head, newEvents(3)...)
	checkpoint(t, a.Store, a.pool, key)
	appendTo(t, a.Store, "m", head, newEvent("End"))
	checkpoint(t, a.Store, a.pool, key)
	file := a.archive(t).Files[0]
	a.wantRows(t, "m", 6)
	checkpoint(t, a.Store, a.pool, key)
	if got := faultsOf(t, a.Store, eventstore.CheckpointOptions{}); len(got) != 0 {
		t.Fatalf("archived: got faults %+v", got)
	}
	must(t, os.Remove(file))
	got := faultsOf(t, a.Store, eventstore.CheckpointOptions{})
	if len(got) != 1 || got[0].Stream != "m" || got[0].Version != 5 || got[0].Fault != eventstore.FaultMissing {
		t.Errorf("without the file: got %+v, want version 5 of m missing", got)
	}
}

func TestExport_ArchivedStream_IsWhole(t *testing.T) {
	t.Parallel()
	a := newArchiving(t)
	a.fillEnded(t, "s", 7)
	export := func() string {
		var text bytes.Buffer
		n, err := a.Export(t.Context(), &text, "s")
		must(t, err)
		if n != 7 {
			t.Errorf("got %d events, want 7", n)
		}
		return text.String()
	}
	before := export()
	a.archive(t)
	if diff := cmp.Diff(before, export()); diff != "" {
		t.Errorf("(-before +archived):\n%s", diff)
	}
}
