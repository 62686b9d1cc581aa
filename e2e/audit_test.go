package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/internal/postgres"
	"orderly/internal/testkit"
)

// auditor has a database with streams in it, the binary, and a key to sign with and to trust.
type auditor struct {
	t     *testing.T
	url   string
	key   string
	pool  *pgxpool.Pool
	store *eventstore.Store
}

func newAuditor(t *testing.T) *auditor {
	t.Helper()
	a := &auditor{t: t, url: testkit.DatabaseURL(t)}
	a.key, _ = eventstore.NewSigningKey()
	pool, err := postgres.Open(t.Context(), a.url, postgres.Options{MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	a.pool, a.store = pool, eventstore.New(pool, eventstore.Options{})
	return a
}

// run runs the binary and gives its standard output and exit status.
func (a *auditor) run(args ...string) (string, int) {
	a.t.Helper()
	cmd := exec.CommandContext(a.t.Context(), os.Getenv("ORDERLY_BIN"), args...)
	cmd.Env = append(os.Environ(), "DATABASE_URL="+a.url, "ORDERLY_CHECKPOINT_KEY="+a.key)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		if _, exited := errors.AsType[*exec.ExitError](err); !exited {
			a.t.Fatal(err)
		}
	}
	a.t.Logf("orderly %s: %d\n%s%s", strings.Join(args, " "), cmd.ProcessState.ExitCode(), output, stderr.String())
	return string(output), cmd.ProcessState.ExitCode()
}

func (a *auditor) exec(statements ...string) {
	a.t.Helper()
	for _, statement := range statements {
		if _, err := a.pool.Exec(a.t.Context(), statement); err != nil {
			a.t.Fatalf("%s: %v", statement, err)
		}
	}
}

// tamper changes the events as whoever owns the database can.
func (a *auditor) tamper(statements ...string) {
	a.t.Helper()
	a.exec("ALTER TABLE order_events DISABLE TRIGGER ALL", "ALTER TABLE checkpoints DISABLE TRIGGER ALL")
	a.exec(statements...)
	a.exec("ALTER TABLE order_events ENABLE TRIGGER ALL", "ALTER TABLE checkpoints ENABLE TRIGGER ALL")
}

// fill appends to streams of five events each, named by one letter.
func (a *auditor) fill(streams ...string) {
	a.t.Helper()
	for _, stream := range streams {
		var head eventstore.Head
		for i := range 5 {
			var err error
			_, head, err = a.store.Append(a.t.Context(), stream, head, eventstore.NewEvent{
				ID: uuid.Must(uuid.NewV7()), Type: fmt.Sprintf("Event%d", i+1), SchemaVersion: 1,
				Data: json.RawMessage(`{"amount":4999}`), Metadata: json.RawMessage(`{"actor":"a"}`),
			})
			if err != nil {
				a.t.Fatal(err)
			}
		}
	}
}

// checkpoint makes a checkpoint of all that there is.
func (a *auditor) checkpoint(args ...string) {
	a.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		head, err := a.store.FeedHead(a.t.Context())
		if err != nil || time.Now().After(deadline) {
			a.t.Fatalf("the feed: %+v, %v", head, err)
		}
		if head.Held == 0 {
			break
		}
	}
	if _, status := a.run(append([]string{"checkpoint"}, args...)...); status != 0 {
		a.t.Fatalf("checkpoint: exit status %d", status)
	}
}

// finding is a fault as verify prints it.
type finding struct {
	Stream     string
	Version    int
	Checkpoint int64
	Fault      string
	Problem    string
}

type findings struct {
	Streams, Events, Checkpoints int
	Signatures                   string
	Faults                       []finding
}

func (a *auditor) verify(args ...string) (findings, int) {
	a.t.Helper()
	output, status := a.run(append([]string{"verify", "--output", "json"}, args...)...)
	var found findings
	if err := json.Unmarshal([]byte(output), &found); err != nil {
		a.t.Fatalf("verify: %v\n%s", err, output)
	}
	return found, status
}

