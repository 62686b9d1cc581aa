package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// serverFaults are those of the servers below: Postgres, and Temporal.
func (i *injector) serverFaults() []fault {
	return []fault{
		{"stop postgres", 2, i.stopPostgres},
		{"crash postgres", 1, i.crashPostgres},
		{"kill postgres", 1, i.killPostgres},
		{"end postgres sessions", 2, i.endSessions},
		{"postgres out of connections", 1, i.takeConnections},
		{"stop temporal", 2, i.stopTemporal},
		{"kill temporal", 1, func(ctx context.Context, _ *rand.Rand) error { return i.stack.restartTemporal(ctx) }},
		{"temporal limits the rate", 1, i.limitTemporal},
	}
}

// onPostgres does something with a connection past the proxies, while Postgres is neither killed nor started by another fault.
func (i *injector) onPostgres(ctx context.Context, do func(*pgx.Conn) error) error {
	i.stack.postgres.mu.Lock()
	defer i.stack.postgres.mu.Unlock()
	conn, err := i.stack.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // it may be what was killed
	return do(conn)
}

// processesOf are the postmaster and all that serve connections.
func processesOf(ctx context.Context, conn *pgx.Conn) ([]int, error) {
	pid, err := postmaster(ctx, conn)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, `SELECT pid FROM pg_stat_activity`)
	if err != nil {
		return nil, fmt.Errorf("list the processes of Postgres: %w", err)
	}
	others, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return nil, fmt.Errorf("list the processes of Postgres: %w", err)
	}
	return append([]int{pid}, others...), nil
}

// stopPostgres has nothing of Postgres move for a while.
func (i *injector) stopPostgres(ctx context.Context, random *rand.Rand) error {
	return i.onPostgres(ctx, func(conn *pgx.Conn) error {
		pids, err := processesOf(ctx, conn)
		if err != nil {
			return err
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGSTOP) // one that has gone is stopped
		}
		aWhile(random)
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
		return nil
	})
}

// crashPostgres kills one session's process, whereupon Postgres ends all of them and recovers from its log.
func (i *injector) crashPostgres(ctx context.Context, _ *rand.Rand) error {
	return i.onPostgres(ctx, func(conn *pgx.Conn) error {
		return syscall.Kill(int(conn.PgConn().PID()), syscall.SIGKILL)
	})
}

// killPostgres kills the postmaster, and starts it again when everybody has noticed.
func (i *injector) killPostgres(ctx context.Context, _ *rand.Rand) error {
	conn, err := i.stack.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	return i.stack.postgres.restart(ctx, func() error {
		pid, err := postmaster(ctx, conn)
		if err != nil {
			return err
		}
		return syscall.Kill(pid, syscall.SIGKILL)
	})
}

// endSessions ends all connections but our own, whatever they are at.
func (i *injector) endSessions(ctx context.Context, _ *rand.Rand) error {
	return i.onPostgres(ctx, func(conn *pgx.Conn) error {
		const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`
		_, err := conn.Exec(ctx, end)
		return err
	})
}

// takeConnections takes all connections that there are to have, and ends the services' so that they need new ones.
func (i *injector) takeConnections(ctx context.Context, random *rand.Rand) error {
	return i.onPostgres(ctx, func(conn *pgx.Conn) error {
		var taken []*pgx.Conn
		defer func() {
			for _, each := range taken {
				_ = each.Close(ctx)
			}
		}()
		const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'orderly%' AND pid <> pg_backend_pid()`
		if _, err := conn.Exec(ctx, end); err != nil {
			return err
		}
		for len(taken) < 400 {
			another, err := i.stack.connect(ctx)
			if err != nil {
				break // there are none left: that is the fault
			}
			taken = append(taken, another)
		}
		if len(taken) == 400 {
			return errors.New("there is no end of connections")
		}
		aWhile(random)
		return nil
	})
}

// limitedRate is less than the load asks of Temporal, in requests a second.
const limitedRate = 20

// limitTemporal has Temporal refuse what is more than a low rate, to clients and to workers.
func (i *injector) limitTemporal(ctx context.Context, random *rand.Rand) error {
	if err := i.stack.restartTemporal(ctx, "--temporal-rps", strconv.Itoa(limitedRate)); err != nil {
		return err
	}
	pause(ctx, random, 3*time.Second, 8*time.Second)
	return i.stack.restartTemporal(ctx)
}

// stopTemporal has Temporal not move for a while.
func (i *injector) stopTemporal(_ context.Context, random *rand.Rand) error {
	i.stack.temporal.mu.Lock()
	defer i.stack.temporal.mu.Unlock()
	i.stack.temporal.process.signal(syscall.SIGSTOP)
	aWhile(random)
	i.stack.temporal.process.signal(syscall.SIGCONT)
	return nil
}
