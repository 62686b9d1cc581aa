package projection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

// A read model is built anew as a projection of its own, into tables of the same names in another schema. Readers go on with the
// present ones. Once the new ones are level, they take the others' place, with the checkpoint, in one transaction.

const (
	// nextSuffix stands behind the name of a projection's next generation.
	nextSuffix = "~next"
	// swapWithin bounds how long readers wait for a swap that waits for a long reader; it is tried again then.
	swapWithin = 300 * time.Millisecond
	// swapAgainAfter is the pause before a swap is tried again.
	swapAgainAfter = 500 * time.Millisecond
	lockTimedOut   = "55P03" // SQLSTATE lock_not_available
)

// next is the projection into the tables of the next generation.
func (p Projection) next() Projection {
	const here = `SET LOCAL search_path = orderly_next, public`
	next := p
	next.Name, next.Shards = p.Name+nextSuffix, 1
	next.Apply = func(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error {
		if _, err := tx.Exec(ctx, here); err != nil {
			return fmt.Errorf("turn to the next generation: %w", err)
		}
		return p.Apply(ctx, tx, events)
	}
	return next
}

// Rebuilder builds a read model anew while the present one is served.
type Rebuilder struct {
	runner     *Runner
	projection Projection
	inArchive  bool
}

// NewRebuilder makes a Rebuilder. Subscribe is as for [NewRunner].
func NewRebuilder(pool *pgxpool.Pool, store *eventstore.Store, subscribe func() (<-chan struct{}, func()), p Projection) *Rebuilder {
	return &Rebuilder{runner: NewRunner(pool, store, subscribe, p.next(), 0), projection: p}
}

// Run begins a rebuild, or goes on with the one that is under way, and returns when the new read model has taken the place of
// the old one. It can be stopped and killed at any moment: what was built stays, until another version of the projection is
// declared. It reports after each batch; report may be nil.
//
// Errors: [ErrFenced] when another one runs the rebuild, [*GapError] for events that neither the feed nor the archive has, the
// context's, and the database's.
func (b *Rebuilder) Run(ctx context.Context, report func(Progress)) error {
	if report == nil {
		report = func(Progress) {}
	}
	if err := b.run(ctx, report); err != nil {
		return fmt.Errorf("rebuild %s: %w", b.projection.Name, err)
	}
	return nil
}

func (b *Rebuilder) run(ctx context.Context, report func(Progress)) error {
	if err := b.begin(ctx); err != nil {
		return err
	}
	defer b.runner.openFeed()()
	if err := b.runner.takeOver(ctx); err != nil {
		return err
	}
	var last *GapError
	for {
		err := b.build(ctx, report)
		var gap *GapError
		var refused *pgconn.PgError
		switch {
		case errors.As(err, &refused) && refused.Code == lockTimedOut:
			err = rest(ctx, swapAgainAfter)
		case errors.As(err, &gap) && (last == nil || *gap != *last):
			last = gap
			err = b.backToArchive(ctx, gap)
		default:
			return err
		}
		if err != nil {
			return err
		}
	}
}

// build goes through the archive, unless that is done, and through the feed to its end, and swaps.
func (b *Rebuilder) build(ctx context.Context, report func(Progress)) error {
	if b.inArchive {
		if err := b.applyArchive(ctx, report); err != nil {
			return err
		}
	}
	if err := b.follow(ctx, report); err != nil {
		return err
	}
	return b.swap(ctx)
}

// backToArchive has the archive gone through once more when the feed misses what was moved into it since: an archive run that
// was under way as the rebuild began. Events that come again are recognised by their versions. A gap that the archive does not
// explain is given back.
func (b *Rebuilder) backToArchive(ctx context.Context, gap *GapError) error {
	const archived = `SELECT EXISTS (SELECT FROM archived_streams WHERE order_id = $1 AND version >= $2)`
	const again = `
		WITH mine AS (
			UPDATE projections SET archived_order = '', archived_version = 0 WHERE name = $2 AND fence = $3 RETURNING name)
		UPDATE projection_rebuilds SET archive = true WHERE name = $1 AND EXISTS (SELECT FROM mine)`
	r := b.runner
	var explained bool
	if err := r.pool.QueryRow(ctx, archived, gap.Stream, gap.Got-1).Scan(&explained); err != nil {
		return fmt.Errorf("look for %s in the archive: %w", gap.Stream, err)
	}
	if !explained {
		return gap
	}
	moved, err := r.pool.Exec(ctx, again, b.projection.Name, r.projection.Name, r.fence)
	if err == nil && moved.RowsAffected() == 0 {
		err = ErrFenced
	}
	if err != nil {
		return fmt.Errorf("go back to the archive: %w", err)
	}
	b.inArchive = true
	return nil
}

// begin makes the tables of the next generation, unless they are being filled already by this version.
func (b *Rebuilder) begin(ctx context.Context) error {
	const lock = `SELECT pg_advisory_xact_lock(hashtextextended('orderly rebuild ' || $1, 0))`
	const find = `SELECT version, archive FROM projection_rebuilds WHERE name = $1`
	const forget = `DELETE FROM projections WHERE name = $1`
	const forgetLetters = `DELETE FROM projection_dead_letters WHERE name = $1`
	const remember = `
		INSERT INTO projection_rebuilds (name, version) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET version = excluded.version, archive = true, started_at = now()`
	return pgx.BeginFunc(ctx, b.runner.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lock, b.projection.Name); err != nil {
			return err
		}
		var version int
		err := tx.QueryRow(ctx, find, b.projection.Name).Scan(&version, &b.inArchive)
		if err == nil && version == b.projection.Version {
			return nil
		}
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		b.inArchive = true
		var batch pgx.Batch
		batch.Queue(forget, b.runner.projection.Name)
		batch.Queue(forgetLetters, b.runner.projection.Name)
		batch.Queue(remember, b.projection.Name, b.projection.Version)
		batch.Queue(`SELECT orderly_make_generation($1)`, b.projection.Tables)
		batch.Queue(`SELECT orderly_shape_generation($1)`, b.projection.Tables)
		if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
			return fmt.Errorf("make the next generation: %w", err)
		}
		return nil
	})
}

