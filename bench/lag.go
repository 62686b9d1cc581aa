package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"orderly/eventstore"
	"orderly/journal"
	"orderly/projection"
	"orderly/readmodel"
)

const (
	// lagOrders is how many orders a second go their whole road: with some 13 events each more than four fifths of what a machine
	// with two cores carries through Temporal, where whole lives are the bottleneck.
	lagOrders = 16
	lagFor    = 15 * time.Second
	lagTarget = 250 // milliseconds
	// seenWithin bounds the wait for a version.
	seenWithin = 10 * time.Second
)

// lag measures how long events take from being appended to being seen in the read model of orders, while orders go their road.
func (b *projectionBench) lag(ctx context.Context) ([]Row, error) {
	if err := tidyUp(ctx, b.Pool); err != nil { // what the rebuild has left behind is not of this
		return nil, fmt.Errorf("lag: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer background.Wait()
	defer stop()
	notifier := eventstore.NewNotifier(b.Pool, eventstore.Channel)
	listener := eventstore.NewListener(b.Pool, eventstore.Channel, projection.Channel)
	background.Go(func() { notifier.Run(ctx) })
	background.Go(func() { listener.Run(ctx) })
	store := eventstore.New(b.Pool, eventstore.Options{Notifier: notifier})
	for _, p := range readmodel.Projections() {
		background.Go(func() { _ = projection.NewRunner(b.Pool, store, listener.On(eventstore.Channel), p, 0).Run(ctx, nil) }) // one that ended shows as a lag without end
	}
	seen := &sightings{reads: readmodel.New(b.Pool, readmodel.Options{Projected: listener.On(projection.Channel)})}
	if err := seen.drive(ctx, journal.New(store, roadPolicy, journal.Options{SnapshotEvery: -1})); err != nil {
		return nil, fmt.Errorf("lag: %w", err)
	}
	slices.Sort(seen.took)
	p99 := milliseconds(quantile(seen.took, 0.99))
	fmt.Fprintf(b.Progress, "lag of %d events at %.0f a second: p50 %.0f ms, p99 %.0f ms\n",
		len(seen.took), float64(len(seen.took))/lagFor.Seconds(), milliseconds(quantile(seen.took, 0.5)), p99)
	return []Row{newCost("lag of the read models under load, p99 / 250 ms", "ms", 1, []float64{p99}, []float64{lagTarget})}, nil
}

// sightings measures when events are seen.
type sightings struct {
	reads *readmodel.ReadModel

	waiting sync.WaitGroup
	mu      sync.Mutex
	took    []time.Duration
	failed  []error
}

// drive starts orders at a constant rate and waits until all that happens to them was seen.
func (s *sightings) drive(ctx context.Context, book *journal.Journal) error {
	pace := time.NewTicker(time.Second / lagOrders)
	defer pace.Stop()
	for n, end := 0, time.Now().Add(lagFor); time.Now().Before(end); n++ {
		travelling := &road{book: book, id: fmt.Sprintf("lag_%d_%d", end.UnixMilli(), n), after: func(r journal.Result) { s.await(ctx, r) }}
		s.waiting.Go(func() { s.note(0, travelling.travel(ctx)) })
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pace.C:
		}
	}
	s.waiting.Wait()
	if len(s.took) == 0 {
		s.failed = append(s.failed, errNothing)
	}
	return errors.Join(s.failed...)
}

// await waits, beside what goes on, until a version is seen.
func (s *sightings) await(ctx context.Context, result journal.Result) {
	began := time.Now()
	s.waiting.Go(func() {
		_, there, err := s.reads.WaitForVersion(ctx, "", result.State.OrderID, result.Version, seenWithin)
		if err == nil && !there {
			err = fmt.Errorf("version %d of %s was not seen within %s", result.Version, result.State.OrderID, seenWithin)
		}
		s.note(time.Since(began), err)
	})
}

func (s *sightings) note(took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err != nil:
		s.failed = append(s.failed, err)
	case took > 0:
		s.took = append(s.took, took)
	}
}
