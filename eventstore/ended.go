package eventstore

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
)

// endedPage is how many rows a search for ended streams reads in one statement, whether it finds any or not: it keeps each
// statement short on a large table.
const endedPage = 20_000

// Ended is a stream that has ended: Version is that of its last event, Events how many stand before that one in the table.
type Ended struct {
	Stream  string
	Version int
	Events  int
}

// EndedStreams finds the streams that have an event of one of the types, and none since a moment, in the order of their
// names. Those of which nothing but the last event is left in the table are not among them.
func (s *Store) EndedStreams(ctx context.Context, types []string, before time.Time) iter.Seq2[Ended, error] {
	return func(yield func(Ended, error) bool) {
		for last := (Ended{}); ; {
			page, next, err := s.endedAfter(ctx, last, types, before)
			if err != nil {
				yield(Ended{}, fmt.Errorf("find ended streams: %w", err))
				return
			}
			for _, each := range page {
				if !yield(each, nil) {
					return
				}
			}
			if next == last {
				return
			}
			last = next
		}
	}
}

// endedAfter looks at a page of rows. It gives the last one, from which the next page goes on: the same one when there are no
// more.
func (s *Store) endedAfter(ctx context.Context, last Ended, types []string, before time.Time) ([]Ended, Ended, error) {
	const query = `
		WITH page AS MATERIALIZED (
			SELECT order_id, version, created_at FROM order_events
			WHERE (order_id, version) > ($1, $2) ORDER BY order_id, version LIMIT $3),
		ended AS (
			SELECT order_id, version,
				(SELECT count(*) FROM order_events b WHERE b.order_id = p.order_id AND b.version < p.version)::int AS events
			FROM page p
			WHERE created_at < $5
				AND NOT EXISTS (SELECT FROM order_events l WHERE l.order_id = p.order_id AND l.version > p.version)
				AND (EXISTS (SELECT FROM archived_streams a WHERE a.order_id = p.order_id)
					OR EXISTS (SELECT FROM order_events t WHERE t.order_id = p.order_id AND t.event_type = ANY ($4))))
		SELECT order_id, version, events, true FROM ended WHERE events > 0
		UNION ALL
		(SELECT order_id, version, 0, false FROM page ORDER BY order_id DESC, version DESC LIMIT 1)`
	rows, err := s.pool.Query(ctx, query, last.Stream, last.Version, endedPage, types, before)
	if err != nil {
		return nil, last, err
	}
	var page []Ended
	var each Ended
	var found bool
	_, err = pgx.ForEachRow(rows, []any{&each.Stream, &each.Version, &each.Events, &found}, func() error {
		if found {
			page = append(page, each)
			return nil
		}
		last = each
		return nil
	})
	return page, last, err
}
