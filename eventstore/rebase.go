package eventstore

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Rebased maps positions of the feed as it was to positions of the feed as it is after a [Store.Rebase].
type Rebased struct{ tx pgx.Tx }

// Position is where a reader must go on that had come to a position before: no event is skipped, and some may come again,
// which a reader recognises by their versions.
func (r Rebased) Position(ctx context.Context, before Position) (Position, error) {
	const query = `
		SELECT coalesce(
			(SELECT min(position) - 1 FROM order_events WHERE (tx, position) > ($1::xid8, $2::bigint)),
			(SELECT max(position) FROM order_events), 0)`
	if before == (Position{}) {
		return before, nil
	}
	var after Position
	if err := r.tx.QueryRow(ctx, query, before.Tx, before.Seq).Scan(&after.Seq); err != nil {
		return Position{}, fmt.Errorf("rebase position %s: %w", before, err)
	}
	return after, nil
}

// Rebase makes the feed of a database readable that was restored into another Postgres cluster: all events get the transaction 0,
// which every cluster has behind it, and so stand in the feed by their position alone. It says how many events those were;
// none when the events are of this cluster. Whoever keeps positions maps them with move, in the same transaction.
//
// It needs the owner's rights, and everybody else to be away: the table is locked, and rewritten.
func (s *Store) Rebase(ctx context.Context, move func(context.Context, pgx.Tx, Rebased) error) (events int64, err error) {
	const rebase = `UPDATE order_events SET tx = '0' WHERE tx <> '0'`
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := TakeYourTime(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `LOCK TABLE order_events IN ACCESS EXCLUSIVE MODE NOWAIT`); err != nil {
			return err
		}
		if foreign, err := foreignEvents(ctx, tx); err != nil || !foreign {
			return err
		}
		if err := move(ctx, tx, Rebased{tx}); err != nil {
			return err
		}
		// Only the owner may do this, and only inside of this transaction is it so.
		if _, err := tx.Exec(ctx, `ALTER TABLE order_events DISABLE TRIGGER order_events_append_only`); err != nil {
			return err
		}
		rebased, err := tx.Exec(ctx, rebase)
		if err != nil {
			return err
		}
		events = rebased.RowsAffected()
		_, err = tx.Exec(ctx, `ALTER TABLE order_events ENABLE TRIGGER order_events_append_only`)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("rebase the feed: %w", err)
	}
	return events, nil
}
