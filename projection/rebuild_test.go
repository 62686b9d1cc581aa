package projection_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/internal/postgres"
	"orderly/projection"
)

// rebuilt is a projection whose read model has one row an order: how far it is, and by which version of the projection.
func rebuilt(version int) projection.Projection {
	return projection.Projection{
		Name: "effects", Version: version, Tables: []string{"heads"},
		Apply: func(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error {
			return writeHeads(ctx, tx, version, events)
		},
	}
}

func writeHeads(ctx context.Context, tx pgx.Tx, by int, events []eventstore.Event) error {
	const read = `SELECT order_id, version FROM heads WHERE order_id = ANY($1)`
	const write = `
		INSERT INTO heads (order_id, version, written_by) SELECT order_id, version, $3 FROM unnest($1::text[], $2::int[]) AS h (order_id, version)
		ON CONFLICT (order_id) DO UPDATE SET version = excluded.version, written_by = excluded.written_by`
	heads := map[string]int{}
	for _, event := range events {
		heads[event.StreamID] = 0
	}
	rows, _ := tx.Query(ctx, read, slices.Collect(maps.Keys(heads)))
	var id string
	var version int
	if _, err := pgx.ForEachRow(rows, []any{&id, &version}, func() error {
		heads[id] = version
		return nil
	}); err != nil {
		return err
	}
	for _, event := range events {
		if event.Type == "Poison" {
			return errPoison
		}
		next, err := projection.Next(heads[event.StreamID], event)
		if err != nil {
			return err
		}
		if next {
			heads[event.StreamID] = event.Version
		}
	}
	ids := slices.Sorted(maps.Keys(heads))
	versions := make([]int, len(ids))
	for i, id := range ids {
		versions[i] = heads[id]
	}
	_, err := tx.Exec(ctx, write, ids, versions, by)
	return err
}

// newRebuildWorld has the table of the projection, as a migration would make it, and acts as the services do. The owner's pool is
// the second result.
func newRebuildWorld(t *testing.T) (w *world, owner *pgxpool.Pool) {
	t.Helper()
	owner = newWorld(t).pool
	for _, statement := range []string{
		`CREATE TABLE heads (order_id text CONSTRAINT heads_key PRIMARY KEY, version int NOT NULL CHECK (version > 0), written_by int NOT NULL DEFAULT 0)
			WITH (fillfactor = 70)`,
		`CREATE INDEX heads_version ON heads (version) WHERE version > 1`,
		`INSERT INTO read_model_tables VALUES ('heads')`,
	} {
		if _, err := owner.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	pool, err := postgres.Open(t.Context(), owner.Config().ConnString(), postgres.Options{Name: "orderly-test", MaxConns: 8, Role: postgres.AppRole})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return &world{t: t, pool: pool, store: eventstore.New(pool, eventstore.Options{})}, owner
}

const (
	allHeads  = `SELECT order_id || ':' || version || ' by ' || written_by FROM heads ORDER BY order_id`
	wantHeads = `SELECT order_id || ':' || max(version) || ' by 2' FROM order_events GROUP BY order_id ORDER BY order_id`
	// shape is all that a migration has said of the table.
	shape = `
		SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'heads'
		UNION ALL SELECT conname || ' ' || contype::text FROM pg_constraint WHERE conrelid = 'public.heads'::regclass AND contype IN ('p', 'c')
		UNION ALL SELECT 'option ' || unnest(reloptions) FROM pg_class WHERE oid = 'public.heads'::regclass
		UNION ALL SELECT privilege_type || ' to ' || grantee FROM information_schema.table_privileges
			WHERE table_schema = 'public' AND table_name = 'heads' AND grantee = 'orderly_app'
		ORDER BY 1`
)

func (w *world) rebuild(ctx context.Context, version int) error {
	return projection.NewRebuilder(w.pool, w.store, nil, rebuilt(version)).Run(ctx, nil)
}

func TestRebuild_NewVersion_TakesThePlaceOfTheOldOne(t *testing.T) {
	t.Parallel()
	w, _ := newRebuildWorld(t)
	for n := range 20 {
		w.append(orderID(n), "Fine", 3)
	}
	w.runUntil(rebuilt(1), w.caughtUp)
	before := w.list(shape)
	w.wantToRebuild(1, false, rebuilt(2))
	var old *projection.VersionError
	if err := projection.NewRunner(w.pool, w.store, nil, rebuilt(2), 0).Run(t.Context(), nil); !errors.As(err, &old) {
		t.Fatalf("the new version runs on the old read model: %v", err)
	}
	if err := w.rebuild(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, w.list(shape)); diff != "" {
		t.Errorf("the table has another shape (-want +got):\n%s", diff)
	}
	w.append(orderID(3), "Fine", 1)
	w.append(orderID(99), "Fine", 2)
	w.runUntil(rebuilt(2), w.caughtUp)
	if diff := cmp.Diff(w.list(wantHeads), w.list(allHeads)); diff != "" {
		t.Errorf("read model (-want +got):\n%s", diff)
	}
	if left := w.list(`SELECT name FROM projections WHERE name <> 'effects' UNION ALL SELECT name FROM projection_rebuilds`); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	w.wantToRebuild(0, true, rebuilt(2), rebuilt(1))
}

func (w *world) wantToRebuild(want int, withUnderWay bool, projections ...projection.Projection) {
	w.t.Helper()
	if got, err := projection.ToRebuild(w.t.Context(), w.pool, projections, withUnderWay); err != nil || len(got) != want {
		w.t.Errorf("to be rebuilt: %v, %v, want %d", got, err, want)
	}
}

// TestToRebuild_CancelledOnItsWay_WaitsUntilItIsAskedFor: whoever has cancelled a rebuild does not want it to begin again by itself.
func TestToRebuild_CancelledOnItsWay_WaitsUntilItIsAskedFor(t *testing.T) {
	t.Parallel()
	w, _ := newRebuildWorld(t)
	w.append(orderID(1), "Fine", 3)
	w.runUntil(rebuilt(1), w.caughtUp)
	ctx, cancel := context.WithCancel(t.Context())
	applied := rebuilt(2)
	applied.Apply = func(ctx context.Context, _ pgx.Tx, _ []eventstore.Event) error {
		cancel()
		return ctx.Err()
	}
	if err := projection.NewRebuilder(w.pool, w.store, nil, applied).Run(ctx, nil); ctx.Err() == nil {
		t.Fatalf("it was not cancelled: %v", err)
	}
	w.wantToRebuild(0, false, rebuilt(2))
	w.wantToRebuild(1, true, rebuilt(2))
	if err := w.rebuild(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	w.wantToRebuild(0, true, rebuilt(2))
}

// TestRebuild_WhileReadAndWritten: readers see each order in one generation, never fewer orders and never an older one,
// while writers append, the old generation is kept, and the new ones take its place again and again.
func TestRebuild_WhileReadAndWritten_NoReaderSeesAGap(t *testing.T) {
	t.Parallel()
	w, _ := newRebuildWorld(t)
	for n := range 10 {
		w.append(orderID(n), "Fine", 5)
	}
	w.runUntil(rebuilt(1), w.caughtUp)
	ctx, stop := context.WithCancel(t.Context())
	var background sync.WaitGroup
	background.Go(func() { // the live runner is fenced by each swap, and begins again
		for ctx.Err() == nil {
			_ = projection.NewRunner(w.pool, w.store, nil, rebuilt(1), 0).Run(ctx, nil)
		}
	})
	background.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			w.append(orderID(n%10), "Fine", 1)
		}
	})
	background.Go(func() {
		sum := 0
		for ctx.Err() == nil {
			var orders, now, generations int
			err := w.pool.QueryRow(t.Context(), `SELECT count(*), coalesce(sum(version), 0), count(DISTINCT written_by) FROM heads`).Scan(&orders, &now, &generations)
			if err != nil || orders != 10 || now < sum || generations != 1 {
				t.Errorf("a reader sees %d orders, %d events after %d, %d generations, %v", orders, now, sum, generations, err)
				return
			}
			sum = now
		}
	})
	for range 5 {
		if err := w.rebuild(t.Context(), 1); err != nil {
			t.Error(err)
		}
	}
	stop()
	background.Wait()
}

