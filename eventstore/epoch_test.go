package eventstore_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/internal/testkit"
)

// hanging has the first query that it is asked to watch for hang until the query's context ends.
type hanging struct {
	words string
	met   atomic.Int32
	hangs chan struct{}
}

func (h *hanging) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if strings.Contains(data.SQL, h.words) && h.met.Add(1) == 1 {
		close(h.hangs)
		<-ctx.Done()
	}
	return ctx
}

func (h *hanging) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TestLoad_AnotherOnesQueryHangs_IsAnswered: the connection of somebody who is ready to wait for long was cut without a word.
func TestLoad_AnotherOnesQueryHangs_IsAnswered(t *testing.T) {
	t.Parallel()
	h := &hanging{words: "archive_epoch", hangs: make(chan struct{})}
	config, err := pgxpool.ParseConfig(testkit.DatabaseURL(t))
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.Tracer = h
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	store := eventstore.New(pool, eventstore.Options{})
	waiting, giveUp := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, _, err := store.Load(waiting, "s")
		ended <- err
	}()
	<-h.hangs
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	loaded := make(chan error, 1)
	go func() {
		_, _, err := store.Load(ctx, "s")
		loaded <- err
	}()
	select {
	case err := <-loaded:
		if err != nil {
			t.Errorf("the other one: %v", err)
		}
	case <-ctx.Done():
		t.Error("everybody waits for the query that hangs")
	}
	giveUp()
	if err := <-ended; err == nil {
		t.Error("the query that hung was answered")
	}
}
