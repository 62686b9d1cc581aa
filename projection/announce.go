package projection

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Channel is the name under which it is announced that a read model has moved.
const Channel = "orderly_projected"

// announceEvery bounds how often a runner announces: a transaction that notifies takes a lock over the whole cluster
// when it commits.
const announceEvery = 15 * time.Millisecond

// announcer tells those who wait for a read model that it has moved. It does so outside of the batch's transaction
// and off its path; an announcement that is lost costs a reader one poll.
type announcer struct {
	pool  *pgxpool.Pool
	dirty chan struct{}
}

func newAnnouncer(pool *pgxpool.Pool) *announcer {
	return &announcer{pool: pool, dirty: make(chan struct{}, 1)}
}

func (a *announcer) moved() {
	select {
	case a.dirty <- struct{}{}:
	default:
	}
}

// start begins to announce; stop ends it and waits for its end.
func (a *announcer) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var done sync.WaitGroup
	done.Go(func() { a.run(ctx) })
	return func() {
		cancel()
		done.Wait()
	}
}

func (a *announcer) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.dirty:
		}
		_, _ = a.pool.Exec(ctx, `SELECT pg_notify($1, '')`, Channel)
		if rest(ctx, nil, announceEvery) != nil {
			return
		}
	}
}
