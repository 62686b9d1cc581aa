package projection_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
	"orderly/projection"
)

// mendable is a projection that refuses events of type Poison until it is mended.
func mendable() (p projection.Projection, mended *atomic.Bool) {
	mended = &atomic.Bool{}
	p = effects()
	p.Apply = func(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error {
		for _, event := range events {
			if event.Type == "Poison" && !mended.Load() {
				return errPoison
			}
			if event.Type == projection.Skipped {
				continue
			}
			if _, err := tx.Exec(ctx, `INSERT INTO effects (order_id, version) VALUES ($1, $2)`, event.StreamID, event.Version); err != nil {
				return err
			}
		}
		return nil
	}
	return p, mended
}

// poisoned has an order whose third version is parked, with two behind it, and one that is well. It gives the letters.
func (w *world) poisoned(p projection.Projection) []projection.DeadLetter {
	w.t.Helper()
	w.append(orderID(1), "Fine", 2)
	w.append(orderID(1), "Poison", 1)
	w.append(orderID(1), "Fine", 2)
	w.append(orderID(2), "Fine", 2)
	w.runUntil(p, w.caughtUp)
	letters, err := projection.DeadLetters(w.t.Context(), w.pool, p.Name, projection.LettersAfter{}, 10)
	if err != nil || len(letters) != 3 || letters[0].Version != 3 || letters[0].Error == "" || letters[1].Error != "" {
		w.t.Fatalf("letters %+v, %v", letters, err)
	}
	return letters
}

func TestRetry_AppliesAllOfTheOrderOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, mended := mendable()
	letters := w.poisoned(p)
	var fault *projection.ApplyError
	if _, err := projection.Retry(t.Context(), w.pool, w.store, p, letters[0].EventID); !errors.As(err, &fault) || !errors.Is(err, errPoison) {
		t.Errorf("not mended: %v", err)
	}
	if still := w.list(allLetters); len(still) != 3 {
		t.Errorf("a failed retry has taken letters: %v", still)
	}
	mended.Store(true)
	if n, err := projection.Retry(t.Context(), w.pool, w.store, p, letters[2].EventID); n != 3 || err != nil {
		t.Errorf("retried %d, %v", n, err)
	}
	w.append(orderID(1), "Fine", 1)
	w.runUntil(p, w.caughtUp)
	w.mustHaveEffectsOnce()
	if _, err := projection.Retry(t.Context(), w.pool, w.store, p, letters[0].EventID); !errors.Is(err, projection.ErrNoLetter) {
		t.Errorf("retried again: %v", err)
	}
}

func TestSkip_LeavesOneOut_AndAppliesThoseBehindIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, _ := mendable()
	letters := w.poisoned(p)
	if _, err := projection.Skip(t.Context(), w.pool, w.store, p, letters[1].EventID); !errors.Is(err, projection.ErrBehind) {
		t.Errorf("skipped one that is only behind: %v", err)
	}
	if _, err := projection.Skip(t.Context(), w.pool, w.store, p, uuid.New()); !errors.Is(err, projection.ErrNoLetter) {
		t.Errorf("skipped one that is not there: %v", err)
	}
	if n, err := projection.Skip(t.Context(), w.pool, w.store, p, letters[0].EventID); n != 3 || err != nil {
		t.Errorf("skipped %d, %v", n, err)
	}
	want := w.list(`SELECT order_id || ':' || version FROM order_events WHERE event_type <> 'Poison' ORDER BY order_id, version`)
	if diff := cmp.Diff(want, w.list(allEffects)); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
	if left := w.list(allLetters); len(left) > 0 {
		t.Errorf("still parked: %v", left)
	}
}

// TestRetry_WhileTheProjectionRuns_LosesNothing: each event has its effect once, whoever comes first.
func TestRetry_WhileTheProjectionRuns_LosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, mended := mendable()
	letters := w.poisoned(p)
	mended.Store(true)
	w.append(orderID(1), "Fine", 20)
	retried := make(chan error, 1)
	begun := false
	w.runUntil(p, func() bool {
		if begun {
			return w.caughtUp()
		}
		begun = true
		go func() {
			_, err := projection.Retry(t.Context(), w.pool, w.store, p, letters[0].EventID)
			retried <- err
		}()
		return false
	})
	if err := <-retried; err != nil {
		t.Fatal(err)
	}
	w.mustHaveEffectsOnce()
}

// TestShards_ShareTheOrders_AndCanBeSplitAnew: three runners share the orders; another number of them goes on where these were.
func TestShards_ShareTheOrders_AndCanBeSplitAnew(t *testing.T) {
	t.Parallel()
	w, _ := newRebuildWorld(t)
	for n := range 30 {
		w.append(orderID(n), "Fine", 3)
	}
	for _, shards := range []int{3, 1, 2} {
		p := rebuilt(2)
		p.Shards = shards
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, shards)
		for shard := range shards {
			go func() { done <- projection.NewRunner(w.pool, w.store, nil, p, shard).Run(ctx, nil) }()
		}
		eventually(t, func() bool {
			return cmp.Equal(w.list(wantHeads), w.list(allHeads)) && len(w.list(`SELECT name FROM projections`)) == shards
		})
		stop()
		for range shards {
			if err := <-done; err != nil && !errors.Is(err, projection.ErrFenced) {
				t.Errorf("%d shards: %v", shards, err)
			}
		}
		for n := range 30 {
			w.append(orderID(n), "Fine", 1)
		}
	}
}

// TestRetry_WhileTheShardsAreSplitAnew_FindsItsLetter: the retry waits for a lock on a checkpoint that the split then replaces.
func TestRetry_WhileTheShardsAreSplitAnew_FindsItsLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, mended := mendable()
	letters := w.poisoned(p)
	mended.Store(true)
	blocker, err := w.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := blocker.Exec(t.Context(), `SELECT FROM projections FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	split := p
	split.Shards = 3
	ctx, stop := context.WithCancel(t.Context())
	ended, retried := make(chan error, 1), make(chan error, 1)
	go func() { ended <- projection.NewRunner(w.pool, w.store, nil, split, 0).Run(ctx, nil) }()
	w.awaitWaiters(1)
	go func() {
		n, err := projection.Retry(t.Context(), w.pool, w.store, split, letters[0].EventID)
		if err == nil && n != len(letters) {
			err = fmt.Errorf("retried %d of %d", n, len(letters))
		}
		retried <- err
	}()
	w.awaitWaiters(2)
	if err := blocker.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-retried; err != nil {
		t.Errorf("retry: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("runner: %v", err)
	}
	if left := w.list(allLetters); len(left) > 0 {
		t.Errorf("still parked: %v", left)
	}
	if shards := w.list(`SELECT shards::text FROM projections`); !slices.Equal(shards, []string{"3", "3", "3"}) {
		t.Errorf("shards: %v", shards)
	}
	w.mustHaveEffectsOnce()
}

// awaitWaiters waits until so many sessions wait for a lock.
func (w *world) awaitWaiters(n int) {
	w.t.Helper()
	eventually(w.t, func() bool {
		return w.holds(fmt.Sprintf(`SELECT count(*) = %d FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`, n))
	})
}