// TestRebuild_KilledAtEveryMoment_GoesOn strikes at each statement of a rebuild in turn; the last run must find all of it.
func TestRebuild_KilledAtEveryMoment_GoesOn(t *testing.T) {
	t.Parallel()
	w, owner := newRebuildWorld(t)
	for n := range 8 {
		w.append(orderID(n), "Fine", 2)
	}
	w.runUntil(rebuilt(1), w.caughtUp)
	i := &interrupter{}
	pool := w.tracedPool(i)
	const moments = 110
	done := 0
	for at := 1; at <= moments; at++ {
		ctx, stop := context.WithCancel(t.Context())
		i.arm(at, func(conn *pgx.Conn) {
			_, _ = owner.Exec(context.Background(), `SELECT pg_terminate_backend($1, 5000)`, conn.PgConn().PID())
		})
		if projection.NewRebuilder(pool, w.store, nil, rebuilt(2)).Run(ctx, nil) == nil {
			done++
		}
		i.arm(0, nil)
		stop()
		w.append(orderID(at%8), "Fine", 1)
	}
	if done == 0 || done == moments {
		t.Errorf("%d of %d rebuilds were not interrupted", done, moments)
	}
	if err := w.rebuild(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	w.runUntil(rebuilt(2), w.caughtUp)
	if diff := cmp.Diff(w.list(wantHeads), w.list(allHeads)); diff != "" {
		t.Errorf("read model (-want +got):\n%s", diff)
	}
}

func TestRebuild_Poison_IsParkedInTheNewGeneration(t *testing.T) {
	t.Parallel()
	w, _ := newRebuildWorld(t)
	for n := range 3 {
		w.append(orderID(n), "Fine", 2)
	}
	w.append(orderID(1), "Poison", 1)
	w.append(orderID(1), "Fine", 1)
	if err := w.rebuild(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	w.runUntil(rebuilt(2), w.caughtUp)
	letters := w.list(`SELECT name || ' ' || order_id || ':' || version FROM projection_dead_letters ORDER BY version`)
	if want := []string{"effects ord_001:3", "effects ord_001:4"}; !slices.Equal(letters, want) {
		t.Errorf("parked %v, want %v", letters, want)
	}
}

// TestGeneration_OfATableThatIsNoReadModel_IsRefused: the services may have tables of read models made, and nothing else.
func TestGeneration_OfATableThatIsNoReadModel_IsRefused(t *testing.T) {
	t.Parallel()
	w, _ := newRebuildWorld(t)
	for _, call := range []string{`SELECT orderly_make_generation('{order_events}')`, `SELECT orderly_swap_generation('{heads, order_events}')`} {
		if _, err := w.pool.Exec(t.Context(), call); err == nil {
			t.Errorf("%s was obeyed", call)
		}
	}
	if _, err := w.pool.Exec(t.Context(), `INSERT INTO read_model_tables VALUES ('order_events')`); err == nil {
		t.Error("the services can name tables of read models")
	}
	if _, err := w.pool.Exec(t.Context(), `SELECT FROM heads`); err != nil {
		t.Errorf("heads is gone: %v", err)
	}
}

// archiving is a projection during whose first batch streams are moved into the archive, as by a run that was under way as its
// rebuild began, and a store that knows the archive.
func (w *world) archiving(owner *pgxpool.Pool, streams ...string) (p projection.Projection, store *eventstore.Store) {
	dir := w.t.TempDir()
	archive := eventstore.New(owner, eventstore.Options{ArchiveDir: dir})
	p = rebuilt(2)
	apply, archived := p.Apply, false
	p.Apply = func(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error {
		if !archived {
			archived = true
			if _, err := archive.Archive(w.t.Context(), w.ended(streams), nil); err != nil {
				w.t.Error(err)
			}
		}
		return apply(ctx, tx, events)
	}
	return p, eventstore.New(w.pool, eventstore.Options{ArchiveDir: dir})
}

// ended says of streams that they end with their third event.
func (w *world) ended(streams []string) iter.Seq2[eventstore.Ended, error] {
	return func(yield func(eventstore.Ended, error) bool) {
		for _, stream := range streams {
			if !yield(eventstore.Ended{Stream: stream, Version: 3, Events: 2}, nil) {
				return
			}
		}
	}
}

// fillForArchive has more events than a rebuild reads in its first batch. It gives the streams that come after that.
func (w *world) fillForArchive() (streams []string) {
	w.t.Helper()
	for n := range 40 {
		w.append(orderID(n), "Fine", 3)
	}
	w.runUntil(rebuilt(1), w.caughtUp)
	return []string{orderID(30), orderID(35), orderID(39)}
}

// TestRebuild_WhileOrdersAreArchived_HasThemAll: the feed loses events that the rebuild has not come to.
func TestRebuild_WhileOrdersAreArchived_HasThemAll(t *testing.T) {
	t.Parallel()
	w, owner := newRebuildWorld(t)
	want := w.fillForArchive()
	heads := w.list(wantHeads)
	p, store := w.archiving(owner, want...)
	if err := projection.NewRebuilder(w.pool, store, nil, p).Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if archived := w.list(`SELECT order_id FROM archived_streams ORDER BY order_id`); !slices.Equal(archived, want) {
		t.Fatalf("archived %v, want %v", archived, want)
	}
	if diff := cmp.Diff(heads, w.list(allHeads)); diff != "" {
		t.Errorf("read model (-want +got):\n%s", diff)
	}
}

// TestRebuild_WhileOrdersAreArchived_KilledAtEveryMoment_GoesOn strikes at each statement after the archive has taken events away.
func TestRebuild_WhileOrdersAreArchived_KilledAtEveryMoment_GoesOn(t *testing.T) {
	t.Parallel()
	w, owner := newRebuildWorld(t)
	streams := w.fillForArchive()
	heads := w.list(wantHeads)
	i := &interrupter{}
	pool := w.tracedPool(i)
	p, store := w.archiving(owner, streams...)
	strike := func(conn *pgx.Conn) {
		_, _ = owner.Exec(context.Background(), `SELECT pg_terminate_backend($1, 5000)`, conn.PgConn().PID())
	}
	killed := 0
	for at := 1; ; at++ {
		i.arm(at, strike)
		err := projection.NewRebuilder(pool, store, nil, p).Run(t.Context(), nil)
		i.arm(0, nil)
		if err == nil {
			break
		}
		if gap, ok := errors.AsType[*projection.GapError](err); ok {
			t.Fatalf("killed %d times: %v", killed, gap)
		}
		killed++
	}
	if killed < 20 {
		t.Errorf("killed only %d times", killed)
	}
	if diff := cmp.Diff(heads, w.list(allHeads)); diff != "" {
		t.Errorf("read model (-want +got):\n%s", diff)
	}
}

// TestRebuild_EventsThatAreNowhere_StopsLoudly: what the archive does not explain is a fault.
func TestRebuild_EventsThatAreNowhere_StopsLoudly(t *testing.T) {
	t.Parallel()
	w, owner := newRebuildWorld(t)
	w.append(orderID(1), "Fine", 3)
	w.runUntil(rebuilt(1), w.caughtUp)
	for _, statement := range []string{`ALTER TABLE order_events DISABLE TRIGGER USER`, `DELETE FROM order_events WHERE version = 2`} {
		if _, err := owner.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	var gap *projection.GapError
	if err := w.rebuild(t.Context(), 2); !errors.As(err, &gap) || gap.Have != 1 || gap.Got != 3 {
		t.Errorf("got %v, want a GapError", err)
	}
}
