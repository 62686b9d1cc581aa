package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
)

const (
	// placedAlone is how many orders are placed one after another in each round, and placedAtRate how many at placeRate.
	placedAlone  = 40
	placedAtRate = 200
	// placeRate is how many are placed a second, whether or not those before are done.
	placeRate = 20
)

// placing is something that is placed, and then brought to its end, which is not measured.
type placing struct {
	place, finish func(ctx context.Context, id string) error
	newID         func() string
	alone, rate   []float64 // p50 and p99 of the rounds, in ms
}

// place compares how long it takes to place an order with the floor's update that starts a workflow, in turns: alone, while
// nothing else is under way, and at a constant rate.
func place(ctx context.Context, base *floor, through *orders, o LifecycleOptions) ([]Row, error) {
	low := &placing{place: base.place, finish: base.finish, newID: func() string { return "floor-" + uuid.NewString() }}
	high := &placing{place: through.place, finish: through.deliver, newID: newOrderID}
	for range o.Rounds {
		for _, each := range []*placing{low, high} {
			one, err := each.oneByOne(ctx, placedAlone)
			if err != nil {
				return nil, err
			}
			many, err := each.atRate(ctx, placedAtRate, placeRate)
			if err != nil {
				return nil, err
			}
			each.alone = append(each.alone, milliseconds(quantile(one, 0.5)))
			each.rate = append(each.rate, milliseconds(quantile(many, 0.99)))
		}
	}
	return []Row{
		newCost("placing an order alone, p50 / floor", "ms", 1.5, high.alone, low.alone),
		newCost(fmt.Sprintf("placing %d a second, p99 / floor", placeRate), "ms", 1.5, high.rate, low.rate),
	}, nil
}

// oneByOne places so many, each after the one before has ended, and gives how long each took to be placed, sorted.
func (p *placing) oneByOne(ctx context.Context, n int) ([]time.Duration, error) {
	took := make([]time.Duration, n)
	for i := range n {
		id := p.newID()
		begin := time.Now()
		if err := p.place(ctx, id); err != nil {
			return nil, err
		}
		took[i] = time.Since(begin)
		if err := p.finish(ctx, id); err != nil {
			return nil, err
		}
	}
	slices.Sort(took)
	return took, nil
}

// atRate places so many at a rate a second, whether or not those before are done, and gives how long each took to be placed, sorted. It
// returns when all have ended.
func (p *placing) atRate(ctx context.Context, n, rate int) ([]time.Duration, error) {
	took := make([]time.Duration, n)
	group, ctx := errgroup.WithContext(ctx)
	begin := time.Now()
	for i := range n {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		group.Go(func() error {
			id, begin := p.newID(), time.Now()
			if err := p.place(ctx, id); err != nil {
				return err
			}
			took[i] = time.Since(begin)
			return p.finish(ctx, id)
		})
	}
	err := group.Wait()
	slices.Sort(took)
	return took, err
}

// quantile is that of sorted values.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
