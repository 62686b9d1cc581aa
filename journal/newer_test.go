package journal_test

import (
	"strings"
	"testing"

	"orderly/journal"
	"orderly/order"
)

// TestAnEventOfANewerProgram_StopsReading: while an old and a new version of the program run side by side, the old one
// must not decide on half of what happened.
func TestAnEventOfANewerProgram_StopsReading(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		eventType     string
		schemaVersion int
		data          string
		wants         []string // in the message
	}{
		"a newer shape": {"OrderNoteAdded", 2, `{"text":"x","colour":"red"}`, []string{"OrderNoteAdded", "schema version 2", "knows 1 to 1"}},
		"a newer type":  {"OrderTeleported", 1, `{"to":"Mars"}`, []string{"OrderTeleported", "not known to this version"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, store := newJournal(t)
			apply(t, j, "place", placeOrder())
			store1(t, store, test.eventType, test.schemaVersion, test.data)

			_, loadErr := j.Load(t.Context(), "ord_1")
			_, versionErr := j.LoadVersion(t.Context(), "ord_1", 2)
			_, applyErr := j.Apply(t.Context(), "ord_1", order.Command{ID: "c", Body: order.CancelOrder{}})
			_, eventsErr := j.Events(t.Context(), "ord_1", journal.Upcast)
			for what, err := range map[string]error{"Load": loadErr, "LoadVersion": versionErr, "Apply": applyErr, "Events": eventsErr} {
				if err == nil {
					t.Errorf("%s has no error", what)
					continue
				}
				for _, want := range append(test.wants, "ord_1 at version 2") {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%s: the error %q does not say %q", what, err, want)
					}
				}
			}
			wantVersion(t, store, 2)

			raw, err := j.Events(t.Context(), "ord_1", journal.AsStored)
			if err != nil || len(raw) != 2 || raw[1].EventType != test.eventType || raw[1].SchemaVersion != test.schemaVersion {
				t.Errorf("as stored: got %+v, %v", raw, err)
			}
			if state, err := j.LoadVersion(t.Context(), "ord_1", 1); err != nil || state.Version != 1 {
				t.Errorf("what was before: got version %d, %v", state.Version, err)
			}
		})
	}
}