// applyArchive applies the events that the feed does not have, from where the last try was.
func (b *Rebuilder) applyArchive(ctx context.Context, report func(Progress)) error {
	const find = `SELECT archived_order FROM projections WHERE name = $1 AND shard = 0`
	const done = `UPDATE projection_rebuilds SET archive = false WHERE name = $1`
	r := b.runner
	var from string
	if err := r.pool.QueryRow(ctx, find, r.projection.Name).Scan(&from); err != nil {
		return err
	}
	var batch []eventstore.Event
	for event, err := range r.store.ArchivedFrom(ctx, from) {
		if err != nil {
			return err
		}
		if batch = append(batch, event); len(batch) < largestBatch {
			continue
		}
		if err := r.applyAll(ctx, batch); err != nil {
			return err
		}
		report(r.progress)
		batch = nil
	}
	if len(batch) > 0 {
		if err := r.applyAll(ctx, batch); err != nil {
			return err
		}
	}
	_, err := r.pool.Exec(ctx, done, b.projection.Name)
	b.inArchive = err != nil
	return err
}

// applyAll applies the events in as many transactions as it takes.
func (r *Runner) applyAll(ctx context.Context, events []eventstore.Event) error {
	for len(events) > 0 {
		n, err := r.apply(ctx, events)
		if err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

// follow goes along the feed to its end.
func (b *Rebuilder) follow(ctx context.Context, report func(Progress)) error {
	for {
		did, err := b.runner.step(ctx)
		if err != nil {
			return err
		}
		if err := b.runner.pulse(ctx); err != nil {
			return err
		}
		report(b.runner.progress)
		if !did.moved {
			return nil
		}
	}
}

// swap puts the new tables in the place of the old ones. First it locks the checkpoints, so that the present generation stands
// still, and comes level with it: no reader sees an order older than it has seen it.
func (b *Rebuilder) swap(ctx context.Context) error {
	const patience = `SELECT set_config('lock_timeout', $1, true)`
	const lock = `SELECT checkpoint_tx, checkpoint_position FROM projections WHERE name = $1 ORDER BY shard FOR UPDATE`
	const put = `
		INSERT INTO projections AS p (name, shard, version, shards, checkpoint_tx, checkpoint_position, fence)
		SELECT $1, shard, $2, $3, $4, $5, 1 FROM generate_series(0, $3 - 1) AS shard
		ON CONFLICT (name, shard) DO UPDATE SET version = excluded.version, shards = excluded.shards, checkpoint_tx = excluded.checkpoint_tx,
			checkpoint_position = excluded.checkpoint_position, fence = p.fence + 1, error = ''`
	const forgetShards = `DELETE FROM projections WHERE name = $1 AND shard >= $2`
	r, p := b.runner, b.projection
	return pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, patience, fmt.Sprintf("%dms", swapWithin.Milliseconds())); err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, lock, p.Name)
		present, err := pgx.CollectRows(rows, pgx.RowToStructByPos[eventstore.Position])
		if err != nil {
			return fmt.Errorf("lock the checkpoints: %w", err)
		}
		if err := b.comeTo(ctx, present); err != nil {
			return err
		}
		var batch pgx.Batch
		batch.Queue(`SELECT orderly_swap_generation($1)`, p.Tables)
		batch.Queue(put, p.Name, p.Version, p.shards(), r.progress.Position.Tx, r.progress.Position.Seq)
		batch.Queue(forgetShards, p.Name, p.shards())
		batch.Queue(`DELETE FROM projections WHERE name = $1 AND fence = $2`, r.projection.Name, r.fence).Exec(func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 0 {
				return ErrFenced
			}
			return nil
		})
		batch.Queue(`DELETE FROM projection_rebuilds WHERE name = $1`, p.Name)
		batch.Queue(`DELETE FROM projection_dead_letters WHERE name = $1`, p.Name)
		if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
			return fmt.Errorf("swap the generations: %w", err)
		}
		return moveDeadLetters(ctx, tx, r.projection.Name, p)
	})
}

