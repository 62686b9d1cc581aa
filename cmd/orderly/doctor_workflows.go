package main

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"orderly/activities"
	"orderly/eventstore"
	"orderly/internal/config"
	"orderly/workflows"
)

// examineWorkflows counts the open orders without a workflow. It says nothing when the database or Temporal cannot be asked:
// that is another finding.
func examineWorkflows(ctx context.Context, c config.Config) []finding {
	const advice = "start `orderly serve --worker`, which starts them within ORDERLY_RECONCILE_EVERY, or run `orderly doctor --repair`"
	pool, err := connectDatabase(ctx, c)
	if err != nil {
		return nil
	}
	defer pool.Close()
	s := &service{config: c, log: zap.NewNop(), pool: pool}
	if s.schemaIsCurrent(ctx) != nil || eventstore.New(pool, eventstore.Options{}).CheckCluster(ctx) != nil {
		return nil
	}
	var found workflows.ReconcileResult
	err = withReconciler(ctx, s, func(r *activities.Reconciler) (err error) {
		found, err = r.Count(ctx, workflows.ReconcileInput{Grace: c.ReconcileGrace})
		return err
	})
	switch {
	case errors.Is(err, errTemporalAway):
		return nil
	case err != nil:
		return []finding{ill("workflows", err, "look at Temporal's visibility store, and run the doctor again")}
	case found.Missing > 0:
		return []finding{ill("workflows", fmt.Errorf("%d of %d open orders have no workflow", found.Missing, found.Open), advice)}
	default:
		return []finding{well("workflows", "each of %d open orders has its own", found.Open)}
	}
}

var errTemporalAway = errors.New("no answer from Temporal")

// withReconciler gives a command what finds open orders without a workflow; errTemporalAway when nobody could be asked.
func withReconciler(ctx context.Context, s *service, do func(*activities.Reconciler) error) error {
	temporal, namespace, err := connectTemporal(s.config, s.log)
	if err != nil {
		return errors.Join(errTemporalAway, err)
	}
	defer temporal.Close()
	if _, err := temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return errors.Join(errTemporalAway, err)
	}
	return do(newReconciler(s.config, s.pool, temporal, namespace))
}
