package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
)

// LifecycleOptions say what to measure whole lives of orders on.
type LifecycleOptions struct {
	System System
	// Orders is how many lives each round measures, Rounds how many rounds there are, InFlight how many lives are under
	// way at a time.
	Orders, Rounds, InFlight int
	// Progress hears what is being done.
	Progress io.Writer
}

// Lifecycle measures Orderly through HTTP beside floors on the same servers, in turns, and gives the medians: whole
// lifecycles per second, webhooks and read models included; placing; reading; and what an order costs Temporal.
func Lifecycle(ctx context.Context, o LifecycleOptions) ([]Row, error) {
	base, err := startFloor(o.System.Temporal)
	if err != nil {
		return nil, err
	}
	defer base.stop()
	through := newOrders(o.System)
	if _, err := rate(ctx, o.InFlight, o.InFlight, through.life, through.caughtUp); err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	var floors, figures []float64
	for round := range o.Rounds {
		low, err := rate(ctx, o.Orders, o.InFlight, base.life, nothing)
		if err != nil {
			return nil, fmt.Errorf("the floor: %w", err)
		}
		figure, err := rate(ctx, o.Orders, o.InFlight, through.life, through.caughtUp)
		if err != nil {
			return nil, fmt.Errorf("orders: %w", err)
		}
		floors, figures = append(floors, low), append(figures, figure)
		fmt.Fprintf(o.Progress, "round %d of %d: floor %.1f/s, orders %.1f/s\n", round+1, o.Rounds, low, figure)
	}
	rows := []Row{newRow(fmt.Sprintf("whole lifecycle, %d in flight / floor", o.InFlight), "orders/s", 0.75, figures, floors)}
	placing, err := place(ctx, base, through, o)
	if err != nil {
		return nil, fmt.Errorf("placing: %w", err)
	}
	if err := through.caughtUp(ctx); err != nil {
		return nil, err
	}
	reading, err := reads(ctx, through, o)
	if err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	cost, err := temporalCost(ctx, through)
	if err != nil {
		return nil, fmt.Errorf("the cost in Temporal: %w", err)
	}
	return slices.Concat(rows, placing, reading, cost), nil
}
