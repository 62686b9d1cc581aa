package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"orderly/devstack/internal/datadir"
	"orderly/devstack/internal/port"
	"orderly/devstack/internal/postgres"
	"orderly/devstack/internal/temporal"
)

// The variables that the stack hands to its user, and looks at itself: a server that is named already is not started.
const (
	databaseVariable  = "DATABASE_URL"
	temporalVariable  = "TEMPORAL_ADDRESS"
	namespaceVariable = "TEMPORAL_NAMESPACE"
	uiVariable        = "TEMPORAL_UI_URL"
)

const defaultNamespace = "default"

// options are the flags.
type options struct {
	data      string
	ephemeral bool
	fsync     bool
	// Ports. 0 means any free one for Temporal, and no Web UI.
	temporalPort int
	uiPort       int
	// temporalRPS is what Temporal admits of a namespace, 0 is any number.
	temporalRPS uint
	// codec is the codec server of the Web UI.
	codec temporal.Codec
}

// stack is what was started, and what was there already.
type stack struct {
	databaseURL     string
	temporalAddress string
	uiURL           string
	namespace       string

	options  options
	dir      *datadir.Dir
	postgres *postgres.Server
	temporal *temporal.Server
	ui       *temporal.UI
}

// startStack starts what the environment does not name. After an error nothing of it runs.
func startStack(ctx context.Context, opts options) (*stack, error) {
	s := &stack{
		databaseURL:     os.Getenv(databaseVariable),
		temporalAddress: os.Getenv(temporalVariable),
		uiURL:           os.Getenv(uiVariable),
		namespace:       os.Getenv(namespaceVariable),
		options:         opts,
	}
	if s.namespace == "" {
		s.namespace = defaultNamespace
	}
	s.forgetLeftovers()
	if s.databaseURL != "" && s.temporalAddress != "" {
		return s, nil
	}
	for _, step := range []func(context.Context) error{s.openDir, s.startPostgres, s.startTemporal, s.startUI} {
		err := step(ctx)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			if s.postgres != nil && s.postgres.EndedError() != nil {
				err = s.postgres.EndedError() // the rest follows from it
			}
			s.stop()
			return nil, err
		}
	}
	return s, nil
}

// openDir comes with a look at the ports: that they are taken should be known before anything has started.
func (s *stack) openDir(context.Context) (err error) {
	if s.options.ephemeral {
		s.dir, err = datadir.OpenTemporary()
	} else {
		s.dir, err = datadir.Open(s.options.data)
	}
	if err != nil || s.temporalAddress != "" {
		return err
	}
	if s.options.temporalPort == 0 {
		free, err := port.Free(1)
		if err != nil {
			return err
		}
		s.options.temporalPort = free[0]
	}
	if !port.IsFree(s.options.temporalPort) {
		return fmt.Errorf("port %d is taken: set TEMPORAL_ADDRESS to use the Temporal server there, or choose another with --temporal-port",
			s.options.temporalPort)
	}
	if s.options.uiPort != 0 && !port.IsFree(s.options.uiPort) {
		return fmt.Errorf("port %d is taken: choose another for the Web UI with --ui-port", s.options.uiPort)
	}
	return nil
}

func (s *stack) startPostgres(ctx context.Context) error {
	if s.databaseURL != "" {
		return nil
	}
	began := time.Now()
	server, err := postgres.Start(ctx, postgres.Options{
		DataDir: s.dir.Path, Ephemeral: s.options.ephemeral, NoFsync: !s.options.fsync,
	})
	if err != nil {
		return err
	}
	s.postgres, s.databaseURL = server, server.URL()
	note := ""
	if server.Reused {
		note = ", left running by an earlier run"
	}
	if filepath.Dir(server.Cluster) != s.dir.Path {
		note += ", data in " + server.Cluster
	}
	progress("postgres "+server.Version+" on "+port.Address(server.Port)+note, began)
	return nil
}

func (s *stack) startTemporal(ctx context.Context) error {
	if s.temporalAddress != "" {
		return nil
	}
	began := time.Now()
	opts := temporal.Options{
		DatabaseURL: s.databaseURL, DatabasePrefix: "temporal", Port: s.options.temporalPort, DataDir: s.dir.Path,
		Namespaces: []string{defaultNamespace}, NamespaceRPS: int(s.options.temporalRPS),
	}
	if s.namespace != defaultNamespace {
		opts.Namespaces = append(opts.Namespaces, s.namespace)
	}
	if s.options.ephemeral && s.postgres == nil {
		// A cluster of somebody else's keeps nothing of an ephemeral stack, and may serve several at the same time.
		opts.DatabasePrefix = fmt.Sprintf("temporal_%d_%d", os.Getpid(), s.options.temporalPort)
		opts.DropDatabases = true
	}
	server, err := temporal.Start(ctx, opts)
	if err != nil {
		return err
	}
	s.temporal, s.temporalAddress, s.uiURL = server, server.Address, ""
	progress("temporal "+temporal.Version+" on "+server.Address, began)
	return nil
}

func (s *stack) startUI(ctx context.Context) error {
	if s.temporal == nil || s.options.uiPort == 0 {
		return nil
	}
	began := time.Now()
	ui, err := temporal.StartUI(ctx, s.options.uiPort, s.temporal.Address, s.namespace, s.options.codec)
	if err != nil {
		return err
	}
	s.ui, s.uiURL = ui, ui.URL
	progress("temporal web ui on "+ui.URL, began)
	return nil
}

// stop stops what was started, the users of a server before the server.
func (s *stack) stop() {
	if s.ui != nil {
		s.ui.Stop()
	}
	if s.temporal != nil {
		s.temporal.Stop()
	}
	if s.postgres != nil {
		s.postgres.Stop()
		if s.options.ephemeral {
			_ = os.RemoveAll(filepath.Dir(s.postgres.Cluster)) // not in the data directory when that was out of reach
		}
	}
	if s.dir != nil {
		s.dir.Close()
	}
}

// failed yields an error when a server ends that should not. Temporal runs in this process and ends with it.
func (s *stack) failed() <-chan error {
	failed := make(chan error, 1)
	if s.postgres != nil {
		go func() {
			<-s.postgres.Ended()
			failed <- s.postgres.EndedError()
		}()
	}
	return failed
}

// variables tell where the servers are.
func (s *stack) variables() []string {
	variables := []string{databaseVariable + "=" + s.databaseURL, temporalVariable + "=" + s.temporalAddress}
	if s.uiURL != "" {
		variables = append(variables, uiVariable+"="+s.uiURL)
	}
	return variables
}

// environment is ours with the variables of the stack.
func (s *stack) environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		switch name, _, _ := strings.Cut(variable, "="); name {
		case databaseVariable, temporalVariable, uiVariable, namespaceVariable:
		default:
			kept = append(kept, variable)
		}
	}
	return append(append(kept, s.variables()...), namespaceVariable+"="+s.namespace)
}

func progress(what string, began time.Time) {
	fmt.Fprintf(os.Stderr, "%s (%.1fs)\n", what, time.Since(began).Seconds())
}
