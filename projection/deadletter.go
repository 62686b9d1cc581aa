package projection

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
)

// park puts an event that cannot be applied aside, with its error, and moves the checkpoint behind it.
func (r *Runner) park(ctx context.Context, event eventstore.Event, cause error) error {
	events := []eventstore.Event{event}
	err := pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		if _, err := r.advance(ctx, tx, event, nil); err != nil {
			return err
		}
		return r.insertDeadLetters(ctx, tx, events, cause.Error())
	})
	if err != nil {
		return fmt.Errorf("park version %d of %s: %w", event.Version, event.StreamID, err)
	}
	r.passed(event)
	r.progress.Parked++
	return nil
}

// insertDeadLetters parks events. One that is there already keeps the error that it was parked with.
func (r *Runner) insertDeadLetters(ctx context.Context, tx pgx.Tx, events []eventstore.Event, reason string) error {
	const query = `
		INSERT INTO projection_dead_letters (name, shard, order_id, version, event_id, event_type, tx, position, error)
		SELECT $1, $2, order_id, version, event_id, event_type, tx, position, $3
		FROM unnest($4::text[], $5::int[], $6::uuid[], $7::text[], $8::xid8[], $9::bigint[])
			AS e (order_id, version, event_id, event_type, tx, position)
		ON CONFLICT DO NOTHING`
	if len(events) == 0 {
		return nil
	}
	var streams, types []string
	var versions, positions []int64
	var ids []uuid.UUID
	var transactions []uint64
	for _, event := range events {
		streams, types = append(streams, event.StreamID), append(types, event.Type)
		versions, positions = append(versions, int64(event.Version)), append(positions, event.Position.Seq)
		ids, transactions = append(ids, event.ID), append(transactions, event.Position.Tx)
	}
	_, err := tx.Exec(ctx, query, r.projection.Name, r.shard, reason, streams, versions, ids, types, transactions, positions)
	if err != nil {
		return fmt.Errorf("write dead letters: %w", err)
	}
	return nil
}

// moveDeadLetters gives dead letters that stand under a name to the shards of a projection.
func moveDeadLetters(ctx context.Context, tx pgx.Tx, from string, to Projection) error {
	const orders = `SELECT DISTINCT order_id FROM projection_dead_letters WHERE name = $1`
	const move = `
		UPDATE projection_dead_letters d SET name = $2, shard = o.shard
		FROM unnest($3::text[], $4::int[]) AS o (order_id, shard) WHERE d.name = $1 AND d.order_id = o.order_id`
	rows, _ := tx.Query(ctx, orders, from)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("read dead letters: %w", err)
	}
	shards := make([]int, len(ids))
	for i, id := range ids {
		shards[i] = ShardOf(id, to.shards())
	}
	if _, err := tx.Exec(ctx, move, from, to.Name, ids, shards); err != nil {
		return fmt.Errorf("move dead letters: %w", err)
	}
	return nil
}
