package eventstore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
)

func collect(t testing.TB, rows pgx.Rows) []string {
	t.Helper()
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func TestVerifyCheckpoints_NamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	const insertTail = `INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash, position, tx)
		OVERRIDING SYSTEM VALUE SELECT order_id, version + 1, gen_random_uuid(), event_type, schema_version, data, metadata, created_at, hash, %s
		FROM order_events WHERE order_id = 'm' AND version = 7`
	type faults = []eventstore.FaultError
	fault := func(stream string, version int, checkpoint int64, kind eventstore.Fault, problem string) eventstore.FaultError {
		return eventstore.FaultError{Stream: stream, Version: version, Checkpoint: checkpoint, Fault: kind, Problem: problem}
	}
	broken := func(id int64, problem string) eventstore.FaultError {
		return fault("", 0, id, eventstore.FaultCheckpoint, problem)
	}
	tests := map[string]struct {
		tamper []string
		want   faults // the problem: what it must contain
	}{
		"untouched": {nil, nil},
		"cut off": {
			[]string{`DELETE FROM order_events WHERE order_id = 'm' AND version > 4`},
			faults{fault("m", 5, 3, eventstore.FaultCut, "saw version 7, the stream ends at 4")},
		},
		"cut off before all checkpoints": {
			[]string{`DELETE FROM order_events WHERE order_id = 'm' AND version > 1`},
			faults{fault("m", 2, 3, eventstore.FaultCut, "saw version 7, the stream ends at 1")},
		},
		"vanished": {
			[]string{`DELETE FROM order_events WHERE order_id = 'm'`},
			faults{fault("m", 1, 3, eventstore.FaultVanished, "saw version 7")},
		},
		"seen event missing": {
			[]string{`DELETE FROM order_events WHERE order_id = 'm' AND version = 3`},
			faults{fault("m", 3, 1, eventstore.FaultMissing, "saw version 3")},
		},
		"rewritten with a hash": {
			[]string{`UPDATE order_events SET hash = sha256(hash) WHERE order_id = 'm' AND version >= 5`},
			faults{fault("m", 5, 2, eventstore.FaultRewritten, "saw version 5")},
		},
		"cut off and rewritten": {
			[]string{
				`DELETE FROM order_events WHERE order_id = 'm' AND version > 6`,
				`UPDATE order_events SET hash = sha256(hash) WHERE order_id = 'm' AND version = 3`,
			},
			faults{fault("m", 3, 1, eventstore.FaultRewritten, "saw version 3"), fault("m", 7, 3, eventstore.FaultCut, "ends at 6")},
		},
		"put in after the end": {
			[]string{fmt.Sprintf(insertTail, `position, tx`)},
			faults{fault("m", 8, 3, eventstore.FaultInserted, "saw version 7")},
		},
		"stream put in": {
			[]string{`INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash, position, tx)
				OVERRIDING SYSTEM VALUE SELECT 'new', version, id, event_type, schema_version, data, metadata, created_at, hash, position, tx
				FROM order_events WHERE order_id = 'a'`},
			faults{fault("new", 1, 3, eventstore.FaultInserted, "saw version 0")},
		},
		"many at once": {
			[]string{`DELETE FROM order_events WHERE order_id IN ('a', 'z')`},
			faults{fault("a", 1, 1, eventstore.FaultVanished, ""), fault("z", 1, 3, eventstore.FaultVanished, "")},
		},
		"checkpoint's time changed": {
			[]string{`UPDATE checkpoints SET made_at = made_at - interval '1 microsecond' WHERE id = 3`},
			faults{broken(3, "its signature is not of key")},
		},
		"checkpoint's root changed": {
			[]string{`UPDATE checkpoints SET root = sha256(root) WHERE id = 2`},
			faults{broken(2, "its signature is not"), broken(2, "do not give its root"), broken(3, "names another checkpoint before it")},
		},
		"head changed": {
			[]string{`UPDATE checkpoint_heads SET version = 4 WHERE order_id = 'm' AND checkpoint_id = 2`},
			faults{broken(2, "do not give its root"), fault("m", 4, 2, eventstore.FaultRewritten, "")},
		},
		"head removed": {
			[]string{`DELETE FROM checkpoint_heads WHERE order_id = 'm' AND checkpoint_id = 2`},
			faults{broken(2, "its 0 heads do not give its root")},
		},
		"checkpoint removed": {
			[]string{`DELETE FROM checkpoints WHERE id = 2`},
			faults{broken(3, "follows checkpoint 1")},
		},
		"first checkpoint removed, the rest numbered anew": {
			[]string{
				`DELETE FROM checkpoints WHERE id = 1`, `DELETE FROM checkpoint_heads WHERE checkpoint_id = 1`,
				`UPDATE checkpoints SET id = 1 WHERE id = 2`, `UPDATE checkpoint_heads SET checkpoint_id = 1 WHERE checkpoint_id = 2`,
				`UPDATE checkpoints SET id = 2 WHERE id = 3`, `UPDATE checkpoint_heads SET checkpoint_id = 2 WHERE checkpoint_id = 3`,
			},
			faults{
				broken(1, "names another checkpoint before it"), broken(1, "its signature"),
				broken(2, "names another checkpoint before it"), broken(2, "its signature"), fault("a", 1, 2, eventstore.FaultInserted, ""),
			},
		},
		"newest checkpoint removed, its heads left": {
			[]string{`DELETE FROM checkpoints WHERE id = 3`},
			faults{broken(3, "was removed")},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, pool := newStore(t)
			key := newKey(t)
			fill(t, store, "a", 2)
			head := fill(t, store, "m", 3)
			checkpoint(t, store, pool, key)
			head = appendTo(t, store, "m", head, newEvents(2)...)
			checkpoint(t, store, pool, key)
			appendTo(t, store, "m", head, newEvents(2)...)
			fill(t, store, "z", 2)
			checkpoint(t, store, pool, key)
			fill(t, store, "later", 2) // not covered, and sound
			tamper(t, pool, tt.tamper...)
			got := faultsOf(t, store, eventstore.CheckpointOptions{Keys: eventstore.PublicKeysOf(key)})
			contains := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Problem" }, cmp.Comparer(func(a, b string) bool {
				return strings.Contains(a, b) || strings.Contains(b, a)
			}))
			if diff := cmp.Diff(tt.want, got, contains, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestVerifyCheckpoints_AnotherKey_IsNotTrusted(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	fill(t, store, "a", 2)
	made := checkpoint(t, store, pool, newKey(t))
	other := eventstore.PublicKeysOf(newKey(t))
	found := faultsOf(t, store, eventstore.CheckpointOptions{Keys: other})
	if len(found) != 1 || found[0].Fault != eventstore.FaultCheckpoint || !strings.Contains(found[0].Problem, made.KeyID) {
		t.Errorf("got %v", found)
	}
	for id := range other { // a key that only says it is the right one
		tamper(t, pool, fmt.Sprintf(`UPDATE checkpoints SET key_id = '%s'`, id))
	}
	found = faultsOf(t, store, eventstore.CheckpointOptions{Keys: other})
	if len(found) != 1 || !strings.Contains(found[0].Problem, "its signature is not") {
		t.Errorf("got %v", found)
	}
	if found := faultsOf(t, store, eventstore.CheckpointOptions{}); len(found) > 0 {
		t.Errorf("without keys: %v", found)
	}
}

// TestVerifyCheckpoints_Exported_FindsRemovedOnes removes what the database alone cannot show: the newest checkpoint, with all
// that it saw.
func TestVerifyCheckpoints_Exported_FindsRemovedOnes(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	key := newKey(t)
	head := fill(t, store, "a", 2)
	first := checkpoint(t, store, pool, key)
	appendTo(t, store, "a", head, newEvents(1)...)
	second := checkpoint(t, store, pool, key)
	trusting := eventstore.CheckpointOptions{Keys: eventstore.PublicKeysOf(key)}
	exported := trusting
	exported.Exported = []eventstore.Checkpoint{first, second}
	if found := faultsOf(t, store, exported); len(found) > 0 {
		t.Errorf("before: %v", found)
	}
	tamper(t, pool, `DELETE FROM checkpoints WHERE id = 2`, `DELETE FROM checkpoint_heads WHERE checkpoint_id = 2`,
		`DELETE FROM order_events WHERE version = 3`)
	if found := faultsOf(t, store, trusting); len(found) > 0 {
		t.Errorf("without an exported one: %v", found)
	}
	found := faultsOf(t, store, exported)
	if len(found) != 1 || found[0].Checkpoint != 2 || !strings.Contains(found[0].Problem, "was removed") {
		t.Errorf("removed: %v", found)
	}
	appendTo(t, store, "a", head, newEvents(1)...)
	checkpoint(t, store, pool, key)
	found = faultsOf(t, store, exported)
	if len(found) != 1 || found[0].Checkpoint != 2 || !strings.Contains(found[0].Problem, "replaced") {
		t.Errorf("replaced: %v", found)
	}
	forged := second
	forged.Heads++
	exported.Exported = []eventstore.Checkpoint{forged}
	found = faultsOf(t, store, exported)
	if len(found) != 2 || !strings.Contains(found[0].Problem, "as it was exported: its signature is not") {
		t.Errorf("forged: %v", found)
	}
}

func TestVerifyCheckpoints_WithoutFaultFunc_EndsWithTheFirst(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	key := newKey(t)
	fill(t, store, "a", 2)
	fill(t, store, "b", 2)
	checkpoint(t, store, pool, key)
	tamper(t, pool, `DELETE FROM order_events`)
	verified, err := store.VerifyCheckpoints(t.Context(), eventstore.CheckpointOptions{Keys: eventstore.PublicKeysOf(key)})
	if want := "a at version 1: the stream has vanished"; err == nil || !strings.HasPrefix(err.Error(), want) || verified.Faults != 1 {
		t.Errorf("got %+v, %v; want %s", verified, err, want)
	}
}

// TestVerifyCheckpoints_ManyPages has more heads than are read at a time.
func TestVerifyCheckpoints_ManyPages(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	key := newKey(t)
	const streams = 2050
	exec(t, pool, `INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		SELECT 's' || n, 1, gen_random_uuid(), 'T', 1, '{}', '{}', now(), sha256(n::text::bytea) FROM generate_series(1, $1) n`, streams)
	checkpoint(t, store, pool, key)
	tamper(t, pool, `DELETE FROM order_events WHERE order_id IN ('s1', 's2050')`)
	reports := 0
	var found []string
	verified, err := store.VerifyCheckpoints(t.Context(), eventstore.CheckpointOptions{
		Keys:     eventstore.PublicKeysOf(key),
		Progress: func(eventstore.CheckpointsVerified) { reports++ },
		Fault:    func(f *eventstore.FaultError) { found = append(found, f.Stream) },
	})
	if want := (eventstore.CheckpointsVerified{Checkpoints: 1, Heads: streams, Faults: 2}); err != nil || verified != want || reports < 6 {
		t.Errorf("got %+v, %v after %d reports; want %+v", verified, err, reports, want)
	}
	if want := []string{"s1", "s2050"}; !cmp.Equal(found, want) {
		t.Errorf("got %v, want %v", found, want)
	}
}
