package torture

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	sdkclient "go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
)

// stack is the servers beneath Orderly, and our own ways to them, past all proxies.
type stack struct {
	postgres, temporal *server
	// databaseURL and temporalAddress stay the same when the servers are killed and started again.
	databaseURL, temporalAddress, namespace string
	client                                  sdkclient.Client
}

// startStack starts Postgres and then Temporal. After an error nothing of it runs.
func startStack(ctx context.Context, devstack, dir string) (*stack, error) {
	s := &stack{postgres: newPostgres(devstack, dir), namespace: sdkclient.DefaultNamespace}
	err := s.start(ctx, devstack, dir)
	if err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *stack) start(ctx context.Context, devstack, dir string) (err error) {
	if err = s.postgres.start(ctx); err != nil {
		return err
	}
	s.databaseURL = s.postgres.found["DATABASE_URL"]
	if s.temporal, err = newTemporal(ctx, devstack, dir, s.databaseURL); err != nil {
		return err
	}
	if err = s.temporal.start(ctx); err != nil {
		return err
	}
	s.temporalAddress = s.temporal.found["TEMPORAL_ADDRESS"]
	s.client, err = sdkclient.NewLazyClient(sdkclient.Options{
		HostPort: s.temporalAddress, Namespace: s.namespace, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return fmt.Errorf("make a Temporal client: %w", err)
	}
	return nil
}

// restartTemporal kills Temporal, and starts it again, with more arguments until the next time.
func (s *stack) restartTemporal(ctx context.Context, more ...string) error {
	return s.temporal.restart(ctx, func() error {
		s.temporal.process.kill()
		return nil
	}, more...)
}

// connect makes a connection to Postgres past the proxies.
func (s *stack) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return pgx.Connect(ctx, s.databaseURL+"&application_name=torture")
}

// proxied is the URL of the database through a proxy.
func proxied(databaseURL, addr string) (string, error) {
	parsed, err := url.Parse(databaseURL)
	if err != nil {
		return "", fmt.Errorf("the URL of the database: %w", err)
	}
	parsed.Host = addr
	return parsed.String(), nil
}

// stop stops the servers, the users before what they use.
func (s *stack) stop() {
	if s.client != nil {
		s.client.Close()
	}
	s.temporal.stop()
	s.postgres.stop()
}
