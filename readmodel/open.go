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
