package readmodel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"orderly/order"
)

// WaitForVersion waits until an order has come to a version, at most so long, and gives the order and true; or, when the time is
// over, the order as far as it has come (the zero State when it is not there at all) and false. All who wait in a process are
// looked for together.
func (m *ReadModel) WaitForVersion(
	ctx context.Context, tenant, id string, version int, most time.Duration,
) (order.State, bool, error) {
	if most > 0 {
		waiting, stop := context.WithTimeout(ctx, most)
		defer stop()
		_, _ = m.versions.Await(waiting, id, func(have int) bool { return have >= version }) // its error is that the time is over
		if ctx.Err() != nil {
			return order.State{}, false, fmt.Errorf("wait for version %d of %s: %w", version, id, ctx.Err())
		}
	}
	state, err := m.Order(ctx, tenant, id)
	if errors.Is(err, order.ErrNotFound) {
		return order.State{}, version <= 0, nil
	}
	return state, err == nil && state.Version >= version, err
}

// readVersions gives the versions of orders.
func (m *ReadModel) readVersions(ctx context.Context, ids []string) (map[string]int, error) {
	rows, err := m.pool.Query(ctx, `SELECT order_id, version FROM order_views WHERE order_id = ANY($1)`, ids)
	if err != nil {
		return nil, err
	}
	versions := map[string]int{}
	var id string
	var version int
	_, err = pgx.ForEachRow(rows, []any{&id, &version}, func() error {
		versions[id] = version
		return nil
	})
	return versions, err
}
