package journal_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orderly/journal"
	"orderly/order"
)

// written is ord_1 with three events, and what Apply said that it was after each.
func written(t *testing.T) (*journal.Journal, []order.State) {
	t.Helper()
	j, _ := newJournal(t)
	return j, []order.State{
		apply(t, j, "place", placeOrder()).State,
		apply(t, j, "hold", order.HoldOrder{Code: "manual"}).State,
		apply(t, j, "release", order.ReleaseOrder{Code: "manual"}).State,
	}
}

func TestLoadVersion_IsTheOrderAsItWasThen(t *testing.T) {
	t.Parallel()
	j, states := written(t)
	for i, want := range states {
		got, err := j.LoadVersion(t.Context(), "ord_1", i+1)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("version %d: - want, + got:\n%s", i+1, diff)
		}
	}
	if got, err := j.LoadVersion(t.Context(), "ord_1", 99); err != nil || got.Version != 3 {
		t.Errorf("a version that is still to come: got version %d, %v; want the latest", got.Version, err)
	}
	if _, err := j.LoadVersion(t.Context(), "ord_2", 1); !errors.Is(err, order.ErrNotFound) {
		t.Errorf("an unknown order: got %v", err)
	}
}

func TestLoadAt_IsExactToTheMicrosecond(t *testing.T) {
	t.Parallel()
	j, states := written(t)
	for i, want := range states {
		got, err := j.LoadAt(t.Context(), "ord_1", want.UpdatedAt)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("at the moment of event %d: - want, + got:\n%s", i+1, diff)
		}
		before, err := j.LoadAt(t.Context(), "ord_1", want.UpdatedAt.Add(-time.Microsecond))
		switch {
		case i == 0:
			if !errors.Is(err, journal.ErrNotYetCreated) {
				t.Errorf("before it was placed: got %+v, %v; want %v", before, err, journal.ErrNotYetCreated)
			}
		case err != nil || before.Version != i:
			t.Errorf("just before event %d: got version %d, %v; want %d", i+1, before.Version, err, i)
		}
	}
	if _, err := j.LoadAt(t.Context(), "ord_2", time.Now()); !errors.Is(err, order.ErrNotFound) {
		t.Errorf("an unknown order: got %v", err)
	}
}

func TestLoad_AnUnknownOrder_IsNotFound_AndReadsAsVersionZero(t *testing.T) {
	t.Parallel()
	j, _ := newJournal(t)
	if _, err := j.Load(t.Context(), "ord_1"); !errors.Is(err, order.ErrNotFound) {
		t.Errorf("Load: got %v", err)
	}
	if _, err := j.Events(t.Context(), "ord_1", journal.Upcast); !errors.Is(err, order.ErrNotFound) {
		t.Errorf("Events: got %v", err)
	}
	if reading, err := j.Read(t.Context(), "ord_1"); err != nil || reading.State.Exists() {
		t.Errorf("Read: got %+v, %v; want an order at version 0", reading.State, err)
	}
}

func TestAnOldOrder_IsReadAndGoesOnInTodaysShape(t *testing.T) {
	t.Parallel()
	j, store := newJournal(t)
	const stored = `{"total": 1250, "customer_id": "cus_7"}` // as Postgres writes it
	store1(t, store, "OrderCreated", 1, stored)

	result := apply(t, j, "note", order.AddNote{Text: "an old one"})
	if result.State.Currency != "USD" || result.State.Total != 1250 || len(result.State.Lines) != 1 {
		t.Errorf("got %+v, want 12.50 USD in one line", result.State)
	}

	raw, err := j.Events(t.Context(), "ord_1", journal.AsStored)
	if err != nil {
		t.Fatal(err)
	}
	if string(raw[0].Data) != stored || raw[0].SchemaVersion != 1 {
		t.Errorf("as stored: got v%d %s, want v1 %s", raw[0].SchemaVersion, raw[0].Data, stored)
	}
	today, err := j.Events(t.Context(), "ord_1", journal.Upcast)
	if err != nil {
		t.Fatal(err)
	}
	if today[0].SchemaVersion != order.SchemaVersion("OrderCreated") {
		t.Errorf("upcast: got v%d", today[0].SchemaVersion)
	}
	if _, err := order.DecodeEvent("OrderCreated", today[0].SchemaVersion, today[0].Data); err != nil {
		t.Errorf("upcast: %v", err)
	}
	if today[0].Hash != raw[0].Hash || today[0].ID != raw[0].ID || today[1].Version != 2 {
		t.Errorf("the events of both shapes are not the same ones: %+v, %+v", raw, today)
	}
}
