package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"orderly/activities"
	"orderly/bulk"
	"orderly/eventstore"
	"orderly/gateway"
	"orderly/gateway/stripe"
	"orderly/internal/config"
	"orderly/internal/tlsfiles"
	"orderly/orchestrator"
	"orderly/projection"
	"orderly/readmodel"
	"orderly/worker"
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
	wanted, err := s.workersOf(r, fail)
	if err != nil {
		return nil, err
	}
	var started []sdkworker.Worker
	stop = func() {
		for _, w := range slices.Backward(started) {
			w.Stop()
		}
	}
	for _, newWorker := range wanted {
		w, err := s.startWorker(ctx, newWorker)
		if err != nil {
			stop()
			return nil, err
		}
		started = append(started, w)
	}
	if err := s.startStanding(ctx, r); err != nil {
		stop()
		return nil, err
	}
	if r.projector {
		looking, end := context.WithCancel(ctx)
		var keeper sync.WaitGroup
		keeper.Go(func() { s.keepRebuilt(looking) })
		stopWorkers := stop
		stop = func() { end(); keeper.Wait(); stopWorkers() }
	}
	return stop, nil
}

// workersOf gives what makes the workers of the roles.
func (s *service) workersOf(r roles, fail context.CancelCauseFunc) ([]func() sdkworker.Worker, error) {
	var wanted []func() sdkworker.Worker
	if r.worker {
		steps, err := s.orderActivities()
		if err != nil {
			return nil, err
		}
		reconciler, deliveries := s.reconciler(), s.webhookDeliveries()
		bulks := &activities.Bulk{Store: bulk.NewStore(s.pool), Orders: orchestrator.New(s.temporal, s.config.OrderURL)}
		wanted = append(wanted, func() sdkworker.Worker {
			w := worker.Orders(s.temporal, steps, s.release(), fail)
			worker.AddReconciler(w, reconciler)
			worker.AddBulk(w, bulks)
			worker.AddWebhooks(w, deliveries)
			return w
		})
	}
	if r.projector {
		checkpointer, err := s.checkpointer()
		if err != nil {
			return nil, err
		}
		projector := &activities.Projector{Pool: s.pool, Store: s.store, Appended: s.listener.On(eventstore.Channel), Projections: s.projections()}
		wanted = append(wanted, func() sdkworker.Worker {
			w := worker.Projections(s.temporal, projector, s.release(), fail)
			worker.AddCheckpoints(w, checkpointer)
			return w
		})
	}
	return wanted, nil
}

// startWorker waits for Temporal, too: it can go away again. A worker that did not start cannot be started a second time, so
// each try has a new one.
func (s *service) startWorker(ctx context.Context, newWorker func() sdkworker.Worker) (started sdkworker.Worker, err error) {
	err = await(ctx, s.log, "Temporal", func() (bool, error) {
		started = newWorker()
		err := started.Start()
		return err != nil, err
	})
	return started, err
}

// startStanding makes sure of the workflows and schedules that are always there. The workers are at work by then: a server
// that does not answer now is asked again, and keeps no order waiting.
func (s *service) startStanding(ctx context.Context, r roles) error {
	return await(ctx, s.log, "Temporal or Postgres", func() (bool, error) {
		var err error
		if r.worker {
			err = errors.Join(s.scheduleReconcile(ctx), s.startWebhooks(ctx))
		}
		if r.projector {
			err = errors.Join(err, s.startRebuilds(ctx, true), s.startProjections(ctx), s.scheduleCheckpoints(ctx))
		}
		return err != nil, err
	})
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
	options := gateway.Options{Timeout: s.config.GatewayTimeout, TLS: trusted}
	if s.config.KillAt != nil {
		options.Transport = s.config.KillAt.Transport(http.DefaultTransport)
	}
	outside := gateway.NewHTTP(s.config.SimulatorURL, options)
	return &activities.Orders{Journal: s.journal, Payments: s.payments(outside), Stock: outside, Carrier: outside, Fraud: outside, Notifier: outside}, nil
}

// payments is who takes payments.
func (s *service) payments(outside *gateway.HTTP) gateway.Payments {
	if s.config.Payments == config.PayByStripe {
		return stripe.New(stripe.Options{Key: s.config.StripeKey, URL: s.config.StripeURL, Timeout: s.config.GatewayTimeout})
	}
	return outside
}

// projections are all that follow the feed.
func (s *service) projections() []projection.Projection {
	return append(readmodel.Projections(), s.webhookQueue())
}

// startProjections makes sure that each shard of each projection has its workflow; one that runs is left alone.
func (s *service) startProjections(ctx context.Context) error {
	for _, p := range s.projections() {
		if err := orchestrator.StartProjection(ctx, s.temporal, p.Name, p.Shards); err != nil {
			return err
		}
	}
	return nil
}

// lookForOutdated is how often a projector looks for read models that an older version has written.
const lookForOutdated = 5 * time.Minute

// keepRebuilt looks now and then for read models that an older version has written since this process started: a worker of that one may
// have carried the rebuild out, and built it as it knows it.
func (s *service) keepRebuilt(ctx context.Context) {
	ticker := time.NewTicker(lookForOutdated)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := s.startRebuilds(ctx, false); err != nil && ctx.Err() == nil {
			s.log.Warn("cannot look for outdated read models", zap.Error(err))
		}
	}
}

// startRebuilds has the read models built anew that an older version of this program has written; and goes on with rebuilds
// that are under way, if it is asked to.
func (s *service) startRebuilds(ctx context.Context, withUnderWay bool) error {
	wanted, err := projection.ToRebuild(ctx, s.pool, readmodel.Projections(), withUnderWay)
	if err != nil {
		return err
	}
	for _, p := range wanted {
		s.log.Info("rebuilding a read model", zap.String("projection", p.Name), zap.Int("version", p.Version))
		if _, err := orchestrator.StartRebuild(ctx, s.temporal, p.Name, p.Version); err != nil {
			return err
		}
	}
	return nil
}
