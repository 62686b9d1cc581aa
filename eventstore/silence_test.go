package eventstore

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/internal/testkit"
)

// mutableConn is a connection whose other end can vanish without a word: what is written goes nowhere, and so no
// answer ever comes.
type mutableConn struct {
	net.Conn

	gone *atomic.Bool
}

func (c mutableConn) Write(data []byte) (int, error) {
	if c.gone.Load() {
		return len(data), nil
	}
	return c.Conn.Write(data)
}

// vanishingPool dials connections that vanish when lose is called; those that are dialled later work.
func vanishingPool(t *testing.T) (pool *pgxpool.Pool, lose func()) {
	t.Helper()
	config, err := pgxpool.ParseConfig(testkit.DatabaseURL(t))
	if err != nil {
		t.Fatal(err)
	}
	var current atomic.Pointer[atomic.Bool]
	current.Store(new(atomic.Bool))
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return mutableConn{conn, current.Load()}, err
	}
	pool, err = pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool, func() { current.Swap(new(atomic.Bool)).Store(true) }
}

func TestListener_OtherEndVanishesSilently_ConnectsAgain(t *testing.T) {
	t.Parallel()
	const patience = time.Minute
	pool, lose := vanishingPool(t)
	listener := NewListener(pool, Channel)
	listener.aliveEvery = 50 * time.Millisecond
	heard, _ := listener.On(Channel)()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); listener.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })

	for _, what := range []string{"the first connection", "the second", "the third"} {
		select {
		case <-heard: // each connection wakes once, and nobody announces anything
		case <-time.After(patience):
			t.Fatalf("waited %s in vain for %s", patience, what)
		}
		lose()
	}
}
