package eventstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Channel is the name under which appends are announced.
const Channel = "orderly_events"

// notifyEvery bounds how often a process announces its appends. Postgres takes a lock over the whole cluster at the commit of
// a notifying transaction: so an append does not notify, and one announcement stands for many appends.
const notifyEvery = 15 * time.Millisecond

// Notifier announces on a channel that something has moved: appends of this process on [Channel], for one. A nil Notifier
// announces nothing.
type Notifier struct {
	pool    *pgxpool.Pool
	channel string
	dirty   chan struct{}
}

// NewNotifier makes a Notifier; it works while Run does.
func NewNotifier(pool *pgxpool.Pool, channel string) *Notifier {
	return &Notifier{pool: pool, channel: channel, dirty: make(chan struct{}, 1)}
}

// Announce asks for an announcement, soon and off the caller's path; several of them may become one.
func (n *Notifier) Announce() {
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
		_, _ = n.pool.Exec(ctx, `SELECT pg_notify($1, '')`, n.channel)
		select {
		case <-ctx.Done():
			return
		case <-time.After(notifyEvery):
		}
	}
}
