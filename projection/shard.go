package projection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

// VersionError refuses to run a projection on a read model that another version of it has written.
type VersionError struct {
	Name             string
	Stored, Declared int
}

func (e *VersionError) Error() string {
	if e.Stored > e.Declared {
		return fmt.Sprintf("the read model of %s was written by version %d, this program has version %d: a newer one keeps it",
			e.Name, e.Stored, e.Declared)
	}
	return fmt.Sprintf("the read model of %s was written by version %d, this program has version %d: it must be rebuilt",
		e.Name, e.Stored, e.Declared)
}

// takeOver raises the fence, which ends whoever ran the shard before, and reads where that one stood.
func (r *Runner) takeOver(ctx context.Context) error {
	const query = `
		INSERT INTO projections AS p (name, shard, version, shards, fence, seen_at) VALUES ($1, $2, $3, $4, 1, clock_timestamp())
		ON CONFLICT (name, shard) DO UPDATE SET fence = p.fence + 1, seen_at = clock_timestamp(), error = '', paused = false
		RETURNING version, fence, checkpoint_tx, checkpoint_position`
	var version int
	r.progress, r.ahead = Progress{}, page{}
	position := &r.progress.Position
	err := pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		if err := reshard(ctx, tx, r.projection); err != nil {
			return err
		}
		return tx.QueryRow(ctx, query, r.projection.Name, r.shard, r.projection.Version, r.projection.shards()).
			Scan(&version, &r.fence, &position.Tx, &position.Seq)
	})
	if err != nil {
		return err
	}
	if version != r.projection.Version {
		return &VersionError{Name: r.projection.Name, Stored: version, Declared: r.projection.Version}
	}
	return nil
}

// reshard splits a projection anew when it was kept by another number of shards. All of them begin where the last one was:
// events that come again are recognised by their versions ([Next]).
func reshard(ctx context.Context, tx pgx.Tx, p Projection) error {
	const stored = `
		SELECT shards, checkpoint_tx, checkpoint_position, version, max(fence) OVER () FROM projections WHERE name = $1
		ORDER BY checkpoint_tx, checkpoint_position LIMIT 1`
	const forget = `DELETE FROM projections WHERE name = $1`
	const split = `
		INSERT INTO projections (name, shard, version, shards, checkpoint_tx, checkpoint_position, fence)
		SELECT $1, shard, $2, $3, $4, $5, $6 FROM generate_series(0, $3 - 1) AS shard`
	if _, err := lockShards(ctx, tx, p.Name); err != nil {
		return err
	}
	var shards, version int
	var at eventstore.Position
	var fence int64
	err := tx.QueryRow(ctx, stored, p.Name).Scan(&shards, &at.Tx, &at.Seq, &version, &fence)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && shards == p.shards() {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, forget, p.Name); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, split, p.Name, version, p.shards(), at.Tx, at.Seq, fence+1); err != nil {
		return err
	}
	return moveDeadLetters(ctx, tx, p.Name, p)
}

// lockShards locks the checkpoints of a projection and says of which shards; everybody does so in the same order. Those that were
// replaced while it waited are not among them.
func lockShards(ctx context.Context, tx pgx.Tx, name string) ([]int, error) {
	const query = `SELECT shard FROM projections WHERE name = $1 ORDER BY shard FOR UPDATE`
	rows, _ := tx.Query(ctx, query, name)
	shards, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return nil, fmt.Errorf("lock the checkpoints of %s: %w", name, err)
	}
	return shards, nil
}

// pulse shows now and then that the runner is alive, measures its lag, and finds out whether it was taken over even while there
// is nothing to apply.
func (r *Runner) pulse(ctx context.Context) error {
	const query = `
		UPDATE projections SET seen_at = clock_timestamp() WHERE name = $1 AND shard = $2 AND fence = $3`
	if time.Since(r.pulsed) < pulseEvery {
		return nil
	}
	r.pulsed = time.Now()
	mine, err := r.pool.Exec(ctx, query, r.projection.Name, r.shard, r.fence)
	if err != nil {
		return fmt.Errorf("show that it is alive: %w", err)
	}
	if mine.RowsAffected() == 0 {
		return ErrFenced
	}
	return r.measure(ctx)
}

// measure measures the lag. A long one takes long to count, and is then measured less often, so that about one part in
// lagCosts of the time goes into that.
func (r *Runner) measure(ctx context.Context) (err error) {
	began := time.Now()
	if began.Before(r.measureFrom) {
		return nil
	}
	r.progress.LagEvents, r.progress.LagSeconds, err = measureLag(ctx, r.pool, r.progress.Position)
	r.measureFrom = began.Add(min(lagCosts*time.Since(began), lagWithin))
	return err
}

// leave records that nobody runs the shard now, and why, unless it was taken over.
func (r *Runner) leave(ctx context.Context, text string) error {
	const query = `
		UPDATE projections SET seen_at = NULL, error = $1 WHERE name = $2 AND shard = $3 AND fence = $4`
	_, err := r.pool.Exec(ctx, query, text, r.projection.Name, r.shard, r.fence)
	return err
}

// MarkPaused says in a shard's status that it was told to stop, until a runner takes it over.
func MarkPaused(ctx context.Context, pool *pgxpool.Pool, name string, shard int) error {
	if _, err := pool.Exec(ctx, `UPDATE projections SET paused = true WHERE name = $1 AND shard = $2`, name, shard); err != nil {
		return fmt.Errorf("mark projection %s as paused: %w", name, err)
	}
	return nil
}
