package main

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"

	"orderly/activities"
	"orderly/internal/config"
	"orderly/readmodel"
	"orderly/worker"
	"orderly/workflows"
)

// newReconciler makes what finds open orders without a workflow.
func newReconciler(c config.Config, pool *pgxpool.Pool, temporal client.Client, namespace string) *activities.Reconciler {
	return &activities.Reconciler{
		Reads: readmodel.New(pool), Temporal: temporal, Namespace: namespace,
		OrderURL: c.OrderURL,
	}
}

// reconciler is the one that the schedule runs here: what it finds is measured.
func (s *service) reconciler() *activities.Reconciler {
	r := newReconciler(s.config, s.pool, s.temporal, s.namespace)
	open := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "orderly_reconcile_open_orders",
		Help: "How many open orders the last round looked at that this process made.",
	})
	started := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "orderly_reconcile_started_total",
		Help: "For how many open orders a workflow was started because they had none.",
	})
	woken := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "orderly_reconcile_woken_total",
		Help: "How many workflows that stood still though steps of their order were due were told to read it again.",
	})
	last := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "orderly_reconcile_last_round_timestamp_seconds",
		Help: "When the last round ended that this process made.",
	})
	s.measured = append(s.measured, open, started, woken, last)
	r.Done = func(found workflows.ReconcileResult) {
		open.Set(float64(found.Open))
		started.Add(float64(found.Started))
		woken.Add(float64(found.Woken))
		last.SetToCurrentTime()
	}
	return r
}

func (s *service) scheduleReconcile(ctx context.Context) error {
	return worker.ScheduleReconcile(ctx, s.temporal, s.config.ReconcileEvery, workflows.ReconcileInput{Grace: s.config.ReconcileGrace})
}
