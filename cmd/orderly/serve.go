package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.uber.org/zap"

	"orderly/api"
	"orderly/eventstore"
	"orderly/internal/config"
	"orderly/internal/postgres"
	"orderly/internal/sabotage"
	"orderly/internal/telemetry"
	"orderly/internal/temporalclient"
	"orderly/internal/tlsfiles"
	"orderly/journal"
	"orderly/live"
	"orderly/projection"
	"orderly/readmodel"
	"orderly/vault"
)

// drainWithin is how long requests that are being served may take when the process is told to stop.
const drainWithin = 20 * time.Second

// roles are what a process does.
type roles struct{ api, worker, projector bool }

func serveCommand() *cobra.Command {
	var r roles
	var all bool
	cmd := &cobra.Command{
		Use:   "serve [--all | --api --worker --projector]",
		Short: "Serve orders: the HTTP API, the worker of orders, the projector of read models, or all of them",
		Long: "Serve orders. The roles can run in one process, which they do unless some are named, or in many: the API takes\n" +
			"commands and answers queries, workers carry orders out, projectors keep the read models. SIGTERM ends what is under way\n" +
			"and then the process.",
		Args: exactly(0),
	}
	cmd.Flags().BoolVar(&all, "all", false, "all roles in this process, as without any of them")
	cmd.Flags().BoolVar(&r.api, "api", false, "the HTTP API")
	cmd.Flags().BoolVar(&r.worker, "worker", false, "the worker of orders")
	cmd.Flags().BoolVar(&r.projector, "projector", false, "the projector of read models")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if all || r == (roles{}) {
			r = roles{api: true, worker: true, projector: true}
		}
		c, err := config.Load()
		if err != nil {
			return usageError{err}
		}
		logger, err := telemetry.Logger(c.LogLevel, c.LogFormat)
		if err != nil {
			return usageError{err}
		}
		err = serve(cmd.Context(), c, r, logger)
		if cmd.Context().Err() != nil && errors.Is(err, context.Canceled) {
			return nil // it was told to stop while it waited for a server
		}
		return err
	}
	return cmd
}

// service is what the roles share.
type service struct {
	config    config.Config
	log       *zap.Logger
	pool      *pgxpool.Pool
	temporal  client.Client
	namespace string
	store     *eventstore.Store
	listener  *eventstore.Listener
	journal   *journal.Journal
	// measured is what the roles of this process measure beside what everybody does.
	measured []prometheus.Collector
}

