package projection_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/projection"
)

// interrupter counts what a runner sends to the database and what comes back, and strikes at one of these moments.
type interrupter struct {
	mu     sync.Mutex
	count  int
	at     int
	strike func(conn *pgx.Conn)
}

func (i *interrupter) next(conn *pgx.Conn) {
	i.mu.Lock()
	i.count++
	hit := i.count == i.at
	strike := i.strike
	i.mu.Unlock()
	if hit {
		strike(conn)
	}
}

func (i *interrupter) arm(at int, strike func(*pgx.Conn)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.count, i.at, i.strike = 0, at, strike
}

func (i *interrupter) TraceQueryStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	i.next(conn)
	return ctx
}

func (i *interrupter) TraceQueryEnd(_ context.Context, conn *pgx.Conn, _ pgx.TraceQueryEndData) {
	i.next(conn)
}

func (i *interrupter) TraceBatchStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	i.next(conn)
	return ctx
}
func (i *interrupter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (i *interrupter) TraceBatchEnd(_ context.Context, conn *pgx.Conn, _ pgx.TraceBatchEndData) {
	i.next(conn)
}

// tracedPool is a second pool on the world's database, of which a tracer hears.
func (w *world) tracedPool(tracer pgx.QueryTracer) *pgxpool.Pool {
	w.t.Helper()
	config := w.pool.Config()
	config.ConnConfig.Tracer = tracer
	pool, err := pgxpool.NewWithConfig(w.t.Context(), config)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(pool.Close)
	return pool
}

// TestRun_InterruptedAtEveryMoment_AppliesEachEventOnce stops the runner, or kills its connection, before and after
// each single statement of a run: the take-over, the reading, each part of a batch, the commit.
func TestRun_InterruptedAtEveryMoment_AppliesEachEventOnce(t *testing.T) {
	t.Parallel()
	for _, killing := range []bool{false, true} {
		name := map[bool]string{false: "stopped", true: "connection killed"}[killing]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			i := &interrupter{}
			pool := w.tracedPool(i)
			const moments = 32
			for at := 1; at <= moments; at++ {
				w.append(orderID(at%5), "Fine", 3)
				w.interruptOnce(pool, i, at, killing)
			}
			w.runUntil(effects(), w.caughtUp)
			w.mustHaveEffectsOnce()
		})
	}
}

// interruptOnce runs until the moment has come. A run that has nothing to do sends too little to come to a late
// moment: then it ends with the deadline.
func (w *world) interruptOnce(pool *pgxpool.Pool, i *interrupter, at int, killing bool) {
	w.t.Helper()
	ctx, stop := context.WithTimeout(w.t.Context(), 3*time.Second)
	defer stop()
	strike := func(*pgx.Conn) { stop() }
	if killing {
		strike = func(conn *pgx.Conn) {
			_, _ = w.pool.Exec(context.Background(), `SELECT pg_terminate_backend($1, 5000)`, conn.PgConn().PID())
		}
	}
	i.arm(at, strike)
	_ = projection.NewRunner(pool, w.store, nil, effects(), 0).Run(ctx, nil)
	i.arm(0, nil)
}
