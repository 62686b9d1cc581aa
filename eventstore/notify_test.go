package eventstore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

// announceEvery is the least time between two announcements of a process.
const announceEvery = 15 * time.Millisecond

// start runs something until the test ends, or until stop, which waits for its end.
func start(t *testing.T, run func(context.Context)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { run(ctx) })
	stop = func() { cancel(); group.Wait() }
	t.Cleanup(stop)
	return stop
}

// announcing is a store with a notifier that runs.
func announcing(t *testing.T, pool *pgxpool.Pool) (store *eventstore.Store, stop func()) {
	t.Helper()
	notifier := eventstore.NewNotifier(pool, eventstore.Channel)
	return eventstore.New(pool, eventstore.Options{Notifier: notifier}), start(t, notifier.Run)
}

// listening gives a listener that runs, and a subscription; the connection is there and listens.
func listening(t *testing.T, pool *pgxpool.Pool) (*eventstore.Listener, <-chan struct{}) {
	t.Helper()
	listener := eventstore.NewListener(pool, eventstore.Channel)
	heard, _ := listener.On(eventstore.Channel)()
	start(t, listener.Run)
	awaitWake(t, heard, "the listener to listen")
	return listener, heard
}

func awaitWake(t *testing.T, heard <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-heard:
	case <-time.After(patience):
		t.Fatalf("waited %s in vain for: %s", patience, what)
	}
}

func TestListener_Append_WakesEverySubscriber(t *testing.T) {
	t.Parallel()
	plain, pool := newStore(t)
	store, _ := announcing(t, pool)
	listener, first := listening(t, pool)
	second, _ := listener.On(eventstore.Channel)()
	head := fill(t, plain, "s", 1) // announced by nobody
	for range 3 {
		head = appendTo(t, store, "s", head, newEvent("A"))
		awaitWake(t, first, "an append to wake the first subscriber")
		awaitWake(t, second, "an append to wake the second subscriber")
	}
}

func TestListener_StoppedSubscription_IsWokenNoMore(t *testing.T) {
	t.Parallel()
	_, pool := newStore(t)
	store, _ := announcing(t, pool)
	listener, heard := listening(t, pool)
	stopped, stop := listener.On(eventstore.Channel)()
	stop()
	fill(t, store, "s", 1)
	awaitWake(t, heard, "the append")
	stop() // may be called again; waits for the wake-up that goes on
	select {
	case <-stopped:
		t.Error("a stopped subscription was woken")
	default:
	}
}

func TestListener_SeveralChannels_EachWakesItsOwn(t *testing.T) {
	t.Parallel()
	_, pool := newStore(t)
	channels := []string{eventstore.Channel, `an "odd" one`}
	listener := eventstore.NewListener(pool, channels...)
	heard := make([]<-chan struct{}, len(channels))
	for i, channel := range channels {
		heard[i], _ = listener.On(channel)()
	}
	start(t, listener.Run)
	for _, each := range heard {
		awaitWake(t, each, "the listener to listen")
	}
	for i, channel := range channels {
		exec(t, pool, `SELECT pg_notify($1, '')`, channel)
		awaitWake(t, heard[i], channel)
		// Announcements come in the order in which they were made: one that woke somebody else had done so by now.
		for j, other := range heard {
			select {
			case <-other:
				t.Errorf("an announcement on %s woke who waits for %s", channel, channels[j])
			default:
			}
		}
	}
}

func TestListener_ConnectionIsKilled_ConnectsAgainAndWakes(t *testing.T) {
	t.Parallel()
	plain, pool := newStore(t)
	store, _ := announcing(t, pool)
	_, heard := listening(t, pool)
	listeners := func() (pids []int32) {
		const query = `
			SELECT coalesce(array_agg(pid), '{}') FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'LISTEN %'`
		if err := pool.QueryRow(t.Context(), query).Scan(&pids); err != nil {
			t.Fatal(err)
		}
		return pids
	}
	before := listeners()
	if len(before) != 1 {
		t.Fatalf("processes %v listen, want one", before)
	}
	exec(t, pool, `SELECT pg_terminate_backend($1, 10000)`, before[0])
	head := fill(t, plain, "s", 1) // announced by nobody: what is lost while nobody listens looks like this
	awaitWake(t, heard, "the listener to be back, for what it may have missed")
	if after := listeners(); len(after) != 1 || after[0] == before[0] {
		t.Errorf("processes %v listen, want one and not %v", after, before)
	}
	appendTo(t, store, "s", head, newEvent("A"))
	awaitWake(t, heard, "an append after the connection was lost")
}

