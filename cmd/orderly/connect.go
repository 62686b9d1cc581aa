package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.uber.org/zap"

	"orderly/eventstore"
	"orderly/internal/config"
	"orderly/internal/postgres"
	"orderly/internal/telemetry"
	"orderly/journal"
	"orderly/vault"
)

// connectDatabase opens the database that DATABASE_URL names.
func connectDatabase(ctx context.Context, c config.Config) (*pgxpool.Pool, error) {
	if c.DatabaseURL == "" {
		return nil, errors.New("DATABASE_URL is not set: source .orderly/env of a running `make run`, or name your Postgres")
	}
	pool, err := postgres.Open(ctx, c.DatabaseURL, postgres.Options{})
	if err != nil {
		return nil, err
	}
	return pool, nil
}

// connectTemporal makes a client of the server that the TEMPORAL_* variables name, and says which namespace they name. It
// connects when it is first used: reads are served while Temporal is away.
func connectTemporal(logger *zap.Logger) (client.Client, string, error) {
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return nil, "", fmt.Errorf("read the TEMPORAL_* variables: %w", err)
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	options.Logger = telemetry.Temporal(logger)
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
	var options journal.Options
	if !c.MasterKeys.Empty() {
		options.Vault = vault.New(pool, c.MasterKeys)
	}
	return read(journal.New(eventstore.New(pool, eventstore.Options{}), c.Policy, options))
}
