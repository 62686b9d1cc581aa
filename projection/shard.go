package projection

import (
	"context"
	"fmt"
	"time"
)

// VersionError refuses to run a projection on a read model that another version of it has written.
type VersionError struct {
	Name             string
	Stored, Declared int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("the read model of %s was written by version %d, this program has version %d: it must be rebuilt",
		e.Name, e.Stored, e.Declared)
}

// takeOver raises the fence, which ends whoever ran the shard before, and reads where that one stood.
func (r *Runner) takeOver(ctx context.Context) error {
	const query = `
		INSERT INTO projections AS p (name, shard, version, fence, seen_at) VALUES ($1, $2, $3, 1, clock_timestamp())
		ON CONFLICT (name, shard) DO UPDATE SET fence = p.fence + 1, seen_at = clock_timestamp(), error = ''
		RETURNING version, fence, checkpoint_tx, checkpoint_position`
	var version int
	r.progress = Progress{}
	position := &r.progress.Position
	err := r.pool.QueryRow(ctx, query, r.projection.Name, r.shard, r.projection.Version).
		Scan(&version, &r.fence, &position.Tx, &position.Seq)
	if err != nil {
		return err
	}
	if version != r.projection.Version {
		return &VersionError{Name: r.projection.Name, Stored: version, Declared: r.projection.Version}
	}
	return nil
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
	r.progress.LagEvents, r.progress.LagSeconds, err = measureLag(ctx, r.pool, r.progress.Position)
	return err
}

// leave records that nobody runs the shard now, and why, unless it was taken over.
func (r *Runner) leave(ctx context.Context, text string) error {
	const query = `
		UPDATE projections SET seen_at = NULL, error = $1 WHERE name = $2 AND shard = $3 AND fence = $4`
	_, err := r.pool.Exec(ctx, query, text, r.projection.Name, r.shard, r.fence)
	return err
}
