package readmodel

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/internal/lookout"
	"orderly/order"
)

// ErrBadCursor refuses a cursor that no page has given.
var ErrBadCursor = errors.New("the cursor is none that a page has given")

// ErrAmbiguousTracking is returned for a tracking number that parcels of several orders have.
var ErrAmbiguousTracking = errors.New("parcels of several orders have this tracking number")

// Options are what a ReadModel may be given beside its pool.
type Options struct {
	// Projected subscribes to the announcements that a projection has moved: [orderly/eventstore.Listener.On] with
	// [orderly/projection.Channel]. With nil those who wait look a few times a second.
	Projected func() (projected <-chan struct{}, stop func())
}

// ReadModel reads what the projection has written. It may be used from many goroutines. Everywhere an empty tenant means
// all of them.
type ReadModel struct {
	pool     *pgxpool.Pool
	versions *lookout.Lookout[string, int] // of those who wait for an order's
}

// New makes a ReadModel; of several options the last one counts.
func New(pool *pgxpool.Pool, options ...Options) *ReadModel {
	m := &ReadModel{pool: pool}
	var projected func() (<-chan struct{}, func())
	for _, o := range options {
		projected = o.Projected
	}
	m.versions = lookout.New(projected, m.readVersions)
	return m
}

// Order is an order as the read model knows it; [order.ErrNotFound] when it does not.
func (m *ReadModel) Order(ctx context.Context, tenant, id string) (order.State, error) {
	// As text, whatever the column's type is in this generation: a prepared statement must not change its result.
	const query = `SELECT state::text FROM order_views WHERE order_id = $1 AND ($2 = '' OR tenant = $2)`
	rows, _ := m.pool.Query(ctx, query, id, tenant) // its error comes with the row
	state, err := pgx.CollectExactlyOneRow(rows, scanState)
	if errors.Is(err, pgx.ErrNoRows) {
		return order.State{}, fmt.Errorf("%s: %w", id, order.ErrNotFound)
	}
	if err != nil {
		return order.State{}, fmt.Errorf("read order %s: %w", id, err)
	}
	return state, nil
}

func scanState(row pgx.CollectableRow) (order.State, error) {
	var text []byte
	if err := row.Scan(&text); err != nil {
		return order.State{}, err
	}
	return order.DecodeState(text)
}
