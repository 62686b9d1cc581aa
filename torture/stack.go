package torture

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// startWithin is how long a server may take to come up, its recovery after a crash included.
const startWithin = 90 * time.Second

// server is Postgres or Temporal in a devstack of its own. It comes back under the same address after it was killed.
type server struct {
	name, dir, program string
	env, args          []string
	// mu is held while the server is being killed and started.
	mu      sync.Mutex
	process *process
	// found are the variables that the devstack tells when it is ready.
	found map[string]string
}

// newPostgres is a Postgres alone.
func newPostgres(program, dir string) *server {
	return &server{
		name: "postgres", dir: dir, program: program, env: without("DATABASE_URL", "TEMPORAL_ADDRESS=none:1"),
		args: []string{"up", "--ui-port", "0", "--data", filepath.Join(dir, "postgres")},
	}
}

// newTemporal is a Temporal alone, whose data is in a Postgres that runs.
func newTemporal(ctx context.Context, program, dir, databaseURL string) (*server, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	_, port, _ := strings.Cut(addr, ":")
	return &server{
		name: "temporal", dir: dir, program: program, env: without("TEMPORAL_ADDRESS", "DATABASE_URL="+databaseURL),
		args: []string{"up", "--ui-port", "0", "--temporal-port", port, "--data", filepath.Join(dir, "temporal")},
	}, nil
}

// start starts the server and waits until it is ready. After a crash that can take more than one try: those who hold its
// files and ports may not have noticed yet.
func (s *server) start(ctx context.Context, more ...string) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		err := s.startOnce(ctx, more)
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (s *server) startOnce(ctx context.Context, more []string) error {
	read, write := io.Pipe()
	p, err := launch(s.dir, s.name, s.env, write, s.program, slices.Concat(s.args, more)...)
	if err != nil {
		return err
	}
	ready := make(chan map[string]string, 1)
	go func() {
		found := map[string]string{}
		for lines := bufio.NewScanner(read); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), "=")
			if found[name] = value; name == "TEMPORAL_ADDRESS" { // the last one
				ready <- found
			}
		}
	}()
	select {
	case found := <-ready:
		s.process, s.found = p, found
		return nil
	case <-p.ended:
		_ = write.Close()
		return fmt.Errorf("%s ended while it started (%w); its log is in %s", s.name, p.err, s.dir)
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("%s was not ready in time; its log is in %s", s.name, s.dir)
	}
}

// restart has the server killed and starts it again, with more arguments for this time.
func (s *server) restart(ctx context.Context, kill func() error, more ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := kill(); err != nil {
		return err
	}
	<-s.process.ended
	return s.start(ctx, more...)
}

func (s *server) stop() {
	if s != nil && s.process != nil {
		s.process.stop()
	}
}

// postmaster is the process id of Postgres itself.
func postmaster(ctx context.Context, conn *pgx.Conn) (int, error) {
	var pid int
	err := conn.QueryRow(ctx, `SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int`).Scan(&pid)
	if err != nil {
		return 0, fmt.Errorf("find the postmaster: %w", err)
	}
	return pid, nil
}

// without is our environment without a variable, and with others.
func without(name string, others ...string) []string {
	var env []string
	for _, each := range os.Environ() {
		if !strings.HasPrefix(each, name+"=") {
			env = append(env, each)
		}
	}
	return append(env, others...)
}

// freeAddr finds a local address on which nobody listens.
func freeAddr(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String(), nil
}
