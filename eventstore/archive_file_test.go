package eventstore

import (
	"errors"
	"os"
	"testing"

	"github.com/google/uuid"

	"orderly/internal/testkit"
)

// TestArchiveFile_KilledOrSpoiledBeforeTheRowsGo: the file is there, the table is untouched, and one that cannot be read back
// is noticed.
func TestArchiveFile_KilledOrSpoiledBeforeTheRowsGo(t *testing.T) {
	t.Parallel()
	pool := testkit.Database(t)
	store := New(pool, Options{ArchiveDir: t.TempDir()})
	var events []NewEvent
	for range 5 {
		events = append(events, NewEvent{ID: uuid.New(), Type: "T", SchemaVersion: 1, Data: []byte(`{}`), Metadata: []byte(`{}`)})
	}
	if _, _, err := store.Append(t.Context(), "s", Head{}, events...); err != nil {
		t.Fatal(err)
	}
	ended := []Ended{{Stream: "s", Version: 5}, {Stream: "s", Version: 4}} // the second one has moved on
	file, err := store.writeArchive(t.Context(), ended)
	if err != nil || len(file.parts) != 1 || file.skipped != 1 {
		t.Fatalf("got %+v, %v, want one part", file, err)
	}
	if err := file.verify(); err != nil {
		t.Errorf("as written: %v", err)
	}
	if p, err := store.partOf(t.Context(), "s"); p != nil || err != nil {
		t.Errorf("before it is moved: %+v, %v", p, err)
	}
	if n, err := store.Verify(t.Context(), "s"); n != 5 || err != nil {
		t.Errorf("the table: %d events, %v", n, err)
	}
	text, err := os.ReadFile(file.path())
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		text[i] ^= 0x10
		if err := os.WriteFile(file.path(), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok := errors.AsType[*ArchiveError](file.verify()); !ok {
			t.Errorf("byte %d changed: not noticed", i)
		}
		text[i] ^= 0x10
	}
	if err := os.WriteFile(file.path(), text, 0o600); err != nil {
		t.Fatal(err)
	}
	file.ends[0] = make([]byte, 32)
	if _, ok := errors.AsType[*ArchiveError](file.verify()); !ok {
		t.Error("another end than the stream's: not noticed")
	}
}
