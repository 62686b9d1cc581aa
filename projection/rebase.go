package projection

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
)

// Rebase moves the checkpoints of all projections with the feed: pass it to [eventstore.Store.Rebase]. Events that come
// again are recognised by their versions ([Next]).
func Rebase(ctx context.Context, tx pgx.Tx, rebased eventstore.Rebased) error {
	const read = `SELECT name, shard, checkpoint_tx, checkpoint_position FROM projections FOR UPDATE`
	const move = `
		UPDATE projections SET checkpoint_tx = $3, checkpoint_position = $4, fence = fence + 1
		WHERE name = $1 AND shard = $2`
	rows, err := tx.Query(ctx, read)
	if err != nil {
		return fmt.Errorf("rebase the projections: %w", err)
	}
	type checkpoint struct {
		name  string
		shard int
		at    eventstore.Position
	}
	checkpoints, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (c checkpoint, err error) {
		err = row.Scan(&c.name, &c.shard, &c.at.Tx, &c.at.Seq)
		return c, err
	})
	if err != nil {
		return fmt.Errorf("rebase the projections: %w", err)
	}
	for _, c := range checkpoints {
		after, err := rebased.Position(ctx, c.at)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, move, c.name, c.shard, after.Tx, after.Seq); err != nil {
			return fmt.Errorf("rebase the projection %s: %w", c.name, err)
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE projection_dead_letters SET tx = '0'`); err != nil {
		return fmt.Errorf("rebase the dead letters: %w", err)
	}
	return nil
}
