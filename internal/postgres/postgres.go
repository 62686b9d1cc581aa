// Package postgres opens Orderly's database and keeps its schema.
package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Options are what a pool may be given beside its URL. A pool_max_conns in the URL wins.
type Options struct {
	// Name is shown as application_name in pg_stat_activity; "orderly" when empty.
	Name string
	// MaxConns bounds the connections; 16 when 0.
	MaxConns int32
}

// Open makes a pool on the database and checks that it can be reached. Sessions have limits, so that a stuck one can hold
// neither a lock nor the feed back for long.
func Open(ctx context.Context, url string, options Options) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	if options.Name == "" {
		options.Name = "orderly"
	}
	if options.MaxConns == 0 {
		options.MaxConns = 16
	}
	config.MaxConns = max(config.MaxConns, options.MaxConns)
	config.MaxConnLifetimeJitter = 5 * time.Minute
	config.ConnConfig.ConnectTimeout = 5 * time.Second
	for name, value := range map[string]string{
		"application_name": options.Name, "timezone": "UTC", "statement_timeout": "30s",
		"idle_in_transaction_session_timeout": "30s", "lock_timeout": "10s",
	} {
		if _, given := config.ConnConfig.RuntimeParams[name]; !given {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("reach the database: %w", err)
	}
	return pool, nil
}
