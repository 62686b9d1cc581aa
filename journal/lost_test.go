package journal_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/internal/testkit"
	"orderly/journal"
	"orderly/order"
)

// brokenWire is a connection to Postgres that breaks, when it is told so, as the answer to the next insert of an event
// arrives: the event is in the database, and its writer never learns it.
type brokenWire struct{ armed, cut atomic.Bool }

func (w *brokenWire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	return wiredConn{conn, w}, err
}

type wiredConn struct {
	net.Conn
	wire *brokenWire
}

// Write sees which prepared statement is to be executed.
func (c wiredConn) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("orderly_insert")) && c.wire.armed.CompareAndSwap(true, false) {
		c.wire.cut.Store(true)
	}
	return c.Conn.Write(p)
}

func (c wiredConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == nil && c.wire.cut.CompareAndSwap(true, false) {
		return 0, errors.Join(io.ErrUnexpectedEOF, c.Close())
	}
	return n, err
}

func TestApply_LostAcknowledgement_TheSameCommandFindsItsResult(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig(testkit.DatabaseURL(t))
	if err != nil {
		t.Fatal(err)
	}
	wire := &brokenWire{}
	// One connection, whose statements are prepared by the first commands: so the cut answer is the INSERT's own.
	config.MaxConns, config.ConnConfig.DialFunc = 1, wire.dial
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	store := eventstore.New(pool, eventstore.Options{})
	j := journal.New(store, policy, journal.Options{})
	apply(t, j, "place", placeOrder())
	apply(t, j, "first note", order.AddNote{Text: "x"})

	wire.armed.Store(true)
	note := order.Command{ID: "note", Body: order.AddNote{Text: "x"}}
	if result, err := j.Apply(t.Context(), "ord_1", note); err == nil {
		t.Fatalf("the wire did not break: got %+v", result)
	}
	result, err := j.Apply(t.Context(), "ord_1", note)
	if err != nil || !result.Replayed || result.Version != 3 {
		t.Errorf("sent again: got version %d, replayed %t, %v; want 3, replayed", result.Version, result.Replayed, err)
	}
	wantVersion(t, store, 3)
}
