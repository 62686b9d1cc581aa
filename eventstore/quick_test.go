package eventstore_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/uuid"

	"orderly/eventstore"
	"orderly/internal/testkit"
)

func newEvent(kind string) eventstore.NewEvent {
	return eventstore.NewEvent{ID: uuid.Must(uuid.NewV7()), Type: kind, SchemaVersion: 1,
		Data: json.RawMessage(`{"b":1,"a":"x"}`), Metadata: json.RawMessage(`{"command_id":"c"}`)}
}

func TestAppend_LostAcknowledgement_ReturnsFirstResult(t *testing.T) {
	t.Parallel()
	store := eventstore.New(testkit.Database(t), eventstore.Options{})
	batch := []eventstore.NewEvent{newEvent("A"), newEvent("B")}
	first, head, err := store.Append(t.Context(), "s", eventstore.Head{}, batch...)
	if err != nil {
		t.Fatal(err)
	}
	again, head2, err := store.Append(t.Context(), "s", eventstore.Head{}, batch...)
	if err != nil || head2.Version != 2 || len(again) != 2 || again[1].Position != first[1].Position {
		t.Fatalf("again: %v %v %v", again, head2, err)
	}
	var conflict *eventstore.ConflictError
	if _, _, err := store.Append(t.Context(), "s", eventstore.Head{}, newEvent("C")); !errors.As(err, &conflict) || conflict.Current != 2 {
		t.Fatalf("got %v", err)
	}
	if n, err := store.Verify(t.Context(), ""); err != nil || n != 2 {
		t.Fatalf("verify: %d %v", n, err)
	}
	_ = head
}
