package journal

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"orderly/eventstore"
	"orderly/order"
)

// TestLoad_CostsTheSameHoweverLongTheHistory measures in turns, and is generous, for machines under load: without the snapshot it
// would be several hundred times as much. BenchmarkLoad gives the figures.
func TestLoad_CostsTheSameHoweverLongTheHistory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 50)
	w.grow("short", 50)
	w.grow("long", 10_000)
	var short, long []time.Duration
	for range 200 {
		short, long = append(short, w.once(w.book, "short")), append(long, w.once(w.book, "long"))
	}
	if a, b := median(short), median(long); b > 3*a {
		t.Errorf("an order of 10,000 events loads in %s, one of 50 in %s", b, a)
	}
}

// BenchmarkLoad reads orders of some lengths in turns, each with its snapshot and without events after it, and says how many
// times as long as that of 50 events each one takes.
func BenchmarkLoad(b *testing.B) {
	w := newWorld(b, 50)
	sizes := []int{50, 200, 1000, 10_000}
	for _, n := range sizes {
		w.grow(fmt.Sprintf("ord_%d", n), n)
	}
	took := map[int][]time.Duration{}
	var replays []time.Duration
	for range b.N {
		for _, n := range sizes {
			took[n] = append(took[n], w.once(w.book, fmt.Sprintf("ord_%d", n)))
		}
		replays = append(replays, w.once(w.replay, "ord_50"))
	}
	for _, n := range sizes {
		b.ReportMetric(float64(median(took[n]).Microseconds()), fmt.Sprintf("µs-of-%d", n))
		b.ReportMetric(float64(median(took[n]))/float64(median(took[50])), fmt.Sprintf("ratio-of-%d", n))
	}
	b.ReportMetric(float64(median(replays).Microseconds()), "µs-of-50-replayed")
}

// grow makes an order of n events, each of a command of its own, and its snapshot.
func (w *world) grow(id string, n int) {
	w.t.Helper()
	w.must(id, placed())
	read, err := w.book.Read(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	for head := read.head; head.Version() < n; {
		var notes []eventstore.NewEvent
		for len(notes) < min(1000, n-head.Version()) {
			metadata := fmt.Sprintf(`{"command_id":%q,"reason":"test"}`, uuid.NewString())
			notes = append(notes, eventstore.NewEvent{
				ID: uuid.New(), Type: (&order.OrderNoteAdded{}).EventType(), SchemaVersion: 1,
				Data: json.RawMessage(`{"text":"a remark of the usual length"}`), Metadata: json.RawMessage(metadata),
			})
		}
		if _, head, err = w.store.Append(w.t.Context(), id, head, notes...); err != nil {
			w.t.Fatal(err)
		}
	}
	if read, err = w.replay.Read(w.t.Context(), id); err != nil {
		w.t.Fatal(err)
	}
	if err := w.book.saveSnapshot(w.t.Context(), read); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) once(j *Journal, id string) time.Duration {
	began := time.Now()
	w.load(j, id)
	return time.Since(began)
}

func median(took []time.Duration) time.Duration {
	slices.Sort(took)
	return took[len(took)/2]
}
