package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

// stall makes every append wait until it is released, so that those who come meanwhile are many.
func stall(t *testing.T, pool *pgxpool.Pool) (release func()) {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `LOCK TABLE order_events IN SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

const stalled = `FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`

// awaitStalled waits until as many statements wait as a store has under way.
func awaitStalled(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	for waiting := 0; waiting < 2; {
		if err := pool.QueryRow(t.Context(), `SELECT count(*) `+stalled).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
}

// Of many who append at the same moment, each gets the answer that it would get alone: who is first on a stream, who is late,
// whose event cannot be stored, who sends the same once more, and who does not wait for the end.
func TestAppend_ManyAtOnce_EachGetsItsOwnAnswer(t *testing.T) {
	t.Parallel()
	pool := widePool(t, "many at once")
	store := eventstore.New(pool, eventstore.Options{})
	heads := make([]eventstore.Head, 12)
	for i := range heads {
		heads[i] = fill(t, store, fmt.Sprint("s", i), i%3)
	}
	twice := newEvent("Twice")
	bad := withData("Bad", `{"text":"a\u0000b"}`)
	release := stall(t, pool)
	impatient, cancel := context.WithCancel(t.Context())

	var group sync.WaitGroup
	var mu sync.Mutex
	won := map[string]int{}
	send := func(ctx context.Context, stream string, head eventstore.Head, event eventstore.NewEvent, check func(error) bool) {
		group.Go(func() {
			_, _, err := store.Append(ctx, stream, head, event)
			if !check(err) {
				t.Errorf("%s on %s at %d: %v", event.Type, stream, head.Version(), err)
			}
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				won[stream]++
			}
		})
	}
	for i, head := range heads {
		stream := fmt.Sprint("s", i)
		for range 3 {
			send(t.Context(), stream, head, newEvent("Mine"), func(err error) bool {
				conflict, ok := errors.AsType[*eventstore.ConflictError](err)
				return err == nil || ok && conflict.Current == head.Version()+1
			})
		}
	}
	for range 4 {
		send(t.Context(), "twice", eventstore.Head{}, twice, func(err error) bool { return err == nil })
	}
	send(t.Context(), "bad", eventstore.Head{}, bad, func(err error) bool { return errors.Is(err, eventstore.ErrInvalidEvent) })
	send(impatient, "impatient", eventstore.Head{}, newEvent("Impatient"), func(err error) bool { return errors.Is(err, context.Canceled) })
	awaitStalled(t, pool)
	cancel()
	release()
	group.Wait()

	for i, head := range heads {
		stream := fmt.Sprint("s", i)
		if won[stream] != 1 {
			t.Errorf("%d of 3 writers on %s won", won[stream], stream)
		}
		if err := checkVersions(store, stream, head.Version()+1); err != nil {
			t.Error(err)
		}
	}
	if events, _ := load(t, store, "twice"); won["twice"] != 4 || len(events) != 1 || events[0].ID != twice.ID {
		t.Errorf("sent 4 times: %d answers, %d events", won["twice"], len(events))
	}
	if _, err := store.VerifyAll(t.Context(), eventstore.VerifyOptions{}); err != nil {
		t.Error(err)
	}
}

// A server that is gone is told to everybody who waits, and the store goes on when it is back.
func TestAppend_ManyAtOnce_ConnectionLost_IsToldToAll(t *testing.T) {
	t.Parallel()
	pool := widePool(t, "many at once")
	store := eventstore.New(pool, eventstore.Options{})
	release := stall(t, pool)
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			stream := uuid.NewString()
			event := newEvent("E")
			_, _, err := store.Append(t.Context(), stream, eventstore.Head{}, event)
			if err == nil {
				return // it came after the connections were cut
			}
			if _, _, err = store.Append(t.Context(), stream, eventstore.Head{}, event); err != nil {
				t.Errorf("sent again: %v", err)
			}
			if err := checkVersions(store, stream, 1); err != nil {
				t.Error(err)
			}
		})
	}
	awaitStalled(t, pool)
	tag, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) `+stalled)
	release()
	group.Wait()
	if err != nil || tag.RowsAffected() == 0 {
		t.Errorf("cut %d connections, %v", tag.RowsAffected(), err)
	}
}
