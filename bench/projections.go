package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"orderly/eventstore"
	"orderly/projection"
	"orderly/readmodel"
)

// ProjectionOptions say what to measure the read models on.
type ProjectionOptions struct {
	// Pool is on a migrated database of the benchmark's own, and Large on another one, which gets the many changes of status.
	Pool, Large *pgxpool.Pool
	// Events is how long the history is that is caught up with, Changes how many changes of status are in Large.
	Events, Changes int
	Rounds          int
	// Rebuild builds all read models of Pool's database anew in a process of its own, and gives how long that took and
	// the most memory that it had at a time, in bytes.
	Rebuild func(context.Context) (took time.Duration, peak int64, err error)
	// Progress hears what is being done.
	Progress io.Writer
}

// feedPage is how many events the bare read of the feed asks for at a time: as many as a projection does at most.
const feedPage = 8000

// catchUpTarget is in events a second, on an idle machine.
const catchUpTarget = 20_000

// rebuildMemory bounds the memory of a rebuild, in MB.
const rebuildMemory = 200

// projectionBench measures the read models.
type projectionBench struct {
	ProjectionOptions

	store *eventstore.Store
}

// Projections measures how fast the read models catch up beside the bare read of the feed, in turns; a rebuild; how far they lag
// behind under load; and how long it takes to count the orders in each status at an instant.
func Projections(ctx context.Context, o ProjectionOptions) ([]Row, error) {
	b := &projectionBench{ProjectionOptions: o, store: eventstore.New(o.Pool, eventstore.Options{})}
	if err := b.writeHistory(ctx); err != nil {
		return nil, fmt.Errorf("write a history: %w", err)
	}
	var rows []Row
	for _, measure := range []func(context.Context) ([]Row, error){b.catchUps, b.rebuild, b.lag, b.counts} {
		measured, err := measure(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, measured...)
	}
	return rows, nil
}

// writeHistory fills the feed with orders, and with nothing else.
func (b *projectionBench) writeHistory(ctx context.Context) error {
	past := &history{pool: b.Pool, store: b.store, progress: b.Progress}
	if err := past.begin(ctx); err != nil {
		return err
	}
	if err := past.growTo(ctx, b.Events); err != nil {
		return err
	}
	if err := past.removeTemplate(ctx); err != nil {
		return err
	}
	return tidyUp(ctx, b.Pool)
}

// catchUps compares catching up with all events to reading them.
func (b *projectionBench) catchUps(ctx context.Context) ([]Row, error) {
	reads, figures, err := inTurns(b.Rounds,
		func() (float64, error) { return b.perSecond(ctx, b.readFeed) },
		func() (float64, error) {
			if err := b.clear(ctx); err != nil {
				return 0, err
			}
			return b.perSecond(ctx, b.catchUp)
		})
	if err != nil {
		return nil, fmt.Errorf("catch up: %w", err)
	}
	fmt.Fprintf(b.Progress, "catch up with %d events: %.0f/s, reading them %.0f/s\n", b.Events, median(figures), median(reads))
	return []Row{
		newRow("catching up, all read models / bare feed", "events/s", 0.3, figures, reads),
		newRow("catching up, all read models / 20,000 a second", "events/s", 1, figures, []float64{catchUpTarget}),
	}, nil
}

func (b *projectionBench) perSecond(ctx context.Context, do func(context.Context) error) (float64, error) {
	began := time.Now()
	err := do(ctx)
	return float64(b.Events) / time.Since(began).Seconds(), err
}

// readFeed reads all events and does nothing with them.
func (b *projectionBench) readFeed(ctx context.Context) error {
	var after eventstore.Position
	for read := 0; read < b.Events; {
		events, err := b.store.ReadFeed(ctx, after, feedPage)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return fmt.Errorf("the feed ends after %d of %d events: does a transaction hold it?", read, b.Events)
		}
		read += len(events)
		after = events[len(events)-1].Position
	}
	return nil
}

// catchUp runs all read models from the beginning to the end of the feed, at the same time, as a projector does.
func (b *projectionBench) catchUp(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range readmodel.Projections() {
		group.Go(func() error {
			running, stop := context.WithCancel(ctx)
			defer stop()
			applied := 0
			err := projection.NewRunner(b.Pool, b.store, nil, p, 0).Run(running, func(progress projection.Progress) {
				if applied = progress.Applied; applied >= b.Events {
					stop()
				}
			})
			if err == nil && applied < b.Events {
				err = fmt.Errorf("projection %s has applied %d of %d events", p.Name, applied, b.Events)
			}
			return err
		})
	}
	return group.Wait()
}

// clear empties all read models.
func (b *projectionBench) clear(ctx context.Context) error {
	tables := []string{"projections", "projection_dead_letters"}
	for _, p := range readmodel.Projections() {
		tables = append(tables, p.Tables...)
	}
	_, err := b.Pool.Exec(ctx, `TRUNCATE `+strings.Join(tables, ", "))
	return err
}

// rebuild measures a rebuild of all read models.
func (b *projectionBench) rebuild(ctx context.Context) ([]Row, error) {
	took, peak, err := b.Rebuild(ctx)
	if err != nil {
		return nil, fmt.Errorf("rebuild: %w", err)
	}
	megabytes := float64(peak) / (1 << 20)
	return []Row{
		{Name: fmt.Sprintf("rebuild of all read models of %d events", b.Events), Unit: "s", Figure: took.Seconds()},
		newCost("its memory / 200 MB", "MB", 1, []float64{megabytes}, []float64{rebuildMemory}),
	}, nil
}

// errNothing is returned for a measurement without a value.
var errNothing = errors.New("nothing was measured")
