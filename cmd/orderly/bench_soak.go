package main

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/client"

	"orderly/bench"
	"orderly/internal/config"
	"orderly/internal/postgres"
)

// soakPart takes too long to be measured unless it is asked for.
const soakPart = "soak"

// benchSoak measures what grows in a system that is half busy for long.
func benchSoak(ctx context.Context, o benchOptions) ([]bench.Row, error) {
	if o.minutes <= 0 {
		return nil, usageError{errors.New("--minutes: a soak takes some")}
	}
	return withOrderly(ctx, "10ms", func(ctx context.Context, c config.Config, temporal client.Client) ([]bench.Row, error) {
		pool, err := postgres.Open(ctx, c.DatabaseURL, postgres.Options{Name: "orderly-bench"})
		if err != nil {
			return nil, err
		}
		defer pool.Close()
		return bench.Soak(ctx, bench.SoakOptions{
			Pool: pool, URL: c.PublicURL, Key: c.APIKey, Temporal: temporal, Orders: o.orders, InFlight: o.inFlight,
			For: time.Duration(o.minutes * float64(time.Minute)), Progress: o.progress,
		})
	})
}
