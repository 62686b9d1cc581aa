package projection

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

var (
	// ErrNoLetter is returned for a dead letter that is not there, or not there any more.
	ErrNoLetter = errors.New("there is no such dead letter")
	// ErrBehind is returned for the skipping of an event that is parked only because an earlier one is.
	ErrBehind = errors.New("the event is parked behind an earlier one of its order: retry or skip that one")
)

// ApplyError says that parked events still cannot be applied.
type ApplyError struct {
	OrderID     string
	First, Last int // versions
	Err         error
}

func (e *ApplyError) Error() string {
	return fmt.Sprintf("apply versions %d to %d of %s: %v", e.First, e.Last, e.OrderID, e.Err)
}

func (e *ApplyError) Unwrap() error { return e.Err }

// DeadLetter is an event that could not be applied, or that is parked behind one.
type DeadLetter struct {
	EventID  uuid.UUID           `json:"id"`
	OrderID  string              `json:"order_id"`
	Version  int                 `json:"version"`
	Type     string              `json:"event_type"`
	Position eventstore.Position `json:"position"`
	// Error is why it could not be applied; empty for one that is parked behind another.
	Error    string    `json:"error"`
	ParkedAt time.Time `json:"parked_at"`
}

// LettersAfter is a place in the list of dead letters: those that follow this order and version.
type LettersAfter struct {
	OrderID string
	Version int
}

// DeadLetters lists the dead letters of a projection, order by order, at most limit of them.
func DeadLetters(ctx context.Context, pool *pgxpool.Pool, name string, after LettersAfter, limit int) ([]DeadLetter, error) {
	const query = `
		SELECT event_id, order_id, version, event_type, tx, position, error, parked_at FROM projection_dead_letters
		WHERE name = $1 AND (order_id, version) > ($2, $3) ORDER BY order_id, version LIMIT $4`
	rows, _ := pool.Query(ctx, query, name, after.OrderID, after.Version, limit)
	letters, err := pgx.CollectRows(rows, scanLetter)
	if err != nil {
		return nil, fmt.Errorf("list the dead letters of %s: %w", name, err)
	}
	return letters, nil
}

func scanLetter(row pgx.CollectableRow) (l DeadLetter, err error) {
	err = row.Scan(&l.EventID, &l.OrderID, &l.Version, &l.Type, &l.Position.Tx, &l.Position.Seq, &l.Error, &l.ParkedAt)
	l.ParkedAt = l.ParkedAt.UTC()
	return l, err
}

// Retry applies the parked events of an order again, that of the id and all others of its order, in one transaction: all of them or
// none. The projection may run meanwhile. It returns how many were applied. Errors: [ErrNoLetter], [*ApplyError], and the database's.
func Retry(ctx context.Context, pool *pgxpool.Pool, store *eventstore.Store, p Projection, id uuid.UUID) (int, error) {
	return applyLetters(ctx, pool, store, p, id, false)
}

// Skip leaves an event out of the read model, and applies those that are parked behind it. The read model is then not what
// the events say, until it is built anew, and its verification says so. Errors are those of [Retry], and [ErrBehind].
func Skip(ctx context.Context, pool *pgxpool.Pool, store *eventstore.Store, p Projection, id uuid.UUID) (int, error) {
	return applyLetters(ctx, pool, store, p, id, true)
}

func applyLetters(
	ctx context.Context, pool *pgxpool.Pool, store *eventstore.Store, p Projection, id uuid.UUID, skip bool,
) (applied int, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		letters, err := takeLetters(ctx, tx, p.Name, id)
		if err != nil {
			return err
		}
		if skip && letters[0].EventID != id {
			return ErrBehind
		}
		first, last := letters[0].Version, letters[len(letters)-1].Version
		events, _, err := store.LoadAfter(ctx, letters[0].OrderID, first-1)
		if err != nil {
			return fmt.Errorf("read the parked events of %s: %w", letters[0].OrderID, err)
		}
		if len(events) < len(letters) || events[len(letters)-1].Version != last {
			return fmt.Errorf("version %d of %s is parked, and is not in its stream", last, letters[0].OrderID)
		}
		events = events[:len(letters)]
		if skip {
			events[0].Type, events[0].Data = Skipped, nil
		}
		applied = len(events)
		if err := p.Apply(ctx, tx, events); err != nil {
			return &ApplyError{letters[0].OrderID, first, last, err}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return applied, nil
}

// takeLetters takes the dead letters of the order that one is of, in the order of their versions. It locks out the runner of
// the order's shard, which could park more of them.
func takeLetters(ctx context.Context, tx pgx.Tx, name string, id uuid.UUID) ([]DeadLetter, error) {
	const take = `
		WITH taken AS (
			DELETE FROM projection_dead_letters WHERE name = $1 AND order_id = $2
			RETURNING event_id, order_id, version, event_type, tx, position, error, parked_at)
		SELECT event_id, order_id, version, event_type, tx, position, error, parked_at FROM taken ORDER BY version`
	orderID, err := lockLetter(ctx, tx, name, id)
	if err != nil {
		return nil, err
	}
	rows, _ := tx.Query(ctx, take, name, orderID)
	letters, err := pgx.CollectRows(rows, scanLetter)
	if err == nil && len(letters) == 0 {
		err = ErrNoLetter // another one was faster
	}
	return letters, err
}

// lockLetter locks the shards of a projection and gives the order of a dead letter. While it waits for the locks the projection
// may be split anew: its shards are then others, and locked in their turn.
func lockLetter(ctx context.Context, tx pgx.Tx, name string, id uuid.UUID) (orderID string, err error) {
	const find = `SELECT order_id, shard FROM projection_dead_letters WHERE name = $1 AND event_id = $2`
	for {
		locked, err := lockShards(ctx, tx, name)
		if err != nil {
			return "", err
		}
		var shard int
		err = tx.QueryRow(ctx, find, name, id).Scan(&orderID, &shard)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return "", ErrNoLetter
		case err != nil:
			return "", fmt.Errorf("look for a dead letter: %w", err)
		case slices.Contains(locked, shard):
			return orderID, nil
		}
	}
}
