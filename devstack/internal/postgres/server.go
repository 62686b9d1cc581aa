// Package postgres starts a private Postgres server from the binaries installed on the machine.
//
// It works as root (Postgres then runs as another user, in a directory which that user can reach) and as an ordinary
// user, survives that an earlier run was killed, and promises that no server it started outlives Stop.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"orderly/devstack/internal/port"
)

const (
	// database is the product's.
	database = "orderly"
	// firstPort is where the search for a port starts: beside a server on the standard port.
	firstPort = 5433

	// startTimeout leaves room for recovery after a crash.
	startTimeout = 60 * time.Second
	stopTimeout  = 20 * time.Second
	pollInterval = 5 * time.Millisecond
)

// Options say what to start.
type Options struct {
	// DataDir is absolute and exists. The cluster, its log and its port are kept in it.
	DataDir string
	// Ephemeral takes any free port, and stops without saving anything.
	Ephemeral bool
	// NoFsync gives up durability for speed.
	NoFsync bool
}

// Server is a running server.
type Server struct {
	Version string
	Port    int
	// Cluster is where the data is.
	Cluster string
	// Reused says that the server was already running, left by an earlier run.
	Reused bool

	pid       int
	log       string
	ephemeral bool
	ended     chan struct{}
}

// URL is the connection string of the product's database.
func (s *Server) URL() string { return s.databaseURL(database) }

func (s *Server) databaseURL(name string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", superuser, port.Address(s.Port), name)
}

// Ended is closed when the server has ended, for whatever reason.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// EndedError is nil while the server runs, and tells why afterwards.
func (s *Server) EndedError() error {
	select {
	case <-s.ended:
		content, _ := os.ReadFile(s.log) // without a log there is no reason to give
		return fmt.Errorf("postgres has ended unexpectedly: %s (log: %s)", reason(string(content)), s.log)
	default:
		return nil
	}
}

// LogFile is where a server of this data directory logs.
func LogFile(dataDir string) string { return filepath.Join(dataDir, "postgres.log") }

// Start returns a server that accepts connections and has the product's database.
func Start(ctx context.Context, options Options) (*Server, error) {
	as, err := runAs(filepath.Join(options.DataDir, "postgres"))
	if err != nil {
		return nil, err
	}
	cluster, err := place(options.DataDir, as)
	if err != nil {
		return nil, err
	}
	major, err := madeBy(cluster)
	if err != nil {
		return nil, err
	}
	binaries, err := findBinaries(ctx, major)
	if err != nil {
		return nil, err
	}
	if blocked, err := firstBlocked(binaries.Dir, as); err == nil && blocked != "" {
		return nil, fmt.Errorf("user %s may not enter %s on the way to the PostgreSQL binaries: make it accessible, or set PG_BIN", as.Name, blocked)
	}
	if major == 0 {
		if err := initialise(ctx, cluster, binaries, as); err != nil {
			return nil, fmt.Errorf("make the cluster in %s: %w", cluster, err)
		}
	}
	server, err := reuseOrLaunch(ctx, options, cluster, binaries, as)
	if err != nil {
		return nil, err
	}
	if err := EnsureDatabases(ctx, server.databaseURL("postgres"), database); err != nil {
		server.Stop()
		return nil, err
	}
	return server, nil
}

func reuseOrLaunch(ctx context.Context, options Options, cluster string, binaries Binaries, as account) (*Server, error) {
	found, running, err := leftRunning(cluster)
	if err != nil {
		return nil, err
	}
	if running {
		server := &Server{
			Version: binaries.Version, Port: found.Port, Cluster: cluster, Reused: true,
			pid: found.PID, log: LogFile(options.DataDir), ended: make(chan struct{}),
		}
		go server.watch()
		return server, nil
	}
	const attempts = 3
	for attempt := 1; ; attempt++ {
		number, err := choosePort(options)
		if err != nil {
			return nil, err
		}
		server, err := launch(ctx, options, cluster, binaries, as, number)
		if err == nil {
			rememberPort(options, number)
			return server, nil
		}
		if lostPort := !port.IsFree(number); !lostPort || attempt == attempts || ctx.Err() != nil {
			return nil, err
		}
	}
}

