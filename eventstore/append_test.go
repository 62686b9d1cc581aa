package eventstore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"orderly/eventstore"
)

func TestAppend_GivesWhatLoadReads(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	var batch []eventstore.NewEvent
	for _, event := range newEvents(3) {
		event.Data = json.RawMessage(`{"a": "x"}`) // as jsonb writes it, so that the bytes can be compared
		event.Metadata = json.RawMessage(`{}`)
		batch = append(batch, event)
	}
	stored, head, err := store.Append(t.Context(), "s", eventstore.Head{}, batch...)
	if err != nil {
		t.Fatal(err)
	}
	events, loadedHead := load(t, store, "s")
	if diff := cmp.Diff(stored, events, cmpopts.IgnoreFields(eventstore.Event{}, "Position")); diff != "" {
		t.Errorf("what Append gave differs from what Load read (-append +load):\n%s", diff)
	}
	if diff := cmp.Diff(head, loadedHead); diff != "" || head.Version() != 3 {
		t.Errorf("heads differ (-append +load):\n%s", diff)
	}
}

func TestAppend_NoEvents_ChangesNothing(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	head := fill(t, store, "s", 1)
	stored, same, err := store.Append(t.Context(), "s", head)
	if err != nil || len(stored) != 0 || !cmp.Equal(same, head) {
		t.Fatalf("got %v, %v, %v; want nothing, and the same head", stored, same, err)
	}
}

func TestAppend_ExpectedVersion(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	heads := []eventstore.Head{{}}
	for range 3 {
		heads = append(heads, appendTo(t, store, "s", heads[len(heads)-1], newEvent("A")))
	}
	tests := map[string]struct {
		head eventstore.Head
		want *eventstore.ConflictError
	}{
		"none, and there is one": {heads[0], &eventstore.ConflictError{Stream: "s", Expected: 0, Current: 3}},
		"two behind":             {heads[1], &eventstore.ConflictError{Stream: "s", Expected: 1, Current: 3}},
		"one behind":             {heads[2], &eventstore.ConflictError{Stream: "s", Expected: 2, Current: 3}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := store.Append(t.Context(), "s", tt.head, newEvents(2)...)
			got, ok := errors.AsType[*eventstore.ConflictError](err)
			if !ok {
				t.Fatalf("got %v, want a ConflictError", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("conflict (-want +got):\n%s", diff)
			}
		})
	}
	t.Cleanup(func() {
		if err := checkVersions(store, "s", 3); err != nil {
			t.Error(err)
		}
	})
}

func TestAppend_HeadOfAnotherStream_IsRefused(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	fill(t, store, "s", 1)
	other := fill(t, store, "other", 1)
	if _, _, err := store.Append(t.Context(), "s", other, newEvent("B")); err == nil || !strings.Contains(err.Error(), "another stream, other") {
		t.Fatalf("got %v, want an error that names the other stream", err)
	}
}

func TestAppend_LostAcknowledgement_ReturnsFirstResult(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	before := fill(t, store, "s", 2)
	batch := newEvents(3)
	first, head, err := store.Append(t.Context(), "s", before, batch...)
	if err != nil {
		t.Fatal(err)
	}
	appendTo(t, store, "s", head, newEvent("Later"))
	again, sameHead, err := store.Append(t.Context(), "s", before, batch...)
	if err != nil {
		t.Fatalf("sent again: %v", err)
	}
	if !cmp.Equal(head, sameHead) || len(again) != len(first) {
		t.Fatalf("got %d events and head %v, want %d and %v", len(again), sameHead, len(first), head)
	}
	for i := range first {
		if !first[i].CreatedAt.Equal(again[i].CreatedAt) || first[i].ID != again[i].ID || again[i].Position != (eventstore.Position{}) {
			t.Errorf("event %d: got %+v, want %+v", i, again[i], first[i])
		}
	}
	if err := checkVersions(store, "s", 6); err != nil {
		t.Error(err)
	}
}

func TestAppend_PartOfABatchSentAgain_Conflicts(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	batch := newEvents(2)
	appendTo(t, store, "s", eventstore.Head{}, batch...)
	_, _, err := store.Append(t.Context(), "s", eventstore.Head{}, batch[0], newEvent("Other"))
	if conflict, ok := errors.AsType[*eventstore.ConflictError](err); !ok || conflict.Current != 2 {
		t.Fatalf("got %v, want a conflict at version 2", err)
	}
}

