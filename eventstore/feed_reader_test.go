package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

// feedReads counts the reads of the feed, and has each of them do something first.
type feedReads struct {
	n      atomic.Int64
	before func(context.Context)
}

func (f *feedReads) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if strings.Contains(data.SQL, "pg_snapshot_xmin") {
		f.n.Add(1)
		if f.before != nil {
			f.before(ctx)
		}
	}
	return ctx
}

func (*feedReads) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// longFeed is a store with n events in its feed, on a pool of which reads hears. Every hundredth has a reason.
func longFeed(t *testing.T, n int, reads *feedReads) *eventstore.Store {
	t.Helper()
	store, pool := newStore(t)
	exec(t, pool, `
		INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		SELECT 's' || i % 50, i / 50 + 1, gen_random_uuid(), 'Long', 1, '{}',
			CASE WHEN i % 100 = 0 THEN '{"actor": "a", "reason": null}'::jsonb ELSE '{"actor": "a"}' END, clock_timestamp(), '\x00' FROM generate_series(0, $1::int - 1) i`, n)
	readAll(t, store, n) // until no older transaction holds it
	config := pool.Config()
	config.ConnConfig.Tracer = reads
	traced, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(traced.Close)
	return eventstore.New(traced, eventstore.Options{})
}

// opened is a reader that is closed with the test, and looks at reasons.
func opened(t *testing.T, store *eventstore.Store) *eventstore.FeedReader {
	t.Helper()
	reader := store.NewFeedReader("reason")
	t.Cleanup(reader.Close)
	return reader
}

// place is where somebody is in the feed, and what was read so far.
type place struct {
	after  eventstore.Position
	events []eventstore.Event
}

// read reads a page behind it, and says whether others may follow.
func (p *place) read(ctx context.Context, reader *eventstore.FeedReader, limit int) (more bool, err error) {
	page, more, err := reader.Read(ctx, p.after, limit)
	if err != nil {
		return false, fmt.Errorf("read after %s: %w", p.after, err)
	}
	if len(page) > limit || more && len(page) == 0 {
		return false, fmt.Errorf("got %d events of %d after %s, more is %t", len(page), limit, p.after, more)
	}
	p.events = append(p.events, page...)
	if len(page) > 0 {
		p.after = page[len(page)-1].Position
	}
	return more, nil
}

