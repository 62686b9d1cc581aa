package projection

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
)

const (
	// tries is how often an event that stands alone is applied before it is parked.
	tries = 3
	// tryAgainAfter is the pause before the second try, and doubles.
	tryAgainAfter = 50 * time.Millisecond
)

// apply applies the events, or the first of them, and says how many: a batch that fails because of one of its events is halved
// until that event stands alone, which is then tried again and parked at last.
func (r *Runner) apply(ctx context.Context, events []eventstore.Event) (int, error) {
	pause := tryAgainAfter
	for try := 1; ; {
		err := r.commit(ctx, events, r.projection.Apply)
		if !isOfEvent(err) {
			return len(events), err
		}
		r.size.failed(len(events))
		if len(events) > 1 {
			events = events[:len(events)/2]
			continue
		}
		if try == tries {
			return 1, r.park(ctx, events[0], err)
		}
		try++
		if err := rest(ctx, pause); err != nil {
			return 0, err
		}
		pause *= 2
	}
}

type applyFunc func(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error

// commit applies a batch and moves the checkpoint behind it, in one transaction. Events of other shards are left to these, and
// those of orders that are parked are parked, too.
func (r *Runner) commit(ctx context.Context, events []eventstore.Event, apply applyFunc) error {
	behind := 0
	mine := r.own(events)
	last := events[len(events)-1]
	err := pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		parked, err := r.advance(ctx, tx, last, mine)
		if err != nil {
			return err
		}
		free, held := divide(mine, parked)
		behind = len(held)
		if err := r.insertDeadLetters(ctx, tx, held, ""); err != nil {
			return err
		}
		if len(free) == 0 {
			return nil
		}
		if err := apply(ctx, tx, free); err != nil {
			return ofApply(tx, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.passed(last)
	r.progress.Applied += len(mine) - behind
	r.progress.Parked += behind
	return nil
}

// own are the events of the runner's shard.
func (r *Runner) own(events []eventstore.Event) []eventstore.Event {
	if r.projection.shards() == 1 {
		return events
	}
	var mine []eventstore.Event
	for _, event := range events {
		if ShardOf(event.StreamID, r.projection.shards()) == r.shard {
			mine = append(mine, event)
		}
	}
	return mine
}

// advance moves the checkpoint to an event and finds out which orders of the batch are parked. It comes first: it locks the row, so
// that a runner that was taken over learns it before it does any work, and never meets its successor at the rows of
// the read model.
func (r *Runner) advance(ctx context.Context, tx pgx.Tx, to eventstore.Event, events []eventstore.Event) (map[string]bool, error) {
	const parkedOrders = `
		SELECT DISTINCT order_id FROM projection_dead_letters WHERE name = $1 AND shard = $2 AND order_id = ANY($3)`
	batch := &pgx.Batch{}
	r.queueMove(batch, to)
	batch.Queue(parkedOrders, r.projection.Name, r.shard, StreamsOf(events).IDs)
	results := tx.SendBatch(ctx, batch)
	defer func() { _ = results.Close() }()
	moved, err := results.Exec()
	if err != nil {
		return nil, fmt.Errorf("move the checkpoint: %w", err)
	}
	if moved.RowsAffected() == 0 {
		return nil, ErrFenced
	}
	rows, err := results.Query()
	if err != nil {
		return nil, fmt.Errorf("look for parked orders: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("look for parked orders: %w", err)
	}
	parked := make(map[string]bool, len(ids))
	for _, id := range ids {
		parked[id] = true
	}
	return parked, nil
}

// queueMove moves the checkpoint from where this runner has put it, and under its fence only.
func (r *Runner) queueMove(batch *pgx.Batch, to eventstore.Event) {
	const inFeed = `
		UPDATE projections SET checkpoint_tx = $1, checkpoint_position = $2, seen_at = clock_timestamp()
		WHERE name = $3 AND shard = $4 AND checkpoint_tx = $5 AND checkpoint_position = $6 AND fence = $7`
	const inArchive = `
		UPDATE projections SET archived_order = $1, archived_version = $2, seen_at = clock_timestamp()
		WHERE name = $3 AND shard = $4 AND fence = $5`
	if to.Position == (eventstore.Position{}) {
		batch.Queue(inArchive, to.StreamID, to.Version, r.projection.Name, r.shard, r.fence)
		return
	}
	old := r.progress.Position
	batch.Queue(inFeed, to.Position.Tx, to.Position.Seq, r.projection.Name, r.shard, old.Tx, old.Seq, r.fence)
}

// passed takes note of how far the checkpoint was moved.
func (r *Runner) passed(last eventstore.Event) {
	if last.Position != (eventstore.Position{}) {
		r.progress.Position = last.Position
	}
}

// divide parts the events of parked orders from the others.
func divide(events []eventstore.Event, parked map[string]bool) (free, held []eventstore.Event) {
	if len(parked) == 0 {
		return events, nil
	}
	for _, event := range events {
		if parked[event.StreamID] {
			held = append(held, event)
		} else {
			free = append(free, event)
		}
	}
	return free, held
}
