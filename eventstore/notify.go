package eventstore

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Channel is the name under which appends are announced.
const Channel = "orderly_events"

// notifyEvery bounds how often a process announces its appends. Postgres takes a lock over the whole cluster at the commit of
// a notifying transaction: so an append does not notify, and one announcement stands for many appends.
const notifyEvery = 15 * time.Millisecond

// Notifier announces appends of this process. A nil Notifier announces nothing.
type Notifier struct {
	pool  *pgxpool.Pool
	dirty chan struct{}
}

// NewNotifier makes a Notifier; it works while Run does.
func NewNotifier(pool *pgxpool.Pool) *Notifier {
	return &Notifier{pool: pool, dirty: make(chan struct{}, 1)}
}

func (n *Notifier) appended() {
	if n == nil {
		return
	}
	select {
	case n.dirty <- struct{}{}:
	default:
	}
}

// Run announces until the context ends. An announcement that fails costs only time: readers also poll.
func (n *Notifier) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.dirty:
		}
		_, _ = n.pool.Exec(ctx, `SELECT pg_notify($1, '')`, Channel)
		select {
		case <-ctx.Done():
			return
		case <-time.After(notifyEvery):
		}
	}
}

// Listener hears announcements over one connection of its own and wakes everybody in this process who waits for one.
type Listener struct {
	pool     *pgxpool.Pool
	channels []string

	mu    sync.Mutex
	heard map[chan struct{}]bool
}

// NewListener makes a Listener for channels; it works while Run does.
func NewListener(pool *pgxpool.Pool, channels ...string) *Listener {
	return &Listener{pool: pool, channels: channels, heard: map[chan struct{}]bool{}}
}

// Subscribe gives a channel that receives after announcements; several of them may come as one. Stop ends it.
func (l *Listener) Subscribe() (heard <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard[c] = true
	return c, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.heard, c)
	}
}

func (l *Listener) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.heard {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Run listens until the context ends, and connects again when the connection is lost.
func (l *Listener) Run(ctx context.Context) {
	for ctx.Err() == nil {
		_ = l.listen(ctx) // whatever it was, what was missed while away is covered by waking everybody
		l.wake()
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (l *Listener) listen(ctx context.Context) error {
	pooled, err := l.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	conn := pooled.Hijack() // it listens for its whole life, so it never goes back to the pool
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, channel := range l.channels {
		if _, err := conn.Exec(ctx, `LISTEN `+pgx.Identifier{channel}.Sanitize()); err != nil {
			return err
		}
	}
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return err
		}
		l.wake()
	}
}
