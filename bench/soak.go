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
	// tellEvery is how long nothing is said, endWithin how long the last lives may take.
	tellEvery = time.Minute
	endWithin = time.Minute
	// failuresTold are told in full, the others counted.
	failuresTold = 10
)

// soak asks the same of a system for long, and watches it.
type soak struct {
	SoakOptions

	through *orders
	running sync.WaitGroup
	// underWay are lives that have not ended, asked the requests, failed those among them that were not answered as they should.
	underWay, asked, failed atomic.Int64

	mu      sync.Mutex
	samples []sample
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
	ctx, stop := context.WithTimeout(ctx, s.For+endWithin)
	defer stop()
	defer s.running.Wait()
	begin := time.NewTicker(time.Duration(float64(time.Second) / pace))
	defer begin.Stop()
	look := time.NewTicker(min(sampleEvery, s.For/soakSamples))
	defer look.Stop()
	tell := time.NewTicker(tellEvery)
	defer tell.Stop()
	end := time.After(s.For)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-end:
			return nil
		case <-begin.C:
			s.running.Go(func() { s.life(ctx) })
		case <-look.C:
			s.running.Go(func() { s.ask("take a sample", func() error { return s.look(ctx) }) })
		case <-tell.C:
			s.tell()
		}
	}
}

// life places an order and looks at it, waits for its end and looks again, and at the list.
func (s *soak) life(ctx context.Context) {
	s.underWay.Add(1)
	defer s.underWay.Add(-1)
	id := newOrderID()
	for _, step := range []func() error{
		func() error { return s.post(ctx, id) },
		func() error { return s.through.readOrder(ctx, id+"?min_version=1") },
		func() error { return s.through.deliver(ctx, id) },
		func() error { return s.through.readOrder(ctx, id) },
		func() error { return s.through.readList(ctx) },
	} {
		if !s.ask(id, step) {
			return
		}
	}
}

// ask counts what is asked, and what is not answered as it should be.
func (s *soak) ask(what string, do func() error) bool {
	s.asked.Add(1)
	if err := do(); err != nil {
		if s.failed.Add(1) <= failuresTold {
			fmt.Fprintf(s.Progress, "%s: %v\n", what, err)
		}
		return false
	}
	return true
}

// post places an order. Half busy, nobody has a reason to be asked to come again.
func (s *soak) post(ctx context.Context, id string) error {
	status, answer, err := s.through.post(ctx, id)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("place it: %d: %s", status, answer)
	}
	return err
}