func serve(ctx context.Context, c config.Config, r roles, logger *zap.Logger) error {
	s, closeAll, err := newService(ctx, c, logger)
	if err != nil {
		return err
	}
	defer closeAll()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	stopWorkers, err := s.startWorkers(ctx, r, fail)
	if err != nil {
		return err
	}
	// The API ends first: a command that is being served needs a worker for its answer.
	defer stopWorkers()
	if r.api {
		if err := s.serveAPI(ctx); err != nil {
			return err
		}
	}
	<-ctx.Done()
	logger.Info("stopping")
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

func newService(ctx context.Context, c config.Config, logger *zap.Logger) (*service, func(), error) {
	pool, err := awaitDatabase(ctx, c, logger)
	if err != nil {
		return nil, nil, err
	}
	s := &service{config: c, log: logger, pool: pool}
	if err := await(ctx, logger, "Postgres", func() (bool, error) { err := s.check(ctx); return mayCome(err), err }); err != nil {
		pool.Close()
		return nil, nil, err
	}
	var interceptors []interceptor.ClientInterceptor
	if c.KillAt != nil {
		interceptors = append(interceptors, c.KillAt.Interceptor())
	}
	if s.temporal, s.namespace, err = connectTemporal(c, logger, interceptors...); err != nil {
		pool.Close()
		return nil, nil, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	notifier := eventstore.NewNotifier(pool, eventstore.Channel)
	var running sync.WaitGroup
	running.Go(func() { notifier.Run(background) })
	s.listener = eventstore.NewListener(pool, eventstore.Channel, projection.Channel)
	running.Go(func() { s.listener.Run(background) })
	clock := sabotage.Clock(c.ClockSkew)
	s.store = eventstore.New(pool, eventstore.Options{Notifier: notifier, ArchiveDir: c.ArchiveDir, Clock: clock})
	s.journal = journal.New(s.store, c.Policy, journal.Options{
		Clock: clock, Appended: s.listener.On(eventstore.Channel),
		Vault: vault.New(pool, c.MasterKeys), SnapshotEvery: snapshotEvery(c), SnapshotFailed: s.snapshotFailed,
	})
	running.Go(func() { s.journal.Run(background) })
	return s, func() {
		stop()
		running.Wait()
		s.temporal.Close()
		pool.Close()
	}, nil
}

// snapshotFailed only tells: the order is read from its events, and the next append or reading tries again.
func (s *service) snapshotFailed(orderID string, err error) {
	s.log.Warn("a snapshot was not written", zap.String("order_id", orderID), zap.Error(err))
}

// check refuses a configuration, or a database, with which serving would go wrong later.
func (s *service) check(ctx context.Context) error {
	if err := s.schemaIsCurrent(ctx); err != nil {
		return err
	}
	if err := postgres.CheckRole(ctx, s.pool); err != nil {
		return err
	}
	if s.config.MasterKeys.Empty() {
		return errors.New("ORDERLY_MASTER_KEYS is not set: personal data is encrypted with it; `orderly keys master NAME` makes one")
	}
	return eventstore.New(s.pool, eventstore.Options{}).CheckCluster(ctx)
}

func (s *service) schemaIsCurrent(ctx context.Context) error {
	have, want, err := postgres.SchemaVersion(ctx, s.pool)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if have < want {
		return fmt.Errorf("the database's schema is at version %d, this program needs %d: run `orderly migrate`", have, want)
	}
	return nil
}

func (s *service) serveAPI(ctx context.Context) error {
	hub := live.NewHub(s.journal.Feed(), s.listener.On(eventstore.Channel), s.log)
	beside, stopBeside := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer stopBeside()
	running.Go(func() { hub.Run(beside) })
	running.Go(func() { s.forgetReceipts(beside) })
	handler := api.New(api.Options{
		Live:  hub,
		Codec: temporalclient.NewCodec(s.config.TemporalKeys), Draining: ctx.Done(),
		Metrics: s.registry(),
		Journal: s.journal, Store: s.store, Projections: s.projections(), ReadModel: readmodel.New(s.pool, readmodel.Options{Projected: s.listener.On(projection.Channel)}), Temporal: s.temporal, Namespace: s.namespace,
		TemporalUIURL: s.config.TemporalUIURL, Pool: s.pool, Logger: s.log,
		Webhooks: s.webhookStore(), AllowPrivateWebhooks: s.config.Webhooks.AllowPrivate,
		WebhookSecret: s.config.WebhookSecret, StripeWebhookSecret: s.config.StripeWebhookSecret, PublicURL: s.config.PublicURL, Ready: s.schemaIsCurrent,
		Identity: identity(s.config), SessionLifetime: s.config.SessionLifetime,
		Limits: api.Limits{
			PerSecond: s.config.RateLimit, Burst: s.config.RateBurst, Commands: s.config.MaxCommands, Reads: s.config.MaxReads,
		},
	}).Handler()
	if s.config.KillAt != nil {
		handler = s.config.KillAt.Handler(handler)
	}
	s.log.Info("serving", zap.String("addr", s.config.HTTPAddr))
	server := api.NewServer(s.config.HTTPAddr, handler)
	var err error
	if server.TLSConfig, err = s.tls(); err != nil {
		return err
	}
	ctx, stop := later(ctx, s.config.DrainDelay)
	defer stop()
	return api.Serve(ctx, server, nil, drainWithin)
}

// tls is nil for an API that speaks plain HTTP.
func (s *service) tls() (*tls.Config, error) {
	if s.config.TLSCertFile == "" {
		return nil, nil
	}
	return tlsfiles.Server{
		Cert: s.config.TLSCertFile, Key: s.config.TLSKeyFile, ClientCA: s.config.TLSClientCAFile,
		Failed: func(err error) { s.log.Warn("the new certificate is not used", zap.Error(err)) },
	}.Config()
}

// later ends some time after ctx does. Until those who send requests here have noticed that the process is being stopped, they
// are served.
func later(ctx context.Context, delay time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() { time.AfterFunc(delay, cancel) })
	return late, cancel
}

// identity is the provider whose tokens the API takes.
func identity(c config.Config) api.Identity {
	return api.Identity{
		Issuer: c.OIDCIssuer, Audience: c.OIDCAudience, RolesClaim: c.OIDCRolesClaim, TenantClaim: c.OIDCTenantClaim,
		ClientID: c.OIDCClientID, ClientSecret: c.OIDCClientSecret,
	}
}

// registry holds what this process measures beside the API itself.
func (s *service) registry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		projection.NewCollector(s.pool, s.store))
	registry.MustRegister(s.measured...)
	return registry
}

// forgetReceipts deletes old answers to commands now and then, so that they do not pile up. Whoever sends such a command
// again is still recognised by its order.
func (s *service) forgetReceipts(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Hour):
		}
		if _, err := api.ForgetReceipts(ctx, s.pool, s.config.KeepReceipts); err != nil && ctx.Err() == nil {
			s.log.Warn("old receipts were not deleted", zap.Error(err))
		}
	}
}
