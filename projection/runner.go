package projection

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

// pulseEvery is how often a runner shows that it is alive and measures its lag.
const pulseEvery = time.Second

const (
	// lagCosts is how much longer a runner does other things than measure its lag, unless it has not measured it for lagWithin.
	lagCosts  = 200
	lagWithin = 10 * time.Second
)

// ErrFenced is returned by a runner whose shard was taken over by another one.
var ErrFenced = errors.New("another runner has taken the projection over")

// Progress is how far a runner has come.
type Progress struct {
	// Position is the checkpoint.
	Position eventstore.Position `json:"position"`
	// Applied and Parked are how many events this run has applied and parked.
	Applied int `json:"applied"`
	Parked  int `json:"parked"`
	// LagEvents is how many events were ahead when that was last measured, counted up to [MaxLagEvents]; LagSeconds is
	// how old the oldest of them was.
	LagEvents  int     `json:"lag_events"`
	LagSeconds float64 `json:"lag_seconds"`
}

// Runner drives a shard of a projection.
type Runner struct {
	pool       *pgxpool.Pool
	store      *eventstore.Store
	subscribe  func() (<-chan struct{}, func())
	projection Projection
	shard      int

	feed     *eventstore.FeedReader // while it runs
	fence    int64
	size     batchSize
	ahead    page // was read while the one before it was applied
	progress Progress
	pulsed   time.Time
	// measureFrom is when the lag is to be measured again.
	measureFrom time.Time
}

// NewRunner makes a runner. Subscribe gives what wakes it after appends ([eventstore.Listener.On] with
// [eventstore.Channel]); with nil it only polls. The shard is 0 for a projection that is not split.
func NewRunner(
	pool *pgxpool.Pool, store *eventstore.Store, subscribe func() (<-chan struct{}, func()), p Projection, shard int,
) *Runner {
	return &Runner{pool: pool, store: store, subscribe: subscribe, projection: p, shard: shard}
}

// Run takes the shard over and keeps the read model up to date until the context ends, which is no error. It reports after each
// batch and about once a second; report may be nil. A Runner runs once at a time.
//
// Errors: [ErrFenced], [*VersionError], [*GapError], and the database's. Running again goes on where this run stood.
func (r *Runner) Run(ctx context.Context, report func(Progress)) error {
	if report == nil {
		report = func(Progress) {}
	}
	defer r.openFeed()()
	if err := r.takeOver(ctx); err != nil {
		return r.ended(ctx, fmt.Errorf("take over projection %s: %w", r.projection.Name, err))
	}
	announcer := eventstore.NewNotifier(r.pool, Channel)
	stop := announcing(ctx, announcer)
	defer stop()
	err := r.follow(ctx, announcer, report)
	return r.ended(ctx, fmt.Errorf("projection %s at %s: %w", r.projection.Name, r.progress.Position, err))
}

// openFeed opens the feed until stop.
func (r *Runner) openFeed() (stop func()) {
	r.feed = r.store.NewFeedReader(r.projection.Metadata...)
	return r.feed.Close
}

// follow goes along the feed until something ends it.
func (r *Runner) follow(ctx context.Context, announcer *eventstore.Notifier, report func(Progress)) error {
	watch, stop := eventstore.NewWatch(r.subscribe)
	defer stop()
	for {
		did, err := r.step(ctx)
		if err != nil {
			return err
		}
		if did.moved {
			announcer.Announce()
		}
		if err := r.pulse(ctx); err != nil {
			return err
		}
		report(r.progress)
		if did.more {
			continue
		}
		if err := watch.Wait(ctx); err != nil {
			return err
		}
	}
}

// stepped says whether a step has moved the checkpoint, and whether there may be more to do behind it.
type stepped struct{ moved, more bool }

// step applies one batch, if there is one. As long as there is more to come than it takes at a time, it reads the next batch
// meanwhile.
func (r *Runner) step(ctx context.Context) (stepped, error) {
	now, err := r.take(ctx)
	if err != nil || len(now.events) == 0 {
		return stepped{}, err
	}
	var next page
	var reading sync.WaitGroup
	if now.more {
		last, limit := now.events[len(now.events)-1].Position, r.size.limit()
		reading.Go(func() { next, _ = r.read(ctx, last, limit) }) // what could not be read is read again, by itself
	}
	began := time.Now()
	applied, err := r.apply(ctx, now.events)
	took := time.Since(began)
	reading.Wait()
	if err != nil {
		return stepped{}, err
	}
	r.size.applied(now.more, took)
	all := applied == len(now.events)
	if all {
		r.ahead = next
	}
	return stepped{moved: true, more: now.more || !all}, nil
}

// page is a part of the feed; more says that there may be something behind it.
type page struct {
	events []eventstore.Event
	more   bool
}

// take gives the page behind the checkpoint.
func (r *Runner) take(ctx context.Context) (page, error) {
	if now := r.ahead; len(now.events) > 0 {
		r.ahead = page{}
		return now, nil
	}
	return r.read(ctx, r.progress.Position, r.size.limit())
}

func (r *Runner) read(ctx context.Context, after eventstore.Position, limit int) (page, error) {
	events, more, err := r.feed.Read(ctx, after, limit)
	return page{events, more}, err
}

// rest waits so long.
func rest(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// ended leaves word of how the run ended for whoever asks for the projection's status.
func (r *Runner) ended(ctx context.Context, err error) error {
	stopped := ctx.Err() != nil
	text := ""
	if !stopped {
		text = err.Error()
	}
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = r.leave(leaving, text) // best effort: without it the status shows when the runner was last seen
	if stopped {
		return nil
	}
	return err
}
