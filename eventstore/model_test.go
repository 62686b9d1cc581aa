package eventstore_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"orderly/eventstore"
)

// Properties that run on the database share one of it; each run has streams of its own.
var runs atomic.Int64

// jsonValue draws any JSON value that an event may hold.
func jsonValue(depth int) *rapid.Generator[any] {
	text := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 }))
	kinds := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), text.AsAny(), rapid.Int64().AsAny(),
		rapid.Map(rapid.StringMatching(`-?[1-9][0-9]{0,60}`), func(s string) any { return json.Number(s) }),
	}
	if depth > 0 {
		inner := rapid.Deferred(func() *rapid.Generator[any] { return jsonValue(depth - 1) })
		kinds = append(kinds, rapid.SliceOfN(inner, 0, 4).AsAny(), rapid.MapOfN(text, inner, 0, 4).AsAny())
	}
	return rapid.OneOf(kinds...)
}

func jsonText(t *rapid.T, label string) json.RawMessage {
	text, err := json.Marshal(jsonValue(3).Draw(t, label))
	if err != nil {
		t.Fatal(err)
	}
	if rapid.Bool().Draw(t, "indented") {
		var indented bytes.Buffer
		if err := json.Indent(&indented, text, "", "  "); err != nil {
			t.Fatal(err)
		}
		return indented.Bytes()
	}
	return text
}

func TestHash_OverWhatIsReadBack_EqualsHashOverWhatWasWritten(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	rapid.Check(t, func(rt *rapid.T) {
		stream := fmt.Sprintf("%s/%d", rapid.StringMatching(`\PC{0,8}`).Draw(rt, "name"), runs.Add(1))
		var batch []eventstore.NewEvent
		for range rapid.IntRange(1, 8).Draw(rt, "events") {
			batch = append(batch, eventstore.NewEvent{
				ID: uuid.New(), Type: "T", SchemaVersion: rapid.IntRange(1, 32767).Draw(rt, "schema"),
				Data: jsonText(rt, "data"), Metadata: jsonText(rt, "metadata"),
			})
		}
		stored, _, err := store.Append(t.Context(), stream, eventstore.Head{}, batch...)
		if err != nil {
			rt.Fatal(err)
		}
		events, _, err := store.Load(t.Context(), stream)
		if err != nil {
			rt.Fatal(err)
		}
		for i := range stored {
			if !bytes.Equal(stored[i].Hash, events[i].Hash) || !stored[i].CreatedAt.Equal(events[i].CreatedAt) {
				rt.Fatalf("version %d came back changed: %+v, was %+v", i+1, events[i], stored[i])
			}
		}
		if n, err := store.Verify(t.Context(), stream); err != nil || n != len(batch) {
			rt.Fatalf("verified %d of %d: %v", n, len(batch), err)
		}
	})
}

// model is what the store must look like: the ids of each stream, and every head that it ever had.
type model struct {
	t     *testing.T
	store *eventstore.Store
	ids   map[string][]uuid.UUID
	heads map[string][]eventstore.Head
	last  map[string][]eventstore.NewEvent // the last batch of each stream
}

func TestStore_BehavesLikeAModel(t *testing.T) {
	t.Parallel()
	store, _ := newStore(t)
	rapid.Check(t, func(rt *rapid.T) {
		run := runs.Add(1)
		m := &model{
			t: t, store: store, ids: map[string][]uuid.UUID{}, heads: map[string][]eventstore.Head{}, last: map[string][]eventstore.NewEvent{},
		}
		stream := func(rt *rapid.T) string {
			name := fmt.Sprintf("%d/%s", run, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "stream"))
			if m.heads[name] == nil {
				m.heads[name] = []eventstore.Head{{}}
			}
			return name
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) { m.append(rt, stream(rt), rapid.IntRange(1, 4).Draw(rt, "n")) },
			"stale":  func(rt *rapid.T) { m.appendToStaleHead(rt, stream(rt)) },
			"again":  func(rt *rapid.T) { m.sendAgain(rt, stream(rt)) },
			"load":   func(rt *rapid.T) { m.load(rt, stream(rt)) },
		})
	})
}

func (m *model) head(stream string) eventstore.Head { return m.heads[stream][len(m.heads[stream])-1] }

func (m *model) append(rt *rapid.T, stream string, n int) {
	batch := newEvents(n)
	stored, head, err := m.store.Append(m.t.Context(), stream, m.head(stream), batch...)
	if err != nil || len(stored) != n || head.Version() != len(m.ids[stream])+n {
		rt.Fatalf("append %d: got %d events, head %v, %v", n, len(stored), head, err)
	}
	for _, event := range batch {
		m.ids[stream] = append(m.ids[stream], event.ID)
	}
	m.heads[stream], m.last[stream] = append(m.heads[stream], head), batch
}

func (m *model) appendToStaleHead(rt *rapid.T, stream string) {
	heads := m.heads[stream]
	if len(heads) < 2 {
		rt.Skip("no stale head yet")
	}
	stale := heads[rapid.IntRange(0, len(heads)-2).Draw(rt, "head")]
	_, _, err := m.store.Append(m.t.Context(), stream, stale, newEvent("Late"))
	want := &eventstore.ConflictError{Stream: stream, Expected: stale.Version(), Current: len(m.ids[stream])}
	if got, ok := errors.AsType[*eventstore.ConflictError](err); !ok || !cmp.Equal(got, want) {
		rt.Fatalf("got %v, want %v", err, want)
	}
}

func (m *model) sendAgain(rt *rapid.T, stream string) {
	heads := m.heads[stream]
	if len(heads) < 2 {
		rt.Skip("nothing sent yet")
	}
	_, head, err := m.store.Append(m.t.Context(), stream, heads[len(heads)-2], m.last[stream]...)
	if err != nil || !cmp.Equal(head, m.head(stream)) {
		rt.Fatalf("sent again: got head %v, %v, want %v", head, err, m.head(stream))
	}
}

func (m *model) load(rt *rapid.T, stream string) {
	version := rapid.IntRange(0, len(m.ids[stream])+1).Draw(rt, "version")
	before, err := m.store.LoadUntilVersion(m.t.Context(), stream, version)
	if err != nil {
		rt.Fatal(err)
	}
	after, _, err := m.store.LoadAfter(m.t.Context(), stream, version)
	if err != nil {
		rt.Fatal(err)
	}
	var got []uuid.UUID
	for i, event := range append(before, after...) {
		if event.Version != i+1 || event.StreamID != stream {
			rt.Fatalf("got version %d of %s at place %d of %s", event.Version, event.StreamID, i+1, stream)
		}
		got = append(got, event.ID)
	}
	if diff := cmp.Diff(m.ids[stream], got); diff != "" {
		rt.Fatalf("ids of %s (-want +got):\n%s", stream, diff)
	}
	if n, err := m.store.Verify(m.t.Context(), stream); err != nil || n != len(got) {
		rt.Fatalf("verified %d of %d: %v", n, len(got), err)
	}
}
