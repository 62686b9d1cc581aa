package eventstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Archiving makes places in the table free: a writer whose head was read before could put its event into one of them.
// So an insert looks for the event before, unless its head was read in the current epoch. An archive run reads the streams,
// begins an epoch, waits for the inserts under way, and deletes then: whoever has read a head in the new epoch has
// seen everything that is deleted, and an insert that finds the epoch unchanged has begun before the wait.

// epochFor is how long a store takes an epoch for the current one. A head of an older epoch is never wrong: its
// appends cost a look-up more.
const epochFor = time.Minute

// epochs remembers the epoch in which heads are read.
type epochs struct {
	mu     sync.Mutex
	latest int64
	readAt time.Time
}

// epoch gives an epoch that has begun before now. Nobody waits for somebody else's query: that may hang for as long as the other one
// is ready to wait.
func (s *Store) epoch(ctx context.Context) (int64, error) {
	if latest, fresh := s.epochs.known(); fresh {
		return latest, nil
	}
	var latest int64
	readAt := time.Now()
	if err := s.pool.QueryRow(ctx, `SELECT pg_sequence_last_value('archive_epoch')`).Scan(&latest); err != nil {
		return 0, fmt.Errorf("read the epoch of the archive: %w", err)
	}
	s.epochs.learn(latest, readAt)
	return latest, nil
}

func (e *epochs) known() (latest int64, fresh bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.latest, time.Since(e.readAt) < epochFor
}

func (e *epochs) learn(latest int64, readAt time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if readAt.After(e.readAt) {
		e.latest, e.readAt = latest, readAt
	}
}

// beginEpoch begins an epoch and waits until no insert is under way that has not seen it.
func (s *Store) beginEpoch(ctx context.Context) error {
	const begin = `SELECT nextval('archive_epoch')`
	const inserting = `
		SELECT virtualtransaction FROM pg_locks
		WHERE locktype = 'relation' AND relation = 'order_events'::regclass AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	if _, err := s.pool.Exec(ctx, begin); err != nil {
		return fmt.Errorf("begin an epoch of the archive: %w", err)
	}
	rows, _ := s.pool.Query(ctx, inserting)
	before, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for err == nil && len(before) > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
		rows, _ := s.pool.Query(ctx, inserting+` AND virtualtransaction = ANY($1)`, before)
		before, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		return fmt.Errorf("wait for the inserts of the epoch before: %w", err)
	}
	return nil
}
