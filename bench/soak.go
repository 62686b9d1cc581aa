package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// SoakOptions say what to watch for long.
type SoakOptions struct {
	System System
	// Orders is how many lives tell what the machine carries, InFlight of them at a time.
	Orders, InFlight int
	// For is how long half of that is asked of it.
	For time.Duration
	// Progress hears what is being done.
	Progress io.Writer
}

const (
	// soakLoad is the share of what the machine carries that is asked of it.
	soakLoad = 0.5
	// soakSamples are taken at least, and one each sampleEvery when there is time for more.
	soakSamples = 30
	sampleEvery = 5 * time.Second
	// tellEvery is how long nothing is said.
	tellEvery = time.Minute
)

// soak asks the same of a system for long, and watches it.
type soak struct {
	SoakOptions

	through *orders
	lives   sync.WaitGroup
	// underWay are lives that have not ended, asked the requests, failed those among them that were not answered as they should.
	underWay, asked, failed atomic.Int64
	samples                 []sample
}

// Soak measures how many lives a second the machine carries, then asks half of that of it for long, at a constant rate and
// with reads between, and compares the last third of that time with the one before it. The first third is left out: caches
// fill, and tables are so small that little work makes them large.
func Soak(ctx context.Context, o SoakOptions) ([]Row, error) {
	s := &soak{SoakOptions: o, through: newOrders(o.System)}
	// Of 65,536 customers new ones keep coming, and some come again.
	s.through.customer = func(orderID string) string { return "cust_" + orderID[len(orderID)-4:] }
	if _, err := rate(ctx, o.InFlight, o.InFlight, s.through.life, s.through.caughtUp); err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	carried, err := rate(ctx, o.Orders, o.InFlight, s.through.life, s.through.caughtUp)
	if err != nil {
		return nil, fmt.Errorf("measure what the machine carries: %w", err)
	}
	pace := soakLoad * carried
	fmt.Fprintf(o.Progress, "the machine carries %.1f lives a second: %.1f for %s\n", carried, pace, o.For)
	if err := s.run(ctx, pace); err != nil {
		return nil, err
	}
	return s.rows()
}

// run begins lives at a constant rate, whether or not those before have ended, and takes samples.
func (s *soak) run(ctx context.Context, pace float64) error {
	defer s.lives.Wait()
	begin := time.NewTicker(time.Duration(float64(time.Second) / pace))
	defer begin.Stop()
	look := time.NewTicker(min(sampleEvery, s.For/soakSamples))
	defer look.Stop()
	tell := time.NewTicker(tellEvery)
	defer tell.Stop()
	watched, stop := context.WithTimeout(ctx, s.For)
	defer stop()
	var watching sync.WaitGroup
	defer watching.Wait()
	looked := make(chan error, 1)
	watching.Go(func() { looked <- s.watch(watched, look.C, tell.C) })
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-looked:
			return err
		case <-begin.C:
			s.lives.Go(func() { s.life(ctx) })
		}
	}
}

// watch takes samples until the time is over.
func (s *soak) watch(ctx context.Context, look, tell <-chan time.Time) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look:
			taken, err := s.sample(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				return fmt.Errorf("take a sample: %w", err)
			}
			s.samples = append(s.samples, taken)
		case <-tell:
			s.tell()
		}
	}
}

// life places an order and looks at it, waits for its end and looks again, and at the list.
func (s *soak) life(ctx context.Context) {
	s.underWay.Add(1)
	defer s.underWay.Add(-1)
	id := newOrderID()
	for _, ask := range []func() error{
		func() error { return s.post(ctx, id) },
		func() error { return s.through.readOrder(ctx, id+"?min_version=1") },
		func() error { return s.through.deliver(ctx, id) },
		func() error { return s.through.readOrder(ctx, id) },
		func() error { return s.through.readList(ctx) },
	} {
		s.asked.Add(1)
		if err := ask(); err != nil {
			s.failed.Add(1)
			fmt.Fprintf(s.Progress, "%s: %v\n", id, err)
			return
		}
	}
}

// post places an order. Half busy, nobody has a reason to be asked to come again.
func (s *soak) post(ctx context.Context, id string) error {
	status, answer, err := s.through.post(ctx, id)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("place it: %d: %s", status, answer)
	}
	return err
}
