package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"orderly/activities"
	"orderly/eventstore"
	"orderly/internal/config"
	"orderly/projection"
	"orderly/workflows"
)

// repair does what the doctor can do by itself, as the database's owner, and says what that was: first the events, then the
// workflows of the orders that are made of them.
func repair(ctx context.Context, out, progressOut io.Writer) error {
	c, err := config.Load()
	if err != nil {
		return usageError{err}
	}
	return withOwner(ctx, func(pool *pgxpool.Pool) error {
		if err := repairFeed(ctx, pool, out); err != nil {
			return err
		}
		return repairWorkflows(ctx, &service{config: c, log: zap.NewNop(), pool: pool}, out, progressOut)
	})
}

// repairFeed makes a database readable that was restored into another Postgres cluster.
func repairFeed(ctx context.Context, pool *pgxpool.Pool, out io.Writer) error {
	store := eventstore.New(pool, eventstore.Options{})
	err := store.CheckCluster(ctx)
	if err == nil {
		_, err = fmt.Fprintln(out, "events: nothing to repair: they are of this Postgres cluster")
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
	_, err = fmt.Fprintf(out, "events: rebased %d events, and the projections with them; make a checkpoint now with `orderly checkpoint`\n", events)
	return err
}

// repairWorkflows starts a workflow for each open order that has none. Those that a worker of this moment starts, too, are
// counted once.
func repairWorkflows(ctx context.Context, s *service, out, progressOut io.Writer) error {
	shown := newProgress(progressOut, "looked at", 0)
	defer shown.end()
	var found workflows.ReconcileResult
	err := withReconciler(ctx, s, func(r *activities.Reconciler) (err error) {
		found, err = r.Start(ctx, workflows.ReconcileInput{}, activities.Reconciled{}, func(now activities.Reconciled) {
			shown.set(int64(now.Open), fmt.Sprintf("%d open orders, %d workflows started", now.Open, now.Started))
		})
		return err
	})
	switch {
	case errors.Is(err, errTemporalAway):
		_, err = fmt.Fprintln(out, "workflows: Temporal cannot be reached; a worker starts what is missing as soon as it runs")
	case err != nil:
		return fmt.Errorf("after %d open orders, for which %d workflows were started: %w", found.Open, found.Started, err)
	case found.Started == 0 && found.Woken == 0:
		_, err = fmt.Fprintf(out, "workflows: nothing to repair: each of %d open orders has its own\n", found.Open)
	case found.Started == 0:
		_, err = fmt.Fprintf(out, "workflows: woke %d that stood still, of %d open orders\n", found.Woken, found.Open)
	default:
		_, err = fmt.Fprintf(out, "workflows: started those of %d of %d open orders; they go on where the orders stand\n", found.Started, found.Open)
	}
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
