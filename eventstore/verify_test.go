package eventstore_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

// tamper changes the table as somebody who owns the database can: with the triggers switched off.
func tamper(t *testing.T, pool *pgxpool.Pool, statements ...string) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		for _, statement := range append([]string{"SET LOCAL session_replication_role = replica"}, statements...) {
			if _, err := tx.Exec(t.Context(), statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestVerify_FindsTheFirstFault(t *testing.T) {
	t.Parallel()
	swap := []string{
		`UPDATE order_events SET version = 99 WHERE order_id = 'm' AND version = 2`,
		`UPDATE order_events SET version = 2 WHERE order_id = 'm' AND version = 3`,
		`UPDATE order_events SET version = 3 WHERE order_id = 'm' AND version = 99`,
	}
	inserted := `INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		SELECT order_id, 6, gen_random_uuid(), event_type, schema_version, data, metadata, created_at + interval '1 second', hash
		FROM order_events WHERE order_id = 'm' AND version = 5`
	on := func(set, where string) []string {
		return []string{`UPDATE order_events SET ` + set + ` WHERE order_id = 'm' AND ` + where}
	}
	tests := map[string]struct {
		tamper  []string
		version int
		fault   eventstore.Fault
	}{
		"data changed":            {on(`data = jsonb_set(data, '{b}', '2')`, `version = 3`), 3, eventstore.FaultHash},
		"data no longer integers": {on(`data = '{"b": 1.5}'`, `version = 3`), 3, eventstore.FaultHash},
		"metadata changed":        {on(`metadata = '{}'`, `version = 1`), 1, eventstore.FaultHash},
		"type changed":            {on(`event_type = 'Other'`, `version = 5`), 5, eventstore.FaultHash},
		"id changed":              {on(`id = gen_random_uuid()`, `version = 2`), 2, eventstore.FaultHash},
		"time changed":            {on(`created_at = created_at + interval '1 microsecond'`, `version = 5`), 5, eventstore.FaultHash},
		"time going back":         {on(`created_at = created_at - interval '1 hour'`, `version = 4`), 4, eventstore.FaultTime},
		"hash changed":            {on(`hash = sha256(hash)`, `version = 4`), 4, eventstore.FaultHash},
		"moved in the feed":       {on(`tx = '1'`, `version = 2`), 2, eventstore.FaultOrder},
		"first missing":           {[]string{`DELETE FROM order_events WHERE order_id = 'm' AND version = 1`}, 2, eventstore.FaultGap},
		"one missing":             {[]string{`DELETE FROM order_events WHERE order_id = 'm' AND version = 3`}, 4, eventstore.FaultGap},
		"missing, gap closed": {append([]string{`DELETE FROM order_events WHERE order_id = 'm' AND version = 3`},
			append(on(`version = 3`, `version = 4`), on(`version = 4`, `version = 5`)...)...), 3, eventstore.FaultHash},
		"one put in":     {[]string{inserted}, 6, eventstore.FaultHash},
		"two swapped":    {swap, 2, eventstore.FaultHash},
		"stream renamed": {on(`order_id = 'm2'`, `true`), 1, eventstore.FaultHash},
		"swapped, times and feed too": {append(append([]string{}, swap...),
			`UPDATE order_events a SET created_at = b.created_at, tx = b.tx FROM order_events b
				WHERE a.order_id = 'm' AND b.order_id = 'm' AND a.version IN (2, 3) AND b.version = 5 - a.version`), 2, eventstore.FaultHash},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, pool := newStore(t)
			for _, stream := range []string{"a", "m", "z"} {
				fill(t, store, stream, 5)
			}
			if verified, err := store.VerifyAll(t.Context(), eventstore.VerifyOptions{}); err != nil || verified != (eventstore.Verified{Streams: 3, Events: 15}) {
				t.Fatalf("before: %+v, %v", verified, err)
			}
			tamper(t, pool, tt.tamper...)
			stream := "m"
			if name == "stream renamed" {
				stream = "m2"
			}
			_, one := store.Verify(t.Context(), stream)
			verified, all := store.VerifyAll(t.Context(), eventstore.VerifyOptions{})
			for which, err := range map[string]error{"Verify": one, "VerifyAll": all} {
				fault, ok := errors.AsType[*eventstore.FaultError](err)
				if !ok || fault.Stream != stream || fault.Version != tt.version || fault.Fault != tt.fault {
					t.Errorf("%s: got %#v, %v; want %s at version %d", which, fault, err, tt.fault, tt.version)
				}
			}
			if want := 5 + tt.version - 1; tt.fault != eventstore.FaultGap && verified.Events != want {
				t.Errorf("got %d sound events before the fault, want %d", verified.Events, want)
			}
			if n, err := store.Verify(t.Context(), "a"); err != nil || n != 5 {
				t.Errorf("an untouched stream: %d, %v", n, err)
			}
		})
	}
}

func TestVerifyAll_ManyPages_ReportsProgress(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	const streams, events = 5, 700
	for i := range streams {
		batch := make([]eventstore.NewEvent, events)
		for j := range batch {
			batch[j] = eventstore.NewEvent{
				ID: uuid.New(), Type: "T", SchemaVersion: 1, Data: json.RawMessage(`{"n":1}`), Metadata: json.RawMessage(`{}`),
			}
		}
		appendTo(t, store, fmt.Sprintf("s%d", i), eventstore.Head{}, batch...)
	}
	var reports []eventstore.Verified
	verified, err := store.VerifyAll(t.Context(), eventstore.VerifyOptions{
		Progress: func(v eventstore.Verified) { reports = append(reports, v) },
	})
	if want := (eventstore.Verified{Streams: streams, Events: streams * events}); err != nil || verified != want {
		t.Fatalf("got %+v, %v; want %+v", verified, err, want)
	}
	if len(reports) < 2 || reports[len(reports)-1] != verified {
		t.Errorf("got reports %+v, want several, the last %+v", reports, verified)
	}
	if n, err := store.Verify(t.Context(), ""); err != nil || n != streams*events {
		t.Errorf("Verify of all: %d, %v", n, err)
	}
}

func TestEvents_AreNeverChanged(t *testing.T) {
	t.Parallel()
	store, pool := newStore(t)
	fill(t, store, "s", 2)
	for _, statement := range []string{
		`UPDATE order_events SET data = '{}' WHERE order_id = 's'`, `UPDATE order_events SET data = '{}' WHERE false`,
		`DELETE FROM order_events WHERE order_id = 's'`, `TRUNCATE order_events`,
		`INSERT INTO order_events SELECT * FROM order_events ON CONFLICT (order_id, version) DO UPDATE SET data = '{}'`,
		`MERGE INTO order_events e USING (SELECT 's' AS id) x ON e.order_id = x.id WHEN MATCHED THEN DELETE`,
	} {
		if _, err := pool.Exec(t.Context(), statement); err == nil {
			t.Errorf("%s: was allowed", statement)
		}
	}
	if err := checkVersions(store, "s", 2); err != nil {
		t.Error(err)
	}
}
