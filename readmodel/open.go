package readmodel

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// OpenOrders lists ids of orders to which more is to happen and to which nothing was recorded since a moment: at most limit
// of them, by id, after the given one. Orders that the projection has not come to are not among them.
func (m *ReadModel) OpenOrders(ctx context.Context, quietSince time.Time, after string, limit int) ([]string, error) {
	// As in the index order_views_still_open.
	const query = `
		SELECT order_id FROM order_views
		WHERE coalesce(open, status NOT IN ('closed', 'cancelled')) AND order_id > $1 AND updated_at < $2
		ORDER BY order_id LIMIT $3`
	rows, err := m.pool.Query(ctx, query, after, quietSince, limit)
	if err != nil {
		return nil, fmt.Errorf("list the open orders: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list the open orders: %w", err)
	}
	return ids, nil
}

// Standing is an order that has steps due and to which nothing was recorded for a while.
type Standing struct {
	OrderID string
	Version int
}

// StandingOrders lists orders that have steps due and to which nothing was recorded since a moment: at most limit of them,
// those first that have been quiet for the shortest time.
func (m *ReadModel) StandingOrders(ctx context.Context, quietSince time.Time, limit int) ([]Standing, error) {
	rows, err := m.pool.Query(ctx, standingOrders, quietSince, limit)
	if err != nil {
		return nil, fmt.Errorf("list the orders that stand still: %w", err)
	}
	standing, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Standing])
	if err != nil {
		return nil, fmt.Errorf("list the orders that stand still: %w", err)
	}
	return standing, nil
}

// As in the index order_views_due, which leaves updated_at out: see its migration.
const standingOrders = `
	SELECT order_id, version FROM order_views
	WHERE steps_due AND updated_at < $1
	ORDER BY updated_at DESC LIMIT $2`
