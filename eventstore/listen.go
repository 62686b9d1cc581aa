package eventstore

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// aliveEvery is how long a listening connection may be silent before it is asked whether it still works: one whose
// other end vanished without a word would look just as silent for ever.
const aliveEvery = 15 * time.Second

// Listener hears announcements over one connection of its own and wakes everybody in this process who waits for one.
type Listener struct {
	pool       *pgxpool.Pool
	channels   []string
	aliveEvery time.Duration

	mu    sync.Mutex
	heard map[chan struct{}]bool
}

// NewListener makes a Listener for channels; it works while Run does.
func NewListener(pool *pgxpool.Pool, channels ...string) *Listener {
	return &Listener{pool: pool, channels: channels, aliveEvery: aliveEvery, heard: map[chan struct{}]bool{}}
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
		_ = l.listen(ctx) // whatever it was: readers poll meanwhile, and listen wakes them when it is back
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
		l.wake() // the first time for what was announced before we listened
		if err := l.wait(ctx, conn); err != nil {
			return err
		}
	}
}

// wait returns with the next announcement, or with the error of a connection that has died.
func (l *Listener) wait(ctx context.Context, conn *pgx.Conn) error {
	for {
		silence, cancel := context.WithTimeout(ctx, l.aliveEvery)
		_, err := conn.WaitForNotification(silence)
		cancel()
		if err == nil || ctx.Err() != nil || silence.Err() == nil {
			return err
		}
		answer, cancel := context.WithTimeout(ctx, l.aliveEvery)
		err = conn.Ping(answer)
		cancel()
		if err != nil {
			return err
		}
	}
}
