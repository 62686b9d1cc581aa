package bench

import (
	"context"
	"fmt"
	"io"

	"go.temporal.io/sdk/client"
)

// LifecycleOptions say what to measure whole lives of orders on.
type LifecycleOptions struct {
	// URL and Key reach a running Orderly whose orders close as soon as they are delivered.
	URL, Key string
	// Temporal is the server that Orderly uses, too.
	Temporal client.Client
	// Orders is how many lives each round measures, Rounds how many rounds there are, InFlight how many lives are under
	// way at a time.
	Orders, Rounds, InFlight int
	// Progress hears what is being done.
	Progress io.Writer
}

// Lifecycle measures whole lifecycles per second through HTTP, webhooks and read models included, beside the floor, in turns,
// and gives the medians.
func Lifecycle(ctx context.Context, o LifecycleOptions) ([]Row, error) {
	base, err := startFloor(o.Temporal)
	if err != nil {
		return nil, err
	}
	defer base.stop()
	through := newOrders(o.URL, o.Key, o.Temporal)
	nothingAfter := func(context.Context) error { return nil }
	if _, err := rate(ctx, o.InFlight, o.InFlight, through.life, through.caughtUp); err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	var floors, figures []float64
	for round := range o.Rounds {
		low, err := rate(ctx, o.Orders, o.InFlight, base.life, nothingAfter)
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
	name := fmt.Sprintf("whole lifecycle, %d in flight", o.InFlight)
	return []Row{newRow(name, "orders/s", 0.75, figures, floors)}, nil
}
