package eventstore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"orderly/eventstore"
)

func export(t testing.TB, store *eventstore.Store, stream string) string {
	t.Helper()
	var file bytes.Buffer
	if _, err := store.Export(t.Context(), &file, stream); err != nil {
		t.Fatal(err)
	}
	return file.String()
}

func countEvents(t testing.TB, pool *pgxpool.Pool) (n int) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM order_events`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// genJSON draws an object as the store takes it.
func genJSON() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		text := rapid.StringOf(rapid.RuneFrom([]rune("aé<&>\"\\/\t\u2028😀\u007f")))
		value, err := json.Marshal(map[string]any{
			text.Draw(t, "key"): rapid.Int64().Draw(t, "n"),
			"list":              []any{true, nil, text.Draw(t, "text"), map[string]any{"u": rapid.Uint64().Draw(t, "u")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return value
	})
}

// TestTransfer_AnyStreams_ArriveWithTheirHashes exports streams with any content, mixes them in one file, and imports it into
// another database, twice.
func TestTransfer_AnyStreams_ArriveWithTheirHashes(t *testing.T) {
	t.Parallel()
	from, _ := newStore(t)
	to, toPool := newStore(t)
	round, total := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		var files [][]string
		var streams []string
		sum := 0
		for i := range rapid.IntRange(1, 3).Draw(r, "streams") {
			stream := fmt.Sprintf("s%d-%d", round, i)
			var events []eventstore.NewEvent
			for range rapid.IntRange(1, 6).Draw(r, "events") {
				event := withData("Any", `{}`)
				event.Data, event.Metadata = genJSON().Draw(r, "data"), genJSON().Draw(r, "metadata")
				events = append(events, event)
			}
			appendTo(t, from, stream, eventstore.Head{}, events...)
			streams = append(streams, stream)
			files = append(files, strings.SplitAfter(strings.TrimSuffix(export(t, from, stream), "\n"), "\n"))
			sum += len(events)
		}
		file := strings.NewReader(mix(r, files))
		for _, want := range []eventstore.Imported{{Streams: len(streams), Events: sum}, {Known: len(streams)}} {
			if got, err := to.Import(t.Context(), file); err != nil || got != want {
				r.Fatalf("got %+v, %v; want %+v", got, err, want)
			}
		}
		total += sum
		for _, stream := range streams {
			want, _ := load(t, from, stream)
			got, _ := load(t, to, stream)
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(eventstore.Event{}, "Position")); diff != "" {
				r.Fatal(diff)
			}
		}
	})
	verified, err := to.VerifyAll(t.Context(), eventstore.VerifyOptions{})
	if err != nil || verified.Events != total || countEvents(t, toPool) != total {
		t.Errorf("got %+v, %v; want %d events", verified, err, total)
	}
}

// mix lays the lines of files into one, each file's in their order.
func mix(r *rapid.T, files [][]string) string {
	var mixed strings.Builder
	for left := len(files); left > 0; {
		i := rapid.IntRange(0, len(files)-1).Draw(r, "next")
		if len(files[i]) == 0 {
			continue
		}
		mixed.WriteString(strings.TrimSuffix(files[i][0], "\n") + "\n")
		if files[i] = files[i][1:]; len(files[i]) == 0 {
			left--
		}
	}
	return mixed.String()
}

func TestImport_Refused_StoresNothing(t *testing.T) {
	t.Parallel()
	from, _ := newStore(t)
	fill(t, from, "a", 2)
	fill(t, from, "m", 4)
	a, m := export(t, from, "a"), export(t, from, "m")
	lines := strings.SplitAfter(m, "\n")
	nul := withData("Noted", `{"text":"x\u0000y"}`)
	tests := map[string]struct {
		file          string
		line, version int
		problem       string
	}{
		"data changed":        {a + strings.Replace(m, `"Event3"`, `"Event9"`, 1), 5, 3, "hash does not fit"},
		"hash changed":        {a + changeHash(m, 2), 4, 2, "hash does not fit"},
		"line missing":        {a + lines[0] + lines[2] + lines[3], 4, 3, "follows version 1: events are missing"},
		"line twice":          {a + lines[0] + lines[0], 4, 1, "events are missing"},
		"begins late":         {a + lines[1] + lines[2], 3, 2, "must begin at version 1"},
		"swapped":             {a + lines[0] + lines[2] + lines[1], 4, 3, "events are missing"},
		"unknown field":       {a + strings.Replace(m, `"version":2`, `"extra":1,"version":2`, 1), 4, 0, "unknown field"},
		"cut in a line":       {a + m[:len(m)-20], 6, 0, "not an event"},
		"empty line":          {a + "\n" + m, 3, 0, "not an event"},
		"two broken streams":  {changeHash(a, 1) + changeHash(m, 1), 1, 1, "hash does not fit"},
		"stored otherwise":    {a + m, 3, 1, "stored already, with another event"},
		"longer than stored":  {a + export(t, from, "m"), 6, 4, "stored already, and ends at version 3"},
		"broken where stored": {a + m, 5, 3, "stored already, and broken"},
		"NUL in a string":     {a + m + eventstore.LineOf(t, "n", nul), 7, 1, "cannot be stored"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to, pool := newStore(t)
			switch name {
			case "stored otherwise":
				fill(t, to, "m", 1)
			case "longer than stored":
				importAll(t, to, strings.Join(lines[:3], ""))
			case "broken where stored":
				importAll(t, to, m)
				tamper(t, pool, `UPDATE order_events SET data = '{}' WHERE version = 3`)
			}
			before := countEvents(t, pool)
			got, err := to.Import(t.Context(), strings.NewReader(tt.file))
			refused, ok := errors.AsType[*eventstore.ImportError](err)
			if !ok || refused.Line != tt.line || refused.Version != tt.version || !strings.Contains(refused.Problem, tt.problem) {
				t.Errorf("got %v, want line %d, version %d: %s", err, tt.line, tt.version, tt.problem)
			}
			if after := countEvents(t, pool); after != before || got != (eventstore.Imported{}) {
				t.Errorf("there were %d events, and are %d: %+v", before, after, got)
			}
		})
	}
}

func importAll(t testing.TB, store *eventstore.Store, file string) {
	t.Helper()
	if _, err := store.Import(t.Context(), strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
}

// changeHash changes the first digit of a line's hash.
func changeHash(file string, number int) string {
	lines := strings.SplitAfter(file, "\n")
	before, digits, _ := strings.Cut(lines[number-1], `"hash":"`)
	first := "0"
	if digits[0] == '0' {
		first = "1"
	}
	lines[number-1] = before + `"hash":"` + first + digits[1:]
	return strings.Join(lines, "")
}

func TestImport_OlderExport_ChangesNothing(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	head := fill(t, store, "a", 3)
	file := export(t, store, "a")
	appendTo(t, store, "a", head, newEvents(1)...)
	got, err := store.Import(t.Context(), strings.NewReader(file))
	if want := (eventstore.Imported{Known: 1}); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestExport_ManyPages(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	const events = 2001
	batch := newEvents(events)
	appendTo(t, store, "long", eventstore.Head{}, batch...)
	file := export(t, store, "long")
	if n := strings.Count(file, "\n"); n != events {
		t.Fatalf("got %d lines, want %d", n, events)
	}
	to, _ := newStore(t)
	importAll(t, to, file)
	if n, err := to.Verify(t.Context(), "long"); err != nil || n != events {
		t.Errorf("got %d, %v", n, err)
	}
	if n, err := store.Export(t.Context(), &bytes.Buffer{}, "none"); err != nil || n != 0 {
		t.Errorf("of a stream that is not there: %d, %v", n, err)
	}
}