// rawListener is a connection that hears the announcements themselves.
func rawListener(t *testing.T, pool *pgxpool.Pool) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	if _, err := conn.Exec(t.Context(), `LISTEN `+eventstore.Channel); err != nil {
		t.Fatal(err)
	}
	return conn
}

func awaitAnnouncement(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := conn.WaitForNotification(ctx); err != nil {
		t.Fatalf("wait for an announcement: %v", err)
	}
}

// countAnnouncements counts what was announced until now.
func countAnnouncements(t *testing.T, pool *pgxpool.Pool, conn *pgx.Conn) (n int) {
	t.Helper()
	exec(t, pool, `SELECT pg_notify($1, 'end')`, eventstore.Channel)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		heard, err := conn.WaitForNotification(ctx)
		if err != nil {
			t.Fatalf("after %d announcements: %v", n, err)
		}
		if heard.Payload == "end" {
			return n
		}
		n++
	}
}

func TestNotifier_ManyAppends_AnnouncesByTimeAndNotByAppend(t *testing.T) {
	t.Parallel()
	const writers, each = 16, 25
	pool := widePool(t, "announcing")
	conn := rawListener(t, pool)
	store, stop := announcing(t, pool)
	began := time.Now()
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			var head eventstore.Head
			for range each {
				var err error
				if _, head, err = store.Append(t.Context(), fmt.Sprintf("s%d", writer), head, newEvent("A")); err != nil {
					t.Errorf("writer %d: %v", writer, err)
					return
				}
			}
		})
	}
	group.Wait()
	awaitAnnouncement(t, conn) // an announcement that is under way ends with its notifier
	stop()
	most := int(time.Since(began)/announceEvery) + 1
	if n := 1 + countAnnouncements(t, pool, conn); n > most || n > writers*each {
		t.Errorf("%d appends in %s were announced %d times, want at most %d", writers*each, time.Since(began), n, most)
	}
}

func TestNotifier_AppendsBeforeItRuns_AreAnnouncedOnce(t *testing.T) {
	t.Parallel()
	_, pool := newStore(t)
	conn := rawListener(t, pool)
	notifier := eventstore.NewNotifier(pool, eventstore.Channel)
	fill(t, eventstore.New(pool, eventstore.Options{Notifier: notifier}), "s", 20)
	stop := start(t, notifier.Run)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := conn.WaitForNotification(ctx); err != nil {
		t.Fatalf("no announcement: %v", err)
	}
	stop()
	if n := countAnnouncements(t, pool, conn); n != 0 {
		t.Errorf("announced %d times more, want once for all", n)
	}
}

func TestNotifier_AppendSentAgain_IsAnnounced(t *testing.T) {
	t.Parallel()
	plain, pool := newStore(t) // its process died before it could announce anything
	batch := newEvents(2)
	appendTo(t, plain, "s", eventstore.Head{}, batch...)
	store, _ := announcing(t, pool)
	_, heard := listening(t, pool)
	appendTo(t, store, "s", eventstore.Head{}, batch...)
	awaitWake(t, heard, "the append that was sent again")
}

func TestNotifier_Nil_AnnouncesNothing(t *testing.T) {
	t.Parallel()
	_, pool := newStore(t)
	conn := rawListener(t, pool)
	var none *eventstore.Notifier
	fill(t, eventstore.New(pool, eventstore.Options{Notifier: none}), "s", 3)
	if n := countAnnouncements(t, pool, conn); n != 0 {
		t.Errorf("announced %d times, want never", n)
	}
}
