package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/projection"
)

// repair does what the doctor can do by itself, as the database's owner, and says what that was.
func repair(ctx context.Context, pool *pgxpool.Pool, out io.Writer) error {
	store := eventstore.New(pool, eventstore.Options{})
	err := store.CheckCluster(ctx)
	if err == nil {
		_, err = fmt.Fprintln(out, "nothing to repair: the events are of this Postgres cluster")
		return err
	}
	if !errors.Is(err, eventstore.ErrForeignCluster) {
		return err
	}
	if err := nobodyServes(ctx, pool); err != nil {
		return err
	}
	events, err := store.Rebase(ctx, projection.Rebase)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "rebased %d events, and the projections with them; make a checkpoint now with `orderly checkpoint`\n", events)
	return err
}

// nobodyServes refuses while a service is connected: it would go on with positions that are no more.
func nobodyServes(ctx context.Context, pool *pgxpool.Pool) error {
	const query = `
		SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'orderly' AND pid <> pg_backend_pid()`
	var sessions int
	if err := pool.QueryRow(ctx, query).Scan(&sessions); err != nil {
		return fmt.Errorf("look for services: %w", err)
	}
	if sessions > 0 {
		return fmt.Errorf("%d sessions of services are connected to the database: stop the services first", sessions)
	}
	return nil
}
