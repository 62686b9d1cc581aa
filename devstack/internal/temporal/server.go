// Package temporal runs a Temporal server, all four services of it, inside this process, with its data in Postgres.
//
// A stack needs one process less and no second download this way, and it is the same server and the same persistence as
// in production. Its Web UI is optional.
package temporal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/temporal"

	"orderly/devstack/internal/postgres"
)

// Version is the version of the server.
const Version = headers.ServerVersion

// stopTimeout is how long the server may take to stop. It loses nothing when the process ends before it is through: all
// its state is in Postgres.
const stopTimeout = 4 * time.Second

// Options say what to start.
type Options struct {
	// DatabaseURL leads to the Postgres cluster. The server makes databases of its own in it.
	DatabaseURL string
	// DatabasePrefix names them: PREFIX and PREFIX_visibility.
	DatabasePrefix string
	// DropDatabases drops them when the server stops.
	DropDatabases bool
	// Port is the frontend's.
	Port int
	// Namespaces are registered when they do not exist.
	Namespaces []string
	// DataDir is where the log is.
	DataDir string
	// NamespaceRPS is how many requests of a namespace are admitted in a second; 0 is any number.
	NamespaceRPS int
}

// Server is a running server.
type Server struct {
	Address string

	server  temporal.Server
	owner   *pgx.Conn
	options Options
}

// LogFile is where a server of this data directory logs.
func LogFile(dataDir string) string { return filepath.Join(dataDir, "temporal.log") }

func (o Options) databases() []string {
	return []string{o.DatabasePrefix, o.DatabasePrefix + "_visibility"}
}

// Start returns a server that serves workflows in the namespaces.
func Start(ctx context.Context, options Options) (*Server, error) {
	logger := newLogger(LogFile(options.DataDir))
	databases := options.databases()
	store, err := sqlConfig(options.DatabaseURL, databases[0], maxConnections)
	if err != nil {
		return nil, err
	}
	visibility, err := sqlConfig(options.DatabaseURL, databases[1], maxVisibilityConnections)
	if err != nil {
		return nil, err
	}
	owner, err := own(ctx, options)
	if err != nil {
		return nil, err
	}
	server := &Server{owner: owner, options: options}
	if err := migrateAll(store, visibility, logger); err != nil {
		server.Stop()
		return nil, err
	}
	services, err := choosePorts(options.Port)
	if err != nil {
		server.Stop()
		return nil, err
	}
	server.Address = services.frontend()
	server.server, err = temporal.NewServer(
		temporal.WithConfig(serverConfig(services, store, visibility)),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(services.hosts()),
		temporal.WithDynamicConfigClient(tuning(cmp.Or(options.NamespaceRPS, unlimited))),
		temporal.WithLogger(logger),
	)
	if err == nil {
		err = server.server.Start()
	}
	if err == nil {
		err = registerNamespaces(ctx, server.Address, options.Namespaces)
	}
	if err != nil {
		server.Stop()
		return nil, fmt.Errorf("%w (log: %s)", err, LogFile(options.DataDir))
	}
	return server, nil
}

const takeOwnership = `SELECT pg_try_advisory_lock(hashtext('orderly devstack temporal'))`

// own makes the databases and claims them for as long as the connection lives: two servers that work on the same
// databases would take each other's shards.
func own(ctx context.Context, options Options) (*pgx.Conn, error) {
	databases := options.databases()
	err := postgres.EnsureDatabases(ctx, options.DatabaseURL, databases...)
	if errors.Is(err, postgres.ErrNotAllowed) {
		return nil, fmt.Errorf("%w: give it CREATEDB, or set TEMPORAL_ADDRESS to a server that runs", err)
	}
	if err != nil {
		return nil, err
	}
	target, err := pgx.ParseConfig(options.DatabaseURL)
	if err != nil {
		return nil, err
	}
	target.Database = databases[0]
	conn, err := pgx.ConnectConfig(ctx, target)
	if err != nil {
		return nil, err
	}
	var owned bool
	if err := conn.QueryRow(ctx, takeOwnership).Scan(&owned); err != nil {
		return nil, errors.Join(err, conn.Close(ctx))
	}
	if !owned {
		_ = conn.Close(ctx)
		return nil, fmt.Errorf("another Temporal server works on database %s of this Postgres: set TEMPORAL_ADDRESS to use it, or add --ephemeral", databases[0])
	}
	return conn, nil
}

// Stop stops the server. Workflows go on where they are when it starts again.
func (s *Server) Stop() {
	if s.server != nil {
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			_ = s.server.Stop() // its errors are in the log
		}()
		select {
		case <-stopped:
		case <-time.After(stopTimeout):
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	_ = s.owner.Close(ctx)
	if s.options.DropDatabases {
		if err := postgres.DropDatabases(ctx, s.options.DatabaseURL, s.options.databases()...); err != nil {
			fmt.Fprintln(os.Stderr, "devstack:", err)
		}
	}
}