// forge writes stream m anew with another third event, and with the hashes that it would have had.
func (a *auditor) forge() {
	a.t.Helper()
	events, _, err := a.store.Load(a.t.Context(), "m")
	if err != nil {
		a.t.Fatal(err)
	}
	elsewhere := newAuditor(a.t)
	next := 0
	store := eventstore.New(elsewhere.pool, eventstore.Options{Clock: func() time.Time { return events[next].CreatedAt }})
	var head eventstore.Head
	for ; next < len(events); next++ {
		e := events[next]
		if e.Version == 3 {
			e.Data = json.RawMessage(`{"amount":1}`)
		}
		if _, head, err = store.Append(a.t.Context(), "m", head, eventstore.NewEvent{
			ID: e.ID, Type: e.Type, SchemaVersion: e.SchemaVersion, Data: e.Data, Metadata: e.Metadata,
		}); err != nil {
			a.t.Fatal(err)
		}
	}
	file := filepath.Join(a.t.TempDir(), "forged.jsonl")
	elsewhere.run("export", "m", "--out", file)
	a.tamper(`DELETE FROM order_events WHERE order_id = 'm'`)
	if _, status := a.run("import", file); status != 0 {
		a.t.Fatal("the forged stream is not even a stream")
	}
}

func TestVerify_WhateverIsTamperedWith_IsNamedWithExitStatus3(t *testing.T) {
	t.Parallel()
	const insert = `INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		SELECT order_id, 6, gen_random_uuid(), event_type, schema_version, data, metadata, created_at + interval '1 second', sha256(hash)
		FROM order_events WHERE order_id = 'm' AND version = 5`
	m := func(version int, fault string) []finding {
		return []finding{{Stream: "m", Version: version, Fault: fault}}
	}
	tests := map[string]struct {
		tamper func(*auditor)
		want   []finding // without the problem and the checkpoint
	}{
		"data":       {on(`data = '{"amount": 1}'`, 3), m(3, "hash")},
		"metadata":   {on(`metadata = '{"actor": "b"}'`, 3), m(3, "hash")},
		"type":       {on(`event_type = 'Other'`, 3), m(3, "hash")},
		"time":       {on(`created_at = created_at + interval '1 microsecond'`, 3), m(3, "hash")},
		"its hash":   {on(`hash = sha256(hash)`, 5), append(m(5, "hash"), m(5, "rewritten")...)},
		"position":   {on(`tx = '3'`, 4), m(4, "order")},
		"middle":     {sql(`DELETE FROM order_events WHERE order_id = 'm' AND version = 3`), m(4, "gap")},
		"tail":       {sql(`DELETE FROM order_events WHERE order_id = 'm' AND version > 3`), m(4, "cut")},
		"stream":     {sql(`DELETE FROM order_events WHERE order_id = 'm'`), m(1, "vanished")},
		"put in":     {sql(insert), m(6, "hash")},
		"swapped":    {swapped, m(2, "hash")},
		"two faults": {sql(`DELETE FROM order_events WHERE order_id = 'a' OR order_id = 'm' AND version = 3`), append(m(4, "gap"), finding{Stream: "a", Version: 1, Fault: "vanished"})},
		"forged":     {(*auditor).forge, m(5, "rewritten")},
		"checkpoint": {sql(`UPDATE checkpoints SET heads = heads + 1`), []finding{{Fault: "checkpoint"}, {Fault: "checkpoint"}}},
		"signature":  {func(a *auditor) { a.key, _ = eventstore.NewSigningKey() }, []finding{{Fault: "checkpoint"}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuditor(t)
			a.fill("a", "m", "z")
			a.checkpoint()
			sound := findings{Streams: 3, Events: 15, Checkpoints: 1, Signatures: "checked", Faults: []finding{}}
			if found, status := a.verify("--all"); status != 0 || !cmp.Equal(found, sound) {
				t.Fatalf("before: %d, %s", status, cmp.Diff(sound, found))
			}
			tt.tamper(a)
			found, status := a.verify("--all")
			var got []finding
			for _, f := range found.Faults {
				if f.Problem == "" {
					t.Errorf("nothing is said of %+v", f)
				}
				got = append(got, finding{Stream: f.Stream, Version: f.Version, Fault: f.Fault})
			}
			if status != 3 || !cmp.Equal(got, tt.want) {
				t.Errorf("exit status %d\n%s", status, cmp.Diff(tt.want, got))
			}
			table, status := a.run("verify")
			if status != 3 || !strings.Contains(table, "NOT SOUND") {
				t.Errorf("as a table: %d\n%s", status, table)
			}
			if tt.want[0].Stream == "m" {
				if one, status := a.verify("m"); status != 3 || len(one.Faults) == 0 || one.Faults[0].Stream != "m" {
					t.Errorf("of m alone: %d, %+v", status, one)
				}
				if one, status := a.verify("z"); status != 0 || one.Events != 5 {
					t.Errorf("of z alone: %d, %+v", status, one)
				}
			}
		})
	}
}

