package eventstore

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// insertsAtOnce is how many statements with single events a store has under way at a time.
	insertsAtOnce = 2
	// largestGroup bounds how many events go into one statement.
	largestGroup = 64
	// groupWithin bounds a statement that several appends share: none of their contexts may end it for the others.
	groupWithin = 30 * time.Second
)

// groups lets single events that are appended at the same time share a statement and a commit, which cost for many
// hardly more than for one (group commit: DeWitt et al., Implementation Techniques for Main Memory Database Systems,
// 1984). Nobody waits for company: an append goes ahead while few statements are under way, and those that come in the
// meantime go together as soon as one has ended.
type groups struct {
	mu      sync.Mutex
	running int
	waiting []waitingInsert
}

// waitingInsert is an event that waits for its turn. done has room for the one result.
type waitingInsert struct {
	event *Event
	epoch int64
	done  chan error
}

// insertOne inserts a single event, alone or with others that are appended now.
func (s *Store) insertOne(ctx context.Context, epoch int64, e *Event) error {
	done := s.groups.enter(epoch, e)
	if done == nil {
		defer s.leave()
		return s.insertAlone(ctx, epoch, e)
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// enter gives nil when the event may go ahead, or else where its result will be.
func (g *groups) enter(epoch int64, e *Event) <-chan error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.running < insertsAtOnce {
		g.running++
		return nil
	}
	waiting := waitingInsert{e, epoch, make(chan error, 1)}
	g.waiting = append(g.waiting, waiting)
	return waiting.done
}

// leave ends a statement: those who came in the meantime take its place.
func (s *Store) leave() {
	if !s.groups.idle() {
		go s.insertWaiting()
	}
}

// insertWaiting inserts group after group until nobody waits.
func (s *Store) insertWaiting() {
	for {
		// Whoever has just got an answer may have more to append: it joins now, or waits for a whole statement.
		runtime.Gosched()
		group := s.groups.next()
		if len(group) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), groupWithin)
		s.insertGroup(ctx, group)
		cancel()
	}
}

// idle gives the place up when nobody waits for it.
func (g *groups) idle() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) > 0 {
		return false
	}
	g.running--
	return true
}

// next takes those who wait; when there are none, the place is given up.
func (g *groups) next() []waitingInsert {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), largestGroup)
	if n == 0 {
		g.running--
	}
	group := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	return group
}

// insertGroup inserts events of different streams. When Postgres refuses the statement for one of them, each goes alone.
func (s *Store) insertGroup(ctx context.Context, group []waitingInsert) {
	if len(group) == 1 {
		group[0].done <- s.insertAlone(ctx, group[0].epoch, group[0].event)
		return
	}
	inserted, err := s.insertAvailable(ctx, group)
	_, refused := errors.AsType[*pgconn.PgError](err)
	for _, each := range group {
		switch {
		case refused:
			each.done <- s.insertAlone(ctx, each.epoch, each.event)
		case err == nil && !slices.Contains(inserted, each.event.ID):
			each.done <- errNotAtHead
		default:
			each.done <- err
		}
	}
}

// insertAvailable inserts the events whose place is free, and gives their ids. Sorted, so that two such statements never
// wait for each other.
func (s *Store) insertAvailable(ctx context.Context, group []waitingInsert) ([]uuid.UUID, error) {
	const query = insertColumns + `
		SELECT order_id, version, id, event_type, schema_version, data, metadata, created_at, hash
		FROM ` + eventArrays + `
		WHERE` + notArchived + `
		ORDER BY order_id, version
		ON CONFLICT (order_id, version) DO NOTHING
		RETURNING id`
	events := make([]Event, len(group))
	for i, each := range group {
		events[i] = *each.event
	}
	rows, err := s.pool.Query(ctx, query, arraysOf(events)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}
