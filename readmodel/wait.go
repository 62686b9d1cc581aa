package readmodel

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"orderly/order"
)

// lookEvery is how often somebody who waits looks without having been woken.
const lookEvery = 250 * time.Millisecond

// WaitForVersion waits until an order has come to a version, at most so long, and gives the order and true; or, when the time is
// over, the order as far as it has come (the zero State when it is not there at all) and false.
func (m *ReadModel) WaitForVersion(
	ctx context.Context, tenant, id string, version int, most time.Duration,
) (order.State, bool, error) {
	wake, stop := m.wakeUp()
	defer stop()
	deadline := time.NewTimer(most)
	defer deadline.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for over := most <= 0; ; {
		have, err := m.version(ctx, tenant, id)
		if err != nil {
			return order.State{}, false, err
		}
		if have >= version || over {
			return m.asFarAs(ctx, tenant, id, version)
		}
		select {
		case <-ctx.Done():
			return order.State{}, false, fmt.Errorf("wait for version %d of %s: %w", version, id, ctx.Err())
		case <-deadline.C:
			over = true
		case <-wake:
		case <-look.C:
		}
	}
}

func (m *ReadModel) wakeUp() (wake <-chan struct{}, stop func()) {
	if m.projected == nil {
		return nil, func() {}
	}
	return m.projected()
}

// version is the version of an order, 0 when it is not there.
func (m *ReadModel) version(ctx context.Context, tenant, id string) (int, error) {
	const query = `SELECT version FROM order_views WHERE order_id = $1 AND ($2 = '' OR tenant = $2)`
	var version int
	err := m.pool.QueryRow(ctx, query, id, tenant).Scan(&version)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("read the version of %s: %w", id, err)
	}
	return version, nil
}

func (m *ReadModel) asFarAs(ctx context.Context, tenant, id string, version int) (order.State, bool, error) {
	state, err := m.Order(ctx, tenant, id)
	if errors.Is(err, order.ErrNotFound) {
		return order.State{}, version <= 0, nil
	}
	return state, err == nil && state.Version >= version, err
}
