package eventstore_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orderly/eventstore"
)

func TestAppendToEnd_ManyWriters_AllGetIn(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 5
	store, _ := newStore(t)
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			for range each {
				if _, _, err := store.AppendToEnd(t.Context(), "s", newEvents(2)...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if err := checkVersions(store, "s", 2*writers*each); err != nil {
		t.Error(err)
	}
}

func TestAppendToEnd_SentAgain_GivesTheFirstResult(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	for name, before := range map[string]int{"at the beginning": 0, "in the middle": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if before > 0 {
				fill(t, store, name, before)
			}
			batch := newEvents(2)
			first, head, err := store.AppendToEnd(t.Context(), name, batch...)
			if err != nil {
				t.Fatal(err)
			}
			appendTo(t, store, name, head, newEvent("Later"))
			again, sameHead, err := store.AppendToEnd(t.Context(), name, batch...)
			if err != nil || !cmp.Equal(head, sameHead) || len(again) != 2 || !bytes.Equal(again[0].Hash, first[0].Hash) {
				t.Errorf("got %v, %v, %v; want %v, %v", again, sameHead, err, first, head)
			}
			if err := checkVersions(store, name, before+3); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAppendToEnd_Nothing_ChangesNothing(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	want := fill(t, store, "s", 2)
	if stored, head, err := store.AppendToEnd(t.Context(), "s"); err != nil || len(stored) != 0 || !cmp.Equal(head, want) {
		t.Errorf("got %v, %v, %v; want nothing at %v", stored, head, err, want)
	}
	bad := withData("A", `1.5`)
	if _, _, err := store.AppendToEnd(t.Context(), "s", bad); !errors.Is(err, eventstore.ErrInvalidEvent) {
		t.Errorf("got %v, want ErrInvalidEvent", err)
	}
}
