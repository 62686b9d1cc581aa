package eventstore

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// coveredStream is how far a stream goes in the feed up to the newest checkpoint, and how far the checkpoints saw it go.
type coveredStream struct {
	stream         string
	stands, seenAs int
}

// checkInserted looks for events that stand in the feed before the newest checkpoint's end, and that none has seen: they
// were put in later. Events of transaction 0 are left out: their positions were rebased after a move to another cluster.
func (v *checkpointVerifier) checkInserted(ctx context.Context) error {
	if v.newest.ID == 0 {
		return nil
	}
	for after := ""; ; {
		page, err := v.coveredStreams(ctx, after)
		if err != nil {
			return err
		}
		for _, c := range page {
			if c.stands > c.seenAs {
				head := seenHead{streamHead: streamHead{stream: c.stream, version: c.seenAs}, checkpoint: v.newest.ID, at: v.newest.MadeAt}
				if err := v.report(head.fault(c.seenAs+1, FaultInserted, "put in later, at a place in the feed where ")); err != nil {
					return err
				}
			}
		}
		v.progress()
		if len(page) < verifyPage || v.options.Stream != "" {
			return ctx.Err()
		}
		after = page[len(page)-1].stream
	}
}

func (v *checkpointVerifier) coveredStreams(ctx context.Context, after string) ([]coveredStream, error) {
	const covered = `
		FROM order_events
		WHERE tx > '0'::xid8 AND (tx, position) <= ($1::xid8, $2::bigint)`
	const known = `
		LEFT JOIN LATERAL (
			SELECT version FROM checkpoint_heads h
			WHERE h.order_id = e.order_id COLLATE "C" ORDER BY h.checkpoint_id DESC LIMIT 1) known ON true`
	const all = `
		SELECT e.order_id, e.version, coalesce(known.version, 0)
		FROM (SELECT order_id, max(version) AS version ` + covered + ` AND order_id > $3
			GROUP BY order_id ORDER BY order_id LIMIT $4) e ` + known + `
		ORDER BY e.order_id`
	const one = `
		SELECT e.order_id, e.version, coalesce(known.version, 0)
		FROM (SELECT order_id, max(version) AS version ` + covered + ` AND order_id = $3
			GROUP BY order_id LIMIT $4) e ` + known
	query, stream := all, after
	if v.options.Stream != "" {
		query, stream = one, v.options.Stream
	}
	rows, err := v.store.pool.Query(ctx, query, v.newest.Position.Tx, v.newest.Position.Seq, stream, verifyPage)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (c coveredStream, err error) {
		err = row.Scan(&c.stream, &c.stands, &c.seenAs)
		return c, err
	})
}