// comeTo applies what the present generation has already, which stands still meanwhile.
func (b *Rebuilder) comeTo(ctx context.Context, present []eventstore.Position) error {
	for _, at := range present {
		for b.runner.progress.Position.Less(at) {
			if did, err := b.runner.step(ctx); err != nil {
				return err
			} else if !did.moved {
				return fmt.Errorf("the feed ends before %s, where the present generation is", at)
			}
		}
	}
	return nil
}

// ToRebuild lists those of the projections that must be rebuilt: an older version has written the read model, or there is none yet and
// orders are archived, whose events the feed has not. What a newer version has written is left to that. Rebuilds that are under
// way, or were cancelled on their way, are listed when they are asked for, and else are not.
func ToRebuild(ctx context.Context, pool *pgxpool.Pool, projections []Projection, withUnderWay bool) ([]Projection, error) {
	const query = `
		SELECT coalesce(max(version), CASE WHEN EXISTS (SELECT FROM archived_streams) THEN 0 ELSE $2 END) < $2,
			EXISTS (SELECT FROM projection_rebuilds WHERE name = $1)
		FROM projections WHERE name = $1`
	var wanted []Projection
	for _, p := range projections {
		var outdated, underWay bool
		if err := pool.QueryRow(ctx, query, p.Name, p.Version).Scan(&outdated, &underWay); err != nil {
			return nil, fmt.Errorf("ask whether %s must be rebuilt: %w", p.Name, err)
		}
		if underWay && withUnderWay || outdated && !underWay {
			wanted = append(wanted, p)
		}
	}
	return wanted, nil
}
