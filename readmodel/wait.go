package readmodel

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/order"
)

const (
	// lookEvery is how often those who wait are looked for without an announcement: one can get lost.
	lookEvery = 250 * time.Millisecond
	// lookWithin bounds a look; the next one may be luckier.
	lookWithin = 2 * time.Second
)

// WaitForVersion waits until an order has come to a version, at most so long, and gives the order and true; or, when the time is
// over, the order as far as it has come (the zero State when it is not there at all) and false. All who wait in a process are
// looked for together.
func (m *ReadModel) WaitForVersion(
	ctx context.Context, tenant, id string, version int, most time.Duration,
) (order.State, bool, error) {
	if most > 0 {
		w := m.waiters.join(m, id, version)
		defer m.waiters.leave(w)
		deadline := time.NewTimer(most)
		defer deadline.Stop()
		select {
		case <-ctx.Done():
			return order.State{}, false, fmt.Errorf("wait for version %d of %s: %w", version, id, ctx.Err())
		case <-deadline.C:
		case <-w.there:
		}
	}
	state, err := m.Order(ctx, tenant, id)
	if errors.Is(err, order.ErrNotFound) {
		return order.State{}, version <= 0, nil
	}
	return state, err == nil && state.Version >= version, err
}

// waiter waits until an order has come to a version; then there is closed.
type waiter struct {
	order   string
	version int
	there   chan struct{}
}

// waiters are all who wait in this process. While there are any, one goroutine looks for all of them.
type waiters struct {
	mu      sync.Mutex
	all     map[*waiter]struct{}
	looking bool
	joined  chan struct{}
}

func newWaiters() *waiters {
	return &waiters{all: map[*waiter]struct{}{}, joined: make(chan struct{}, 1)}
}

func (ws *waiters) join(m *ReadModel, id string, version int) *waiter {
	w := &waiter{order: id, version: version, there: make(chan struct{})}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.all[w] = struct{}{}
	if !ws.looking {
		ws.looking = true
		go ws.look(m.pool, m.projected)
	}
	select {
	case ws.joined <- struct{}{}: // what it waits for may have come just before
	default:
	}
	return w
}

func (ws *waiters) leave(w *waiter) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	delete(ws.all, w)
}

// look looks for those who wait after each announcement, as long as there are any.
func (ws *waiters) look(pool *pgxpool.Pool, projected func() (<-chan struct{}, func())) {
	var wake <-chan struct{}
	if projected != nil {
		heard, stop := projected()
		defer stop()
		wake = heard
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ws.joined:
		case <-wake:
		case <-tick.C:
		}
		ids := ws.orders()
		if ids == nil {
			return
		}
		if versions, err := readVersions(pool, ids); err == nil { // else they wait on, and are told why when their time is over
			ws.tell(versions)
		}
	}
}

// orders are the orders that are waited for. When there are none, the looking ends.
func (ws *waiters) orders() []string {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if len(ws.all) == 0 {
		ws.looking = false
		return nil
	}
	ids := make([]string, 0, len(ws.all))
	for w := range ws.all {
		ids = append(ids, w.order)
	}
	return ids
}

func readVersions(pool *pgxpool.Pool, ids []string) (map[string]int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookWithin)
	defer cancel()
	rows, err := pool.Query(ctx, `SELECT order_id, version FROM order_views WHERE order_id = ANY($1)`, ids)
	if err != nil {
		return nil, err
	}
	versions := map[string]int{}
	var id string
	var version int
	_, err = pgx.ForEachRow(rows, []any{&id, &version}, func() error {
		versions[id] = version
		return nil
	})
	return versions, err
}

func (ws *waiters) tell(versions map[string]int) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.all {
		if versions[w.order] >= w.version {
			close(w.there)
			delete(ws.all, w)
		}
	}
}
