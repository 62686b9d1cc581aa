package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"

	"orderly/eventstore"
)

// GrowthOptions say what to measure the cost of orders of the past on.
type GrowthOptions struct {
	// Pool is on the database of a running Orderly, as its owner; URL and Key reach it.
	Pool     *pgxpool.Pool
	URL, Key string
	Temporal client.Client
	// Past are how many orders of the past there are at each measurement, in ascending order.
	Past []int
	// Orders is how many live in each round, InFlight of them at a time.
	Orders, InFlight, Rounds int
	// Progress hears what is being done.
	Progress io.Writer
}

// growthTarget is what a figure may lose by orders of the past.
const growthTarget = 0.8

// growthLists is how many pages are read in each round.
const growthLists = 1000

// growthFigures are those of which the past must take nothing. Lives come last: Temporal has work with them for a while.
var growthFigures = []struct {
	name, unit string
	measure    func(ctx context.Context, through *orders, o GrowthOptions) (float64, error)
}{
	{"GET /v1/orders/{id}", "requests/s", func(ctx context.Context, through *orders, _ GrowthOptions) (float64, error) {
		id, err := through.someOrders(ctx)
		if err != nil {
			return 0, err
		}
		return rate(ctx, readsEach, readers, func(ctx context.Context) error { return through.readOrder(ctx, id()) }, nothing)
	}},
	{"GET /v1/orders", "requests/s", func(ctx context.Context, through *orders, _ GrowthOptions) (float64, error) {
		return rate(ctx, growthLists, readers, through.readList, nothing)
	}},
	{"whole lifecycle", "orders/s", func(ctx context.Context, through *orders, o GrowthOptions) (float64, error) {
		return rate(ctx, o.Orders, o.InFlight, through.life, through.caughtUp)
	}},
}

// Growth measures the same figures with more and more orders of the past, which are closed and projected.
func Growth(ctx context.Context, o GrowthOptions) ([]Row, error) {
	through := newOrders(o.URL, o.Key, o.Temporal)
	past := &history{pool: o.Pool, store: eventstore.New(o.Pool, eventstore.Options{}), progress: o.Progress, begins: 10 * 365 * 24 * time.Hour}
	if err := past.begin(ctx); err != nil {
		return nil, fmt.Errorf("write a history: %w", err)
	}
	measured := make([][][]float64, len(o.Past)) // by past, figure and round
	for i, n := range o.Past {
		if err := past.growTo(ctx, n*past.each); err != nil {
			return nil, fmt.Errorf("write a history: %w", err)
		}
		if err := through.caughtUp(ctx); err != nil {
			return nil, err
		}
		if err := tidyUp(ctx, o.Pool); err != nil {
			return nil, err
		}
		if _, err := rate(ctx, o.InFlight, o.InFlight, through.life, through.caughtUp); err != nil {
			return nil, fmt.Errorf("warm up: %w", err)
		}
		measured[i] = make([][]float64, len(growthFigures))
		for f, each := range growthFigures {
			for range o.Rounds {
				if err := settle(ctx); err != nil {
					return nil, err
				}
				value, err := each.measure(ctx, through, o)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", each.name, err)
				}
				measured[i][f] = append(measured[i][f], value)
			}
		}
		fmt.Fprintf(o.Progress, "measured with %d orders of the past\n", n)
	}
	var rows []Row
	for i := 1; i < len(o.Past); i++ {
		for f, each := range growthFigures {
			name := fmt.Sprintf("%s, %d past orders / %d", each.name, o.Past[i], o.Past[0])
			rows = append(rows, newRow(name, each.unit, growthTarget, measured[i][f], measured[0][f]))
		}
	}
	return rows, nil
}

// tidyUp does at once what Postgres would do during the measurement with so many new rows.
func tidyUp(ctx context.Context, pool *pgxpool.Pool) error {
	return pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		for _, statement := range []string{`SET statement_timeout = 0`, `VACUUM ANALYZE`, `CHECKPOINT`, `RESET statement_timeout`} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
}