func launch(ctx context.Context, options Options, cluster string, binaries Binaries, as account, number int) (*Server, error) {
	// One older log is kept: after a crash it tells why.
	_ = os.Rename(LogFile(options.DataDir), LogFile(options.DataDir)+".1")
	logFile, err := os.Create(LogFile(options.DataDir))
	if err != nil {
		return nil, err
	}
	defer func() { _ = logFile.Close() }()

	cmd := exec.Command(filepath.Join(binaries.Dir, "postgres"), append([]string{"-D", cluster}, settings(options, number)...)...)
	cmd.Dir, cmd.Env, cmd.SysProcAttr = cluster, environment(), as.attributes()
	cmd.Stdout, cmd.Stderr = logFile, logFile

	started := make(chan error, 1)
	ended := make(chan struct{})
	go func() {
		runtime.LockOSThread() // the parent-death signal is sent when this thread ends
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start postgres as %s: %w", as.Name, err)
	}
	server := &Server{
		Version: binaries.Version, Port: number, Cluster: cluster,
		pid: cmd.Process.Pid, log: LogFile(options.DataDir), ephemeral: options.Ephemeral, ended: ended,
	}
	if err := server.waitReady(ctx); err != nil {
		server.Stop()
		if content, readErr := os.ReadFile(LogFile(options.DataDir)); readErr == nil && !errors.Is(err, context.Canceled) {
			return nil, fmt.Errorf("postgres %w: %s (log: %s)", err, reason(string(content)), LogFile(options.DataDir))
		}
		return nil, err
	}
	return server, nil
}

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, errors.New("is not ready after "+startTimeout.String()))
	defer cancel()
	for {
		// The status in the file costs nothing. A connection that is refused while the server recovers fills its log.
		if found, err := readPostmaster(s.Cluster); err == nil && found.PID == s.pid && found.Status == "ready" {
			return nil
		}
		select {
		case <-s.ended:
			return errors.New("ended at once")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollInterval):
		}
	}
}

// Stop ends the server and waits until it has gone. Clients are disconnected, everything committed is kept; an ephemeral
// server does not even write a checkpoint.
func (s *Server) Stop() {
	signals := []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL}
	if s.ephemeral {
		signals = signals[1:]
	}
	for _, sig := range signals {
		_ = syscall.Kill(s.pid, sig)
		select {
		case <-s.ended:
			return
		case <-time.After(stopTimeout):
		}
	}
}

// watch closes ended for a server that is not our child. A server removes its file when it has stopped.
func (s *Server) watch() {
	for alive(s.pid) {
		if found, err := readPostmaster(s.Cluster); err != nil || found.PID != s.pid {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	close(s.ended)
}

// choosePort prefers the port of the last start, so that a connection string noted elsewhere stays good.
func choosePort(options Options) (int, error) {
	if options.Ephemeral {
		ports, err := port.Free(1)
		if err != nil {
			return 0, err
		}
		return ports[0], nil
	}
	if last := LastPort(options.DataDir); last != 0 && port.IsFree(last) {
		return last, nil
	}
	return port.FreeFrom(firstPort)
}

// rememberPort is a convenience: without it the next start looks for a port again.
func rememberPort(options Options, number int) {
	_ = os.WriteFile(portFile(options.DataDir), []byte(strconv.Itoa(number)+"\n"), 0o644)
}

func portFile(dataDir string) string { return filepath.Join(dataDir, "postgres.port") }

// LastPort is the port of the last server of a data directory; 0 when there was none.
func LastPort(dataDir string) int {
	content, err := os.ReadFile(portFile(dataDir))
	if err != nil {
		return 0
	}
	last, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return 0
	}
	return last
}
