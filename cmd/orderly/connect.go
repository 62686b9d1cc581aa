package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.uber.org/zap"

	"orderly/eventstore"
	"orderly/internal/config"
	"orderly/internal/postgres"
	"orderly/internal/telemetry"
	"orderly/internal/temporalclient"
	"orderly/journal"
	"orderly/vault"
)

var errNoDatabase = errors.New("DATABASE_URL is not set: source .orderly/env of a running `make run`, or name your Postgres")

// connectDatabase opens the database that DATABASE_URL names, as the role of the services.
func connectDatabase(ctx context.Context, c config.Config) (*pgxpool.Pool, error) {
	if c.DatabaseURL == "" {
		return nil, errNoDatabase
	}
	options := postgres.Options{Role: postgres.AppRole}
	if c.KillAt != nil {
		options.Tracer = c.KillAt.Tracer()
	}
	pool, err := postgres.Open(ctx, c.DatabaseURL, options)
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == "22023" { // the role does not exist
		return nil, errors.New("the database was never migrated: run `orderly migrate`")
	}
	return pool, err
}

// awaitDatabase waits for Postgres, which may come up later than this process. What waiting does not mend is an error.
func awaitDatabase(ctx context.Context, c config.Config, logger *zap.Logger) (pool *pgxpool.Pool, err error) {
	err = await(ctx, logger, "Postgres", func() (bool, error) {
		pool, err = connectDatabase(ctx, c)
		return mayCome(err), err
	})
	return pool, err
}

// mayCome says whether a server that could not be reached may just not be there yet, or not have room.
func mayCome(err error) bool {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		// Connections are lost; no resources are left; the server is starting, ending, or has crashed.
		return slices.ContainsFunc([]string{"08", "53", "57P01", "57P02", "57P03"}, func(class string) bool {
			return strings.HasPrefix(refused.Code, class)
		})
	}
	if network, ok := errors.AsType[*net.OpError](err); ok {
		// The peer took the connection and then said by a TLS alert what it does not like of us.
		return network.Op != "remote error"
	}
	// Where containers start, names come late, too, and what stands in front of Postgres takes connections before it is there.
	_, unknown := errors.AsType[*net.DNSError](err)
	return unknown || pgconn.Timeout(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// await tries until it need not be tried again, and says in the log that it waits.
func await(ctx context.Context, logger *zap.Logger, what string, try func() (again bool, err error)) error {
	for {
		again, err := try()
		if !again {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		logger.Warn(what+" is not ready; trying again", zap.Error(err))
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(2 * time.Second):
		}
	}
}

// connectOwner opens the database as its owner, for the few commands that may do what the services may not.
func connectOwner(ctx context.Context, c config.Config) (*pgxpool.Pool, error) {
	if c.OwnerURL == "" {
		return nil, errNoDatabase
	}
	return postgres.Open(ctx, c.OwnerURL, postgres.Options{Name: "orderly-owner"})
}

// withDatabase gives a command the database, as the role of the services.
func withDatabase(ctx context.Context, do func(*pgxpool.Pool) error) error {
	return withPool(ctx, connectDatabase, do)
}

// withOwner gives a command the database as its owner.
func withOwner(ctx context.Context, do func(*pgxpool.Pool) error) error {
	return withPool(ctx, connectOwner, do)
}

// withStore gives a command the store of events.
func withStore(ctx context.Context, do func(*pgxpool.Pool, *eventstore.Store) error) error {
	c, err := config.Load()
	if err != nil {
		return err
	}
	return withDatabase(ctx, func(pool *pgxpool.Pool) error {
		return do(pool, eventstore.New(pool, eventstore.Options{ArchiveDir: c.ArchiveDir}))
	})
}

func withPool(ctx context.Context, connect func(context.Context, config.Config) (*pgxpool.Pool, error), do func(*pgxpool.Pool) error) error {
	c, err := config.Load()
	if err != nil {
		return err
	}
	pool, err := connect(ctx, c)
	if err != nil {
		return err
	}
	defer pool.Close()
	return do(pool)
}

// connectTemporal makes a client of the server that the TEMPORAL_* variables name, and says which namespace they name. It
// connects when it is first used: reads are served while Temporal is away.
func connectTemporal(c config.Config, logger *zap.Logger, interceptors ...interceptor.ClientInterceptor) (client.Client, string, error) {
	options, err := temporalclient.Options(c.TemporalKeys)
	if err != nil {
		return nil, "", err
	}
	options.Logger = telemetry.Temporal(logger)
	options.Interceptors = interceptors
	lazy, err := client.NewLazyClient(options)
	if err != nil {
		return nil, "", fmt.Errorf("make a Temporal client: %w", err)
	}
	return lazy, options.Namespace, nil
}

// withJournal gives a reading command a journal on the database.
func withJournal(ctx context.Context, read func(*journal.Journal) error) error {
	c, err := config.Load()
	if err != nil {
		return err
	}
	pool, err := connectDatabase(ctx, c)
	if err != nil {
		return err
	}
	defer pool.Close()
	store := eventstore.New(pool, eventstore.Options{ArchiveDir: c.ArchiveDir})
	options := journal.Options{SnapshotEvery: snapshotEvery(c)}
	if !c.MasterKeys.Empty() {
		options.Vault = vault.New(pool, c.MasterKeys)
	}
	return read(journal.New(store, c.Policy, options))
}

// snapshotEvery is the configured distance of snapshots as the journal takes it.
func snapshotEvery(c config.Config) int {
	if c.SnapshotEvery == 0 {
		return -1
	}
	return c.SnapshotEvery
}
