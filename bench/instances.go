package bench

import (
	"context"
	"fmt"
	"io"
)

// InstancesOptions say what to compare.
type InstancesOptions struct {
	// One has one process, Two has two.
	One, Two System
	// Orders is how many live in each round, InFlight of them at a time.
	Orders, InFlight, Rounds int
	// Progress hears what is being done.
	Progress io.Writer
}

// Instances measures whole lives through two processes that share a stack beside those through one, in turns. On one machine
// they share its processors, too.
func Instances(ctx context.Context, o InstancesOptions) ([]Row, error) {
	one, two := newOrders(o.One), newOrders(o.Two)
	for _, through := range []*orders{one, two} {
		if _, err := rate(ctx, o.InFlight, o.InFlight, through.life, through.caughtUp); err != nil {
			return nil, fmt.Errorf("warm up: %w", err)
		}
	}
	lives := func(through *orders) func() (float64, error) {
		return func() (float64, error) {
			if err := settle(ctx); err != nil {
				return 0, err
			}
			value, err := rate(ctx, o.Orders, o.InFlight, through.life, through.caughtUp)
			fmt.Fprintf(o.Progress, "through %d process(es): %.1f orders/s\n", len(through.URLs), value)
			return value, err
		}
	}
	base, figures, err := inTurns(o.Rounds, lives(one), lives(two))
	if err != nil {
		return nil, err
	}
	return []Row{newRow(fmt.Sprintf("whole lifecycle, %d in flight, two processes / one", o.InFlight), "orders/s", 0, figures, base)}, nil
}
