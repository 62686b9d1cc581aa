package eventstore

import (
	"context"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
)

// archivedPage is how many archived streams are looked up at a time.
const archivedPage = 1000

// ArchivedFrom gives the archived events of all streams from one on, stream after stream by their ids, each from its first
// event. The feed has none of them, but the last event of each stream, which stays in the table.
func (s *Store) ArchivedFrom(ctx context.Context, stream string) iter.Seq2[Event, error] {
	const query = `
		SELECT order_id, version, file, "offset", length, sha256 FROM archived_streams
		WHERE order_id >= $1 AND (order_id > $1 OR $2) ORDER BY order_id LIMIT $3`
	return func(yield func(Event, error) bool) {
		for inclusive := true; ; inclusive = false {
			rows, _ := s.pool.Query(ctx, query, stream, inclusive, archivedPage)
			parts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p part, err error) {
				err = row.Scan(&p.stream, &p.version, &p.file, &p.offset, &p.length, &p.sum)
				return p, err
			})
			if err != nil {
				yield(Event{}, fmt.Errorf("list the archived streams from %s: %w", stream, err))
				return
			}
			if !yieldParts(parts, s.archiveDir, yield) || len(parts) < archivedPage {
				return
			}
			stream = parts[len(parts)-1].stream
		}
	}
}

func yieldParts(parts []part, dir string, yield func(Event, error) bool) bool {
	for _, p := range parts {
		for event, err := range p.read(dir) {
			if !yield(event.outOfFeed(), err) || err != nil {
				return false
			}
		}
	}
	return true
}
