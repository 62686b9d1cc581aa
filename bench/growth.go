package bench

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

// GrowthOptions say what to measure the cost of orders of the past on.
type GrowthOptions struct {
	// Systems are side by side on the same servers, one for each number of orders of the past in Past, the smallest first.
	Systems []System
	Past    []int
	// Orders is how many live in each round, InFlight of them at a time.
	Orders, InFlight, Rounds int
	// Progress hears what is being done.
	Progress io.Writer
}

// growthTarget is what a figure may lose by orders of the past.
const growthTarget = 0.8

const (
	// growthLists is how many pages are read in each round.
	growthLists = 1000
	// growthOrders is how many orders, all over the past, are read again and again, so that each process of Postgres has soon seen
	// their pages.
	growthOrders = 100
)

// aged is a system with orders of the past.
type aged struct {
	*orders

	past int
}

// growthFigures are those of which the past must take nothing. Lives come last: Temporal has work with them for a while.
var growthFigures = []struct {
	name, unit string
	measure    func(context.Context, aged, GrowthOptions) (float64, error)
}{
	{fmt.Sprintf("GET one of %d orders", growthOrders), "requests/s", func(ctx context.Context, a aged, _ GrowthOptions) (float64, error) {
		return rate(ctx, readsEach, readers, func(ctx context.Context) error {
			return a.readOrder(ctx, pastOrder(rand.IntN(growthOrders)*a.past/growthOrders))
		}, nothing)
	}},
	{"GET any order", "requests/s", func(ctx context.Context, a aged, _ GrowthOptions) (float64, error) {
		return rate(ctx, readsEach, readers, func(ctx context.Context) error { return a.readOrder(ctx, pastOrder(rand.IntN(a.past))) }, nothing)
	}},
	{"GET /v1/orders", "requests/s", func(ctx context.Context, a aged, _ GrowthOptions) (float64, error) {
		return rate(ctx, growthLists, readers, a.readList, nothing)
	}},
	{"whole lifecycle", "orders/s", func(ctx context.Context, a aged, o GrowthOptions) (float64, error) {
		if err := settle(ctx); err != nil {
			return 0, err
		}
		return rate(ctx, o.Orders, o.InFlight, a.life, a.caughtUp)
	}},
}

// Growth measures the same figures of systems with more and more orders of the past, which are closed and projected. All of them
// are there before anything is measured, and then in turns: whatever changes about the machine changes for all.
func Growth(ctx context.Context, o GrowthOptions) ([]Row, error) {
	systems := make([]aged, len(o.Systems))
	for i, system := range o.Systems {
		var err error
		if systems[i], err = age(ctx, system, o.Past[i], o.Progress); err != nil {
			return nil, fmt.Errorf("a history of %d orders: %w", o.Past[i], err)
		}
		if _, err := rate(ctx, o.InFlight, o.InFlight, systems[i].life, systems[i].caughtUp); err != nil {
			return nil, fmt.Errorf("warm up: %w", err)
		}
	}
	if err := settle(ctx); err != nil {
		return nil, err
	}
	var rows []Row
	for _, figure := range growthFigures {
		measures := make([]func() (float64, error), len(systems))
		for i, system := range systems {
			measures[i] = func() (float64, error) {
				value, err := figure.measure(ctx, system, o)
				fmt.Fprintf(o.Progress, "%s with %d orders of the past: %.1f %s\n", figure.name, system.past, value, figure.unit)
				return value, err
			}
		}
		measured, err := allInTurns(o.Rounds, measures...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", figure.name, err)
		}
		for i := 1; i < len(systems); i++ {
			name := fmt.Sprintf("%s, %d past orders / %d", figure.name, systems[i].past, systems[0].past)
			rows = append(rows, newRow(name, figure.unit, growthTarget, measured[i], measured[0]))
		}
	}
	return rows, nil
}

// age gives a system orders of the past.
func age(ctx context.Context, system System, past int, progress io.Writer) (aged, error) {
	a := aged{newOrders(system), past}
	written := &history{
		pool: system.Pool, store: eventstore.New(system.Pool, eventstore.Options{}), progress: progress, begins: 10 * 365 * 24 * time.Hour,
	}
	if err := written.begin(ctx); err != nil {
		return a, err
	}
	if err := written.growTo(ctx, past*written.each); err != nil {
		return a, err
	}
	if err := a.caughtUp(ctx); err != nil {
		return a, err
	}
	return a, tidyUp(ctx, system.Pool)
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
