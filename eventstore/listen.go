package eventstore

import (
	"context"
	"slices"
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
	heard map[chan struct{}]string // the channel of announcements that each waits for
}

// NewListener makes a Listener for channels; it works while Run does.
func NewListener(pool *pgxpool.Pool, channels ...string) *Listener {
	return &Listener{pool: pool, channels: channels, aliveEvery: aliveEvery, heard: map[chan struct{}]string{}}
}

// On gives what subscribes to the announcements on one of the listener's channels. A subscription's Go channel receives after
// them; several may come as one. Stop ends it.
func (l *Listener) On(channel string) (subscribe func() (heard <-chan struct{}, stop func())) {
	return func() (<-chan struct{}, func()) {
		c := make(chan struct{}, 1)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.heard[c] = channel
		return c, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			delete(l.heard, c)
		}
	}
}

// wake wakes those who wait for announcements on some channels.
func (l *Listener) wake(channels ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c, channel := range l.heard {
		if !slices.Contains(channels, channel) {
			continue
		}
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
	l.wake(l.channels...) // for what was announced before we listened
	for {
		channel, err := l.wait(ctx, conn)
		if err != nil {
			return err
		}
		l.wake(channel)
	}
}

// wait gives the channel of the next announcement, or the error of a connection that has died.
func (l *Listener) wait(ctx context.Context, conn *pgx.Conn) (string, error) {
	for {
		silence, cancel := context.WithTimeout(ctx, l.aliveEvery)
		announced, err := conn.WaitForNotification(silence)
		cancel()
		if err == nil {
			return announced.Channel, nil
		}
		if ctx.Err() != nil || silence.Err() == nil {
			return "", err
		}
		answer, cancel := context.WithTimeout(ctx, l.aliveEvery)
		err = conn.Ping(answer)
		cancel()
		if err != nil {
			return "", err
		}
	}
}
