package eventstore

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"sync"
	"time"
)

const (
	// shareFrom is how many events a reader asks for at least to share them. Of less it wants the newest, and does not wait for
	// what somebody else began to read before.
	shareFrom = 256
	// windowPages is how many pages the first of several readers may be ahead of the last.
	windowPages = 4
	// lastHasWithin is how long the first waits for the last before it goes on without.
	lastHasWithin = 500 * time.Millisecond
)

// FeedReader reads the feed for one who follows what happens, in pages. Those readers of a Store that catch up at about the same
// place, and want the same, share what they read: each page is read once, and kept until all of them have it. The first waits for
// the last, up to half a second for a page: who takes longer is left behind and reads alone. It is for one goroutine at a time.
type FeedReader struct {
	store  *Store
	keys   []string
	window *window
	next   Position // where it will ask, or has asked; under the window's lock
}

// NewFeedReader makes a reader, which must be closed. Most who follow the feed want to know what happened, and hardly ever who did
// it and why: so Hash is nil, and Metadata, too, unless it has one of the keys.
func (s *Store) NewFeedReader(keys ...string) *FeedReader {
	keys = slices.Sorted(slices.Values(keys))
	r := &FeedReader{store: s, keys: keys, window: s.windows.of(keys)}
	r.window.open(r)
	return r
}

// Close says that nothing more will be read.
func (r *FeedReader) Close() { r.window.close(r) }

// Read reads up to limit events after a position, in the order of [Store.ReadFeed]; more says that others may follow, even when there
// are fewer than limit. They are shared and must not be changed.
func (r *FeedReader) Read(ctx context.Context, after Position, limit int) (events []Event, more bool, err error) {
	events, leads, err := r.window.enter(ctx, r, after, limit)
	if err != nil || len(events) > 0 {
		return events, true, err
	}
	events, err = r.query(ctx, after, limit)
	more = len(events) == limit
	if leads {
		r.window.leave(after, events, more)
	}
	return events, more, err
}

// query leaves out what nobody wants: writing metadata out and taking it in is a quarter of what it costs to read an event.
func (r *FeedReader) query(ctx context.Context, after Position, limit int) ([]Event, error) {
	const query = `
		SELECT tx, position, order_id, version, id, event_type, schema_version, data,
			CASE WHEN metadata ?| $3 THEN metadata END, created_at, NULL::bytea
		` + fromFeed
	return r.store.query(ctx, query+strconv.Itoa(limit), after.Tx, after.Seq, r.keys)
}

// windows are those of readers that want the same of the metadata. The zero value is ready to use.
type windows struct {
	mu     sync.Mutex
	byKeys map[string]*window
}

func (w *windows) of(keys []string) *window {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byKeys == nil {
		w.byKeys = map[string]*window{}
	}
	name := fmt.Sprintf("%q", keys)
	if w.byKeys[name] == nil {
		w.byKeys[name] = &window{}
	}
	return w.byKeys[name]
}

// window is the stretch of the feed that the first of its readers have and the last are about to ask for: full pages, each of which
// begins where the one before ends. What is in them never changes, for the feed grows at its end only. The zero value is
// ready to use.
type window struct {
	mu      sync.Mutex
	readers map[*FeedReader]struct{}
	pages   []feedPage
	leader  *FeedReader   // is reading the page behind the last one; nil when nobody is
	changed chan struct{} // is closed at the next change; nil when nobody waits for one
}

// feedPage is a full page of the feed.
type feedPage struct {
	after  Position // where it begins
	events []Event
}

func (p feedPage) end() Position { return p.events[len(p.events)-1].Position }

// isAhead says whether there is something in the page that follows a position, covers whether it follows it at once.
func (p feedPage) isAhead(of Position) bool   { return of.Less(p.end()) }
func (p feedPage) covers(after Position) bool { return !after.Less(p.after) && after.Less(p.end()) }

// behind gives up to limit events of the page after a position that it covers.
func (p feedPage) behind(after Position, limit int) []Event {
	from := sort.Search(len(p.events), func(i int) bool { return after.Less(p.events[i].Position) })
	return p.events[from:min(from+limit, len(p.events))]
}

func (w *window) open(r *FeedReader) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.readers == nil {
		w.readers = map[*FeedReader]struct{}{}
	}
	w.readers[r] = struct{}{}
}

func (w *window) close(r *FeedReader) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.readers, r)
	w.tidy()
}

// enter gives what the window has after a position. When it has nothing, the reader reads for itself; when it leads, for the
// others, too, and must leave. It waits while somebody else reads just that, and while it is too far ahead of the last one, but not
// for long.
func (w *window) enter(ctx context.Context, r *FeedReader, after Position, limit int) (events []Event, leads bool, err error) {
	until := time.Now().Add(lastHasWithin)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.move(r, after)
	for {
		if events := w.find(after, limit); len(events) > 0 {
			w.move(r, events[len(events)-1].Position)
			return events, false, nil
		}
		switch w.turn(after, limit) {
		case alone:
			return nil, false, nil
		case ahead:
			w.leader = r
			if len(w.pages) == windowPages {
				w.pages = w.pages[1:]
			}
			return nil, true, nil
		case waiting:
			if waited, err := w.wait(ctx, until); !waited {
				return nil, false, err
			}
		}
	}
}

// turn is what one may do who asks for what the window has not.
type turn int

const (
	alone turn = iota
	ahead
	waiting
)

func (w *window) turn(after Position, limit int) turn {
	atEnd := len(w.pages) == 0 || w.pages[len(w.pages)-1].end() == after
	switch {
	case limit < shareFrom:
		return alone
	case w.leader != nil && w.leader.next == after:
		return waiting
	case w.leader != nil || !atEnd:
		return alone
	case len(w.pages) == windowPages && w.anyone(w.pages[0].covers):
		return waiting
	default:
		return ahead
	}
}

// leave takes what the leader has read into the window, if somebody is still to come to it.
func (w *window) leave(after Position, events []Event, full bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	leader := w.leader
	w.leader = nil
	if full {
		page := feedPage{after, events}
		w.pages = append(w.pages, page)
		after = page.end()
	}
	w.move(leader, after)
}

func (w *window) find(after Position, limit int) []Event {
	for _, page := range w.pages {
		if page.covers(after) {
			return page.behind(after, limit)
		}
	}
	return nil
}

// move takes note of where a reader is.
func (w *window) move(r *FeedReader, to Position) {
	r.next = to
	w.tidy()
}

// tidy drops the pages that everybody has passed, and wakes those who wait for a change.
func (w *window) tidy() {
	for len(w.pages) > 0 && !w.anyone(w.pages[0].isAhead) {
		w.pages = w.pages[1:]
	}
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// anyone says whether something holds of the place of any reader.
func (w *window) anyone(holds func(Position) bool) bool {
	for r := range w.readers {
		if holds(r.next) {
			return true
		}
	}
	return false
}

// wait lets others in until something has changed; false says that it took too long, or the context has ended.
func (w *window) wait(ctx context.Context, until time.Time) (bool, error) {
	patience := time.NewTimer(time.Until(until))
	defer patience.Stop()
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	changed := w.changed
	w.mu.Unlock()
	defer w.mu.Lock()
	select {
	case <-changed:
		return true, nil
	case <-patience.C:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
