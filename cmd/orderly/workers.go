package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"

	"orderly/activities"
	"orderly/bulk"
	"orderly/gateway"
	"orderly/internal/tlsfiles"
	"orderly/orchestrator"
	"orderly/projection"
	"orderly/readmodel"
	"orderly/worker"
	"orderly/workflows"
)

// startWorkers starts the workers of the roles and gives what stops them. A worker that cannot go on ends the process.
func (s *service) startWorkers(ctx context.Context, r roles, fail context.CancelCauseFunc) (stop func(), err error) {
	if !r.worker && !r.projector {
		return func() {}, nil
	}
	if release := s.release(); release.Deployment != "" && release.BuildID == "" {
		return nil, errors.New("ORDERLY_DEPLOYMENT is set, and ORDERLY_BUILD_ID is not: a worker without a build would take work from all of them")
	}
	if err := s.prepareNamespace(ctx); err != nil {
		return nil, err
	}
	var started []sdkworker.Worker
	stop = func() {
		for _, w := range slices.Backward(started) {
			w.Stop()
		}
	}
	var wanted []sdkworker.Worker
	if r.worker {
		steps, err := s.orderActivities()
		if err != nil {
			return nil, err
		}
		orders := worker.Orders(s.temporal, steps, s.release(), fail)
		worker.AddReconciler(orders, s.reconciler())
		worker.AddBulk(orders, &activities.Bulk{Store: bulk.NewStore(s.pool), Orders: orchestrator.New(s.temporal, s.config.OrderURL)})
		wanted = append(wanted, orders)
	}
	if r.projector {
		projector := worker.Projections(s.temporal, &activities.Projector{
			Pool: s.pool, Store: s.store, Appended: s.listener.Subscribe, Projections: []projection.Projection{readmodel.Projection()},
		}, s.release(), fail)
		if err := s.addCheckpoints(projector); err != nil {
			return nil, err
		}
		wanted = append(wanted, projector)
	}
	for _, w := range wanted {
		if err := w.Start(); err != nil {
			stop()
			return nil, fmt.Errorf("start a Temporal worker: %w", err)
		}
		started = append(started, w)
	}
	if err := s.startStanding(ctx, r); err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

// startStanding makes sure of the workflows and schedules that are always there.
func (s *service) startStanding(ctx context.Context, r roles) error {
	var err error
	if r.worker {
		err = s.scheduleReconcile(ctx)
	}
	if r.projector {
		err = errors.Join(err, s.startProjections(ctx), s.scheduleCheckpoints(ctx))
	}
	return err
}

// prepareNamespace waits for Temporal, which may come up later than this process.
func (s *service) prepareNamespace(ctx context.Context) error {
	return await(ctx, s.log, "Temporal", func() (bool, error) {
		err := worker.PrepareNamespace(ctx, s.temporal, s.namespace)
		return err != nil, err
	})
}

func (s *service) release() worker.Release {
	return worker.Release{Deployment: s.config.Deployment, BuildID: s.config.BuildID}
}

func (s *service) orderActivities() (*activities.Orders, error) {
	trusted, err := tlsfiles.Client(s.config.GatewayCAFile)
	if err != nil {
		return nil, fmt.Errorf("ORDERLY_GATEWAY_CA_FILE: %w", err)
	}
	outside := gateway.NewHTTP(s.config.SimulatorURL, gateway.Options{Timeout: s.config.GatewayTimeout, TLS: trusted})
	return &activities.Orders{Journal: s.journal, Payments: outside, Stock: outside, Carrier: outside, Fraud: outside, Notifier: outside}, nil
}

// startProjections makes sure that each projection has its workflow; one that runs is left alone.
func (s *service) startProjections(ctx context.Context) error {
	name := readmodel.Projection().Name
	_, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.ProjectionWorkflowID(name, 0), TaskQueue: workflows.ProjectionTaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		StaticSummary:            "keeps the read model " + name,
	}, workflows.ProjectionWorkflow, workflows.ProjectionInput{Name: name})
	if err != nil {
		return fmt.Errorf("start the projection %s: %w", name, err)
	}
	return nil
}