func sql(statements ...string) func(*auditor) {
	return func(a *auditor) { a.tamper(statements...) }
}

func on(set string, version int) func(*auditor) {
	return sql(fmt.Sprintf(`UPDATE order_events SET %s WHERE order_id = 'm' AND version = %d`, set, version))
}

func swapped(a *auditor) {
	a.tamper(`UPDATE order_events SET version = 99 WHERE order_id = 'm' AND version = 2`,
		`UPDATE order_events SET version = 2 WHERE order_id = 'm' AND version = 3`,
		`UPDATE order_events SET version = 3 WHERE order_id = 'm' AND version = 99`)
}

func TestVerify_ExportedCheckpoint_ShowsThatTheNewestWasRemoved(t *testing.T) {
	t.Parallel()
	a := newAuditor(t)
	a.fill("a")
	file := filepath.Join(t.TempDir(), "checkpoint.json")
	a.checkpoint("--export", file)
	if _, status := a.verify("--checkpoint", file); status != 0 {
		t.Errorf("before: exit status %d", status)
	}
	a.exec("ALTER TABLE checkpoint_heads DISABLE TRIGGER ALL")
	a.tamper(`DELETE FROM checkpoint_heads`, `DELETE FROM checkpoints`, `DELETE FROM order_events WHERE version > 2`)
	if _, status := a.verify(); status != 0 {
		t.Errorf("without the file: exit status %d", status)
	}
	found, status := a.verify("--checkpoint", file)
	if status != 3 || len(found.Faults) != 1 || found.Faults[0].Checkpoint != 1 || !strings.Contains(found.Faults[0].Problem, "removed") {
		t.Errorf("with the file: %d, %+v", status, found)
	}
}

func TestVerify_WrongUse(t *testing.T) {
	t.Parallel()
	a := newAuditor(t)
	for want, args := range map[int][]string{
		1: {"verify", "ord_none"}, 2: {"verify", "ord_1", "--all"}, 0: {"verify"},
	} {
		if _, status := a.run(args...); status != want {
			t.Errorf("%v: exit status %d, want %d", args, status, want)
		}
	}
	if _, status := a.run("verify", "a", "b"); status != 2 {
		t.Errorf("two orders: exit status %d", status)
	}
	if _, status := a.run("verify", "--checkpoint", "/nowhere"); status != 1 {
		t.Errorf("no such file: exit status %d", status)
	}
}

func TestImport_BrokenFile_ExitsWith3AndStoresNothing(t *testing.T) {
	t.Parallel()
	from, to := newAuditor(t), newAuditor(t)
	from.fill("m")
	file := filepath.Join(t.TempDir(), "m.jsonl")
	from.run("export", "m", "--out", file)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(t.TempDir(), "broken.jsonl")
	if err := os.WriteFile(broken, []byte(strings.Replace(string(text), "Event4", "Event9", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, status := to.run("import", broken); status != 3 {
		t.Errorf("exit status %d", status)
	}
	if _, status := to.run("verify", "m"); status != 1 {
		t.Errorf("something was stored: verify exits with %d", status)
	}
	for range 2 {
		if output, status := to.run("import", file); status != 0 {
			t.Errorf("exit status %d: %s", status, output)
		}
	}
	exported, _ := to.run("export", "m")
	if withoutPositions(t, exported) != withoutPositions(t, string(text)) {
		t.Errorf("got\n%swant\n%s", exported, text)
	}
	if _, status := to.run("export", "none"); status != 1 {
		t.Errorf("an export of nothing: exit status %d", status)
	}
}

// withoutPositions is an export without the positions, which are new in each database.
func withoutPositions(t *testing.T, file string) string {
	t.Helper()
	var rest strings.Builder
	for line := range strings.Lines(file) {
		_, after, ok := strings.Cut(line, `"id"`)
		if !ok {
			t.Fatalf("no line of an export: %s", line)
		}
		rest.WriteString(after)
	}
	return rest.String()
}
