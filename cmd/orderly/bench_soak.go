package main

import (
	"context"
	"errors"
	"time"

	"orderly/bench"
)

// soakPart takes too long to be measured unless it is asked for.
const soakPart = "soak"

// benchSoak measures what grows in a system that is half busy for long.
func benchSoak(ctx context.Context, o benchOptions) ([]bench.Row, error) {
	if o.minutes <= 0 {
		return nil, usageError{errors.New("--minutes: a soak takes some")}
	}
	return withSystems(ctx, []int{1}, func(ctx context.Context, systems []bench.System) ([]bench.Row, error) {
		return bench.Soak(ctx, bench.SoakOptions{
			System: systems[0], Orders: o.orders, InFlight: o.inFlight,
			For: time.Duration(o.minutes * float64(time.Minute)), Progress: o.progress,
		})
	})
}
