package eventstore_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orderly/eventstore"
)

// asLines writes events as lines.
func asLines(t testing.TB, events []eventstore.Event) []byte {
	t.Helper()
	var text []byte
	for _, event := range events {
		line, err := eventstore.EncodeLine(event)
		if err != nil {
			t.Fatalf("encode version %d: %v", event.Version, err)
		}
		text = append(text, line...)
	}
	return text
}

func fromLines(r io.Reader) ([]eventstore.Event, error) {
	var events []eventstore.Event
	for event, err := range eventstore.ReadLines(r) {
		if err != nil {
			return events, err
		}
		events = append(events, event)
	}
	return events, nil
}

// compact drops the white space by which jsonb and lines differ.
func compact(t testing.TB, events []eventstore.Event) []eventstore.Event {
	t.Helper()
	for i := range events {
		for _, text := range []*json.RawMessage{&events[i].Data, &events[i].Metadata} {
			var short bytes.Buffer
			if err := json.Compact(&short, *text); err != nil {
				t.Fatal(err)
			}
			*text = short.Bytes()
		}
	}
	return events
}

func TestLines_GiveTheEventsBack(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	appendTo(t, store, "s/é\n", eventstore.Head{}, withData("A", `{"b":12345678901234567890,"a":"<&>  \n\u0007 é"}`),
		withData("B", `[null, true, {"z": {}}]`), withData("C", `"text"`), withData("D", `null`), withData("E", `{"long":"`+strings.Repeat("x", 200_000)+`"}`))
	stored, _ := load(t, store, "s/é\n")
	text := asLines(t, stored)
	if got := bytes.Count(text, []byte("\n")); got != len(stored) {
		t.Errorf("got %d lines for %d events", got, len(stored))
	}
	got, err := fromLines(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(compact(t, stored), got); diff != "" {
		t.Errorf("stored and read from lines (-want +got):\n%s", diff)
	}
}

func TestLines_RefusesWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	fill(t, store, "s", 1)
	stored, _ := load(t, store, "s")
	good := string(asLines(t, stored))
	change := func(old, replacement string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("%s has no %s", good, old)
		}
		return strings.Replace(good, old, replacement, 1)
	}
	for name, text := range map[string]string{
		"empty":          "\n",
		"not JSON":       "version 1\n",
		"cut off":        good[:len(good)/2],
		"two on a line":  strings.TrimSuffix(good, "\n") + good,
		"another field":  change(`{"position"`, `{"extra":1,"position"`),
		"no version":     change(`"version":1,`, ``),
		"version zero":   change(`"version":1,`, `"version":0,`),
		"no data":        change(`"data":{"a":"x","b":1},`, ``),
		"no type":        change(`"Event1"`, `""`),
		"no stream":      change(`"order_id":"s"`, `"order_id":""`),
		"no id":          change(stored[0].ID.String(), "00000000-0000-0000-0000-000000000000"),
		"hash not hex":   change(`"hash":"`, `"hash":"x`),
		"nanoseconds":    change(stored[0].CreatedAt.Format("2006-01-02T15:04:05.999999999Z07:00"), "2026-01-01T00:00:00.000000001Z"),
		"wrong position": change(`"position":"`, `"position":"0`),
	} {
		if events, err := fromLines(strings.NewReader(text)); err == nil {
			t.Errorf("%s: was read as %+v", name, events)
		}
	}
}

func FuzzDecodeLine(f *testing.F) {
	f.Add([]byte(`{"position":"8.4","id":"0192b2f0-0000-7000-8000-000000000001","order_id":"s","version":1,"event_type":"T","schema_version":1,` +
		`"data":{},"metadata":{},"created_at":"2026-11-23T14:00:00.000001Z","hash":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		event, err := eventstore.DecodeLine(text)
		if err != nil {
			return
		}
		line, err := eventstore.EncodeLine(event)
		if err != nil {
			t.Fatalf("%s was read and cannot be written: %v", text, err)
		}
		again, err := eventstore.DecodeLine(line)
		if err != nil {
			t.Fatalf("%s was written and cannot be read: %v", line, err)
		}
		if diff := cmp.Diff(compact(t, []eventstore.Event{event}), compact(t, []eventstore.Event{again})); diff != "" {
			t.Fatalf("read, written and read (-want +got):\n%s", diff)
		}
	})
}
