package projection_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
	"orderly/projection"
)

func TestRun_TakenOver_StopsAndLeavesEachEffectOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const streams = 40
	for n := range streams {
		w.append(orderID(n), "Fine", 3)
	}
	// The first runner is held inside of its first batch until the second one has begun to take over.
	entered, letGo := make(chan struct{}), make(chan struct{})
	slow := effects()
	slow.Apply = func(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error {
		select {
		case entered <- struct{}{}:
			<-letGo
		case <-letGo:
		}
		return writeEffects(ctx, tx, events)
	}
	fenced := make(chan error, 1)
	go func() { fenced <- projection.NewRunner(w.pool, w.store, nil, slow, 0).Run(t.Context(), nil) }()
	<-entered
	second := make(chan struct{})
	go func() {
		defer close(second)
		// The first one may come to the end before the second one has its turn.
		w.runUntil(effects(), func() bool { return w.holds(`SELECT fence = 2 FROM projections`) && w.caughtUp() })
	}()
	eventually(t, func() bool {
		return w.holds(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`)
	})
	close(letGo)
	if err := <-fenced; !errors.Is(err, projection.ErrFenced) {
		t.Errorf("the runner that was taken over ended with %v, want ErrFenced", err)
	}
	<-second
	w.mustHaveEffectsOnce()
}

func TestRun_Idle_NoticesThatItWasTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reported := make(chan struct{}, 1)
	fenced := make(chan error, 1)
	go func() {
		fenced <- projection.NewRunner(w.pool, w.store, nil, effects(), 0).Run(t.Context(), func(projection.Progress) {
			select {
			case reported <- struct{}{}:
			default:
			}
		})
	}()
	<-reported
	w.runUntil(effects(), func() bool { return w.holds(`SELECT fence = 2 FROM projections`) })
	if err := <-fenced; !errors.Is(err, projection.ErrFenced) {
		t.Errorf("got %v, want ErrFenced", err)
	}
}

func TestRun_Poison_ParksItsOrderAndGoesOnWithTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 10 {
		w.append(orderID(n), "Fine", 2)
	}
	w.append(orderID(4), "Poison", 1)
	w.append(orderID(4), "Fine", 2)
	w.append(orderID(5), "Fine", 1)
	w.runUntil(effects(), w.caughtUp)
	w.append(orderID(4), "Fine", 1)
	w.append(orderID(6), "Fine", 1)
	w.runUntil(effects(), w.caughtUp)

	parked := []string{"ord_004:3", "ord_004:4", "ord_004:5", "ord_004:6"}
	if diff := cmp.Diff(parked, w.list(allLetters)); diff != "" {
		t.Errorf("parked (-want +got):\n%s", diff)
	}
	if reasons := w.list(`SELECT error FROM projection_dead_letters ORDER BY version`); reasons[0] != errPoison.Error() || reasons[1] != "" {
		t.Errorf("reasons: %q", reasons)
	}
	want := w.list(`SELECT order_id || ':' || version FROM order_events WHERE order_id <> 'ord_004' OR version < 3 ORDER BY order_id, version`)
	if diff := cmp.Diff(want, w.list(allEffects)); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
}

// TestRun_FarBehind_ReadsTheNextBatchMeanwhile holds the first batch until the second one has been read.
func TestRun_FarBehind_ReadsTheNextBatchMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 10 {
		w.append(orderID(n), "Fine", 20)
	}
	reads := &feedReads{second: make(chan struct{})}
	p := effects()
	p.Apply = func(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error {
		select {
		case <-reads.second:
		case <-ctx.Done():
			return ctx.Err()
		}
		return writeEffects(ctx, tx, events)
	}
	watched := *w
	watched.pool = w.tracedPool(reads)
	watched.store = eventstore.New(watched.pool, eventstore.Options{})
	watched.runUntil(p, w.caughtUp)
	w.mustHaveEffectsOnce()
}

// feedReads closes second as the feed is read for the second time.
type feedReads struct {
	n      atomic.Int32
	second chan struct{}
}

func (f *feedReads) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if strings.Contains(data.SQL, "ORDER BY tx, position") && f.n.Add(1) == 2 {
		close(f.second)
	}
	return ctx
}

func (*feedReads) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TestRun_PoisonFarBehind_LosesNothingOfWhatWasReadAhead: the rest of a batch that was broken off comes before what follows it.
func TestRun_PoisonFarBehind_LosesNothingOfWhatWasReadAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 10 {
		w.append(orderID(n), "Fine", 20)
	}
	w.append(orderID(10), "Poison", 1)
	for n := range 10 {
		w.append(orderID(n), "Fine", 20)
	}
	w.runUntil(effects(), w.caughtUp)
	want := w.list(`SELECT order_id || ':' || version FROM order_events WHERE order_id <> 'ord_010' ORDER BY order_id, version`)
	if diff := cmp.Diff(want, w.list(allEffects)); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
}

func TestRun_EventThatFailsOnce_IsNotParked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(orderID(1), "Fine", 3)
	failures := 2
	p := effects()
	p.Apply = func(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error {
		if len(events) == 1 && failures > 0 {
			failures--
			return errPoison
		}
		if len(events) > 1 {
			return errPoison
		}
		return writeEffects(ctx, tx, events)
	}
	w.runUntil(p, w.caughtUp)
	w.mustHaveEffectsOnce()
}

// TestRun_FaultOfTheDatabase_ParksNothing: a missing table is no event's fault.
func TestRun_FaultOfTheDatabase_ParksNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(orderID(1), "Fine", 3)
	p := effects()
	p.Apply = func(ctx context.Context, tx pgx.Tx, _ []eventstore.Event) error {
		_, err := tx.Exec(ctx, `INSERT INTO not_there VALUES (1)`)
		return err
	}
	if err := w.runToItsEnd(p); err == nil {
		t.Error("the runner ended without an error")
	}
	w.runUntil(effects(), w.caughtUp)
	w.mustHaveEffectsOnce()
}

func TestRun_Gap_StopsLoudly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(orderID(1), "Fine", 3)
	p := effects()
	p.Apply = func(_ context.Context, _ pgx.Tx, events []eventstore.Event) error {
		_, err := projection.Next(0, events[len(events)-1])
		return err
	}
	err := w.runToItsEnd(p)
	var gap *projection.GapError
	if !errors.As(err, &gap) || gap.Stream != orderID(1) || gap.Got != 3 {
		t.Fatalf("got %v, want a GapError", err)
	}
	status := w.status()
	if status.State != projection.Failed || status.Error == "" || status.LagEvents != 3 || status.ParkedEvents != 0 {
		t.Errorf("status: %+v", status)
	}
}

func TestRun_OtherVersion_IsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(orderID(1), "Fine", 1)
	w.runUntil(effects(), w.caughtUp)
	newer := effects()
	newer.Version = 2
	var refused *projection.VersionError
	if err := w.runToItsEnd(newer); !errors.As(err, &refused) || refused.Stored != 1 || refused.Declared != 2 {
		t.Errorf("got %v, want a VersionError", err)
	}
}

func TestStatuses_TellHowAProjectionDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(orderID(1), "Fine", 2)
	w.runUntil(effects(), func() bool { return w.caughtUp() && w.status().State == projection.Running })
	if got := w.status(); got.State != projection.Stopped || got.LagEvents != 0 || got.Name != "effects" || got.Version != 1 {
		t.Errorf("stopped: %+v", got)
	}
	w.append(orderID(1), "Poison", 1)
	if got := w.status(); got.LagEvents != 1 || got.LagSeconds <= 0 {
		t.Errorf("behind: %+v", got)
	}
	w.runUntil(effects(), func() bool { return w.caughtUp() && w.status().State == projection.Parked })
	if got := w.status(); got.ParkedEvents != 1 || got.ParkedOrders != 1 {
		t.Errorf("parked: %+v", got)
	}
}

// TestRun_WokenByAnAppend sees both announcements: the append's wakes the runner, the runner's wakes the reader.
func TestRun_WokenByAnAppend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	listener := eventstore.NewListener(w.pool, projection.Channel)
	ctx, stop := context.WithCancel(t.Context())
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		listener.Run(ctx)
	}()
	heard, unsubscribe := listener.On(projection.Channel)()
	defer unsubscribe()
	eventually(t, func() bool {
		return w.holds(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%')`)
	})
	w.append(orderID(1), "Fine", 1)
	w.runUntil(effects(), func() bool {
		select {
		case <-heard:
			return true
		default:
			return false
		}
	})
	stop()
	<-listening
}

func (w *world) runToItsEnd(p projection.Projection) error {
	w.t.Helper()
	ctx, stop := context.WithTimeout(w.t.Context(), patience)
	defer stop()
	return projection.NewRunner(w.pool, w.store, nil, p, 0).Run(ctx, nil)
}

func (w *world) status() projection.Status {
	w.t.Helper()
	statuses, err := projection.Statuses(w.t.Context(), w.pool, w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(statuses) != 1 {
		w.t.Fatalf("statuses: %+v", statuses)
	}
	return statuses[0]
}