func TestAppend_SameBatchFromManyAtOnce_IsWrittenOnce(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	batch := newEvents(2)
	results := make([][]eventstore.Event, 8)
	var group sync.WaitGroup
	for i := range results {
		group.Go(func() {
			stored, _, err := store.Append(t.Context(), "s", eventstore.Head{}, batch...)
			if err != nil {
				t.Errorf("copy %d: %v", i, err)
			}
			results[i] = stored
		})
	}
	group.Wait()
	for i, stored := range results {
		if len(stored) != 2 || !bytes.Equal(stored[1].Hash, results[0][1].Hash) {
			t.Errorf("copy %d got %v, copy 0 %v", i, stored, results[0])
		}
	}
	if err := checkVersions(store, "s", 2); err != nil {
		t.Error(err)
	}
}

func TestAppend_ManyWritersOnOneStream_EachVersionOnce(t *testing.T) {
	t.Parallel()
	const writers, each = 10, 10
	store, _ := newStore(t)
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for i := range each {
				event := newEvent(fmt.Sprintf("W%d.%d", writer, i))
				for written := false; !written; {
					_, head, err := store.Load(t.Context(), "s")
					if err == nil {
						_, _, err = store.Append(t.Context(), "s", head, event)
					}
					if _, conflict := errors.AsType[*eventstore.ConflictError](err); err != nil && !conflict {
						t.Errorf("writer %d: %v", writer, err)
						return
					}
					written = err == nil
				}
			}
		})
	}
	group.Wait()
	if err := checkVersions(store, "s", writers*each); err != nil {
		t.Error(err)
	}
	seen := map[string]bool{}
	events, _ := load(t, store, "s")
	for _, event := range events {
		seen[event.Type] = true
	}
	if len(seen) != writers*each {
		t.Errorf("got %d different events, want %d", len(seen), writers*each)
	}
}

func TestAppend_InvalidEvents_AreRefusedAndNothingIsStored(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	with := func(change func(*eventstore.NewEvent)) eventstore.NewEvent {
		event := newEvent("A")
		change(&event)
		return event
	}
	tests := map[string]eventstore.NewEvent{
		"no id":                 with(func(e *eventstore.NewEvent) { e.ID = uuid.Nil }),
		"no type":               with(func(e *eventstore.NewEvent) { e.Type = "" }),
		"NUL in the type":       with(func(e *eventstore.NewEvent) { e.Type = "A\x00" }),
		"schema version 0":      with(func(e *eventstore.NewEvent) { e.SchemaVersion = 0 }),
		"schema version 40000":  with(func(e *eventstore.NewEvent) { e.SchemaVersion = 40_000 }),
		"no metadata":           with(func(e *eventstore.NewEvent) { e.Metadata = nil }),
		"no data":               withData("A", ``),
		"not JSON":              withData("A", `{`),
		"two values":            withData("A", `{} {}`),
		"fraction":              withData("A", `{"a":[1.5]}`),
		"exponent":              withData("A", `{"a":1e3}`),
		"negative zero":         withData("A", `-0`),
		"NUL":                   withData("A", `{"a":"\u0000"}`),
		"half a surrogate pair": withData("A", `{"a":"\ud800"}`),
		"invalid UTF-8":         withData("A", "\"\xff\""),
		"too deep":              withData("A", strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000)),
		"too many digits":       withData("A", "1"+strings.Repeat("0", 140_000)),
	}
	for name, event := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := store.Append(t.Context(), name, eventstore.Head{}, newEvent("Fine"), event)
			if !errors.Is(err, eventstore.ErrInvalidEvent) {
				t.Errorf("got %v, want ErrInvalidEvent", err)
			}
			if err := checkVersions(store, name, 0); err != nil {
				t.Error(err)
			}
		})
	}
	if _, _, err := store.Append(t.Context(), "", eventstore.Head{}, newEvent("A")); !errors.Is(err, eventstore.ErrInvalidEvent) {
		t.Errorf("stream without a name: got %v, want ErrInvalidEvent", err)
	}
}
