package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
)

const (
	readers      = 8
	readsEach    = 2000 // in each round
	listsEach    = 200
	ordersInList = 50
)

// reads compares reading orders over HTTP with the same SQL through pgx, in turns.
func reads(ctx context.Context, through *orders, o LifecycleOptions) ([]Row, error) {
	id, err := through.someOrders(ctx)
	if err != nil {
		return nil, err
	}
	oneByPgx := func(ctx context.Context) error {
		const query = `SELECT state::text FROM order_views WHERE order_id = $1`
		var state []byte
		return o.System.Pool.QueryRow(ctx, query, id()).Scan(&state)
	}
	one, err := readRow(ctx, "GET /v1/orders/{id} / the same SQL", 0.5, readsEach, o.Rounds,
		func(ctx context.Context) error { return through.readOrder(ctx, id()) }, oneByPgx)
	if err != nil {
		return nil, err
	}
	bare, err := readRow(ctx, "GET /livez, which does nothing / the SQL of an order", 0, readsEach, o.Rounds, through.readNothing, oneByPgx)
	if err != nil {
		return nil, err
	}
	list, err := readRow(ctx, fmt.Sprintf("GET /v1/orders, %d in a page / the same SQL", ordersInList), 0.5, listsEach, o.Rounds, through.readList,
		func(ctx context.Context) error {
			const query = `
				SELECT order_id, tenant, version, status, customer_id, external_ref, currency, total, placed_at, updated_at, needs_attention
				FROM order_views WHERE tenant = $1 ORDER BY placed_at DESC, order_id DESC LIMIT $2`
			rows, err := o.System.Pool.Query(ctx, query, "default", ordersInList+1)
			if err != nil {
				return err
			}
			for rows.Next() {
				if _, err := rows.Values(); err != nil {
					return err
				}
			}
			return rows.Err()
		})
	if err != nil {
		return nil, err
	}
	return []Row{one, bare, list}, nil
}

func (o *orders) readOrder(ctx context.Context, id string) error {
	_, err := o.get(ctx, "/v1/orders/"+id)
	return err
}

// readNothing is what HTTP costs by itself.
func (o *orders) readNothing(ctx context.Context) error {
	_, err := o.get(ctx, "/livez")
	return err
}

func (o *orders) readList(ctx context.Context) error {
	_, err := o.get(ctx, fmt.Sprintf("/v1/orders?limit=%d", ordersInList))
	return err
}

func readRow(ctx context.Context, name string, target float64, n, rounds int, figure, floor func(context.Context) error) (Row, error) {
	floors, figures, err := inTurns(rounds,
		func() (float64, error) { return rate(ctx, n, readers, floor, nothing) },
		func() (float64, error) { return rate(ctx, n, readers, figure, nothing) })
	if err != nil {
		return Row{}, fmt.Errorf("%s: %w", name, err)
	}
	return newRow(name, "requests/s", target, figures, floors), nil
}

// someOrders gives the ids of the latest orders in turn.
func (o *orders) someOrders(ctx context.Context) (id func() string, err error) {
	text, err := o.get(ctx, "/v1/orders?limit=100")
	if err != nil {
		return nil, err
	}
	var page struct {
		Orders []struct {
			OrderID string `json:"order_id"`
		} `json:"orders"`
	}
	if err := json.Unmarshal(text, &page); err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	if len(page.Orders) == 0 {
		return nil, fmt.Errorf("there are no orders to be read")
	}
	var next atomic.Int64
	return func() string { return page.Orders[int(next.Add(1))%len(page.Orders)].OrderID }, nil
}
