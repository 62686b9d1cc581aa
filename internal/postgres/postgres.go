// Package postgres opens Orderly's database and keeps its schema.
//
// The schema is the SQL files in migrations/, embedded in the program and applied in the order of their numbers by
// [Migrate]; any number of processes may do so at once. A file that was released is never changed: what comes later is a new
// file. [SchemaVersion] compares the database with the program, so that neither serves with the other one's schema.
//
// [Open] makes a pool whose sessions cannot harm the others: a statement, a wait for a lock, and above all an open
// transaction end after some time, because one that has written holds back the feed of events for everybody.
package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Options are what a pool may be given beside its URL, whose own settings win: pool_max_conns, application_name,
// statement_timeout and so on.
type Options struct {
	// Name is shown as application_name in pg_stat_activity; "orderly" when empty.
	Name string
	// Role is what the sessions act as, one that the login is a member of; the login itself when empty.
	Role string
	// MaxConns bounds the connections; 16 when 0.
	MaxConns int32
	// Tracer hears of every statement; nobody does when it is nil.
	Tracer pgx.QueryTracer
}

// Open makes a pool on the database and checks that it can be reached. It does not try again: that is the caller's.
func Open(ctx context.Context, url string, options Options) (*pgxpool.Pool, error) {
	config, err := configure(url, options)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
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

func configure(url string, options Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	given, err := pgconn.ParseConfig(url) // knows nothing of pools, so it keeps their settings among the parameters
	if err != nil {
		return nil, err
	}
	if options.Name == "" {
		options.Name = "orderly"
	}
	if options.MaxConns == 0 {
		options.MaxConns = 16
	}
	if _, ok := given.RuntimeParams["pool_max_conns"]; !ok {
		config.MaxConns = options.MaxConns
	}
	if _, ok := given.RuntimeParams["pool_max_conn_lifetime_jitter"]; !ok {
		config.MaxConnLifetimeJitter = 5 * time.Minute
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	for name, value := range map[string]string{
		"application_name": options.Name, "timezone": "UTC", "statement_timeout": "30s",
		"idle_in_transaction_session_timeout": "30s", "lock_timeout": "10s",
	} {
		if _, ok := given.RuntimeParams[name]; !ok {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	config.ConnConfig.Tracer = options.Tracer
	if options.Role != "" {
		config.ConnConfig.RuntimeParams["role"] = options.Role
	}
	if _, ok := given.RuntimeParams["transaction_timeout"]; !ok {
		config.AfterConnect = boundTransactions
	}
	return config, nil
}

// boundTransactions bounds whole transactions where Postgres can, from 17 on. Earlier ones refuse a connection that
// names the setting, so it cannot be among the parameters.
func boundTransactions(ctx context.Context, conn *pgx.Conn) error {
	major, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), ".")
	if version, err := strconv.Atoi(major); err != nil || version < 17 {
		return nil //nolint:nilerr // a version that is not a number is none that we know
	}
	if _, err := conn.Exec(ctx, `SET transaction_timeout = '60s'`); err != nil {
		return fmt.Errorf("bound transactions: %w", err)
	}
	return nil
}