// wantAll wants what the feed has, each event once, as it is for those who look at reasons.
func wantAll(t *testing.T, store *eventstore.Store, who string, got []eventstore.Event) {
	t.Helper()
	want, err := store.ReadFeed(t.Context(), eventstore.Position{}, len(got)+1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		want[i].Hash = nil
		if !strings.Contains(string(want[i].Metadata), "reason") {
			want[i].Metadata = nil
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s has read (-the feed +got):\n%s", who, diff)
	}
}

func TestFeedReader_ThoseThatCatchUpTogether_ReadEachPageOnce(t *testing.T) {
	t.Parallel()
	const events, limit = 4000, 500
	var reads feedReads
	store := longFeed(t, events, &reads)
	readers := []*eventstore.FeedReader{opened(t, store), opened(t, store), opened(t, store)}
	places := make([]place, len(readers))
	var group sync.WaitGroup
	for i, reader := range readers {
		group.Go(func() {
			defer reader.Close()
			for {
				if more, err := places[i].read(t.Context(), reader, limit); err != nil || !more {
					if err != nil {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	group.Wait()
	// Only the end, where nothing is to be had, everybody looks at.
	if got, want := reads.n.Load(), int64(events/limit+len(readers)); got > want {
		t.Errorf("%d readers read the feed %d times, want %d at most", len(readers), got, want)
	}
	for i := range places {
		wantAll(t, store, fmt.Sprintf("reader %d", i), places[i].events)
	}
}

func TestFeedReader_PlacesAndSizesThatDiffer_EachEventOnce(t *testing.T) {
	t.Parallel()
	const events = 6000
	var reads feedReads
	store := longFeed(t, events, &reads)
	var group sync.WaitGroup
	places := make([]place, 5)
	for i := range places {
		reader := opened(t, store)
		random := rand.New(rand.NewPCG(uint64(i), 1))
		group.Go(func() {
			defer reader.Close()
			for more := true; more; {
				var err error
				if more, err = places[i].read(t.Context(), reader, 1+random.IntN(900)); err != nil {
					t.Error(err)
					return
				}
				if more && random.IntN(10) == 0 { // and some begin again
					places[i] = place{}
				}
				<-time.After(time.Duration(random.IntN(i+1)) * time.Millisecond)
			}
		})
	}
	group.Wait()
	for i := range places {
		wantAll(t, store, fmt.Sprintf("reader %d", i), places[i].events)
	}
}

// TestFeedReader_ThoseThatWantSomethingElse_GetThat: they share nothing.
func TestFeedReader_ThoseThatWantSomethingElse_GetThat(t *testing.T) {
	t.Parallel()
	const events, limit = 1500, 500
	var reads feedReads
	store := longFeed(t, events, &reads)
	for _, tt := range []struct {
		keys []string
		want map[string]int // how many events come with which metadata
	}{
		{nil, map[string]int{``: events}},
		{[]string{"reason"}, map[string]int{``: events - events/100, `{"actor": "a", "reason": null}`: events / 100}},
		{[]string{"reason", "actor"}, map[string]int{`{"actor": "a"}`: events - events/100, `{"actor": "a", "reason": null}`: events / 100}},
	} {
		reader := store.NewFeedReader(tt.keys...)
		t.Cleanup(reader.Close) // all are open at the same time, and begin at the same place
		var all place
		for more := true; more; {
			var err error
			if more, err = all.read(t.Context(), reader, limit); err != nil {
				t.Fatal(err)
			}
		}
		got := map[string]int{}
		for _, event := range all.events {
			got[string(event.Metadata)]++
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("with %q (-want +got):\n%s", tt.keys, diff)
		}
	}
}

// TestFeedReader_SomebodyStandsStill lets one reader take a page and no other.
func TestFeedReader_SomebodyStandsStill_TheOthersGoOn(t *testing.T) {
	t.Parallel()
	const events, limit = 5000, 500
	var reads feedReads
	store := longFeed(t, events, &reads)
	slow, fast := opened(t, store), opened(t, store)
	var slows, fasts place
	if _, err := slows.read(t.Context(), slow, limit); err != nil {
		t.Fatal(err)
	}
	for more := true; more; {
		var err error
		if more, err = fasts.read(t.Context(), fast, limit); err != nil {
			t.Fatal(err)
		}
	}
	wantAll(t, store, "the fast one", fasts.events)
	before := reads.n.Load()
	for more := true; more; {
		var err error
		if more, err = slows.read(t.Context(), slow, limit); err != nil {
			t.Fatal(err)
		}
	}
	wantAll(t, store, "the slow one", slows.events)
	if got := reads.n.Load() - before; got >= events/limit-1 {
		t.Errorf("the slow one read the feed %d times: what the fast one had kept for it is lost", got)
	}
}

func TestFeedReader_TheOneThatReadsIsStopped_AnotherOneReads(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	reads := &feedReads{}
	store := longFeed(t, 1000, reads)
	reads.before = func(ctx context.Context) {
		if reads.n.Load() == 1 {
			close(begun)
			<-ctx.Done()
		}
	}
	first, second := opened(t, store), opened(t, store)
	stopped, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, _, err := first.Read(stopped, eventstore.Position{}, 500)
		ended <- err
	}()
	<-begun
	var group sync.WaitGroup
	group.Go(func() {
		var got place
		if _, err := got.read(t.Context(), second, 500); err != nil || len(got.events) != 500 {
			t.Errorf("the second one got %d events, %v", len(got.events), err)
		}
	})
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the first one ended with %v, want that it was stopped", err)
	}
	group.Wait()
}

func TestFeedReader_TheOneThatReadsHangs_TheOthersReadThemselves(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	reads := &feedReads{}
	store := longFeed(t, 1000, reads)
	reads.before = func(context.Context) {
		if reads.n.Load() == 1 {
			close(begun)
			<-release
		}
	}
	first, second := opened(t, store), opened(t, store)
	var hanging, going place
	ended := make(chan error, 1)
	go func() {
		_, err := hanging.read(t.Context(), first, 500)
		ended <- err
	}()
	<-begun
	for more := true; more; {
		var err error
		if more, err = going.read(t.Context(), second, 500); err != nil {
			t.Fatal(err)
		}
	}
	wantAll(t, store, "the one that goes on", going.events)
	close(release)
	if err := <-ended; err != nil || len(hanging.events) != 500 {
		t.Errorf("the one that hung got %d events, %v", len(hanging.events), err)
	}
}
