package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// placedAlone is how many orders are placed one after another in each round, and placedAtRate how many at placeRate.
	placedAlone  = 40
	placedAtRate = 200
	// placeRate is how many are placed a second, whether or not those before are done.
	placeRate = 20
)

// place compares how long it takes to place an order with the floor's update that starts a workflow, in turns: alone, and
// at a constant rate.
func place(ctx context.Context, base *floor, through *orders, o LifecycleOptions) ([]Row, error) {
	var finishing sync.WaitGroup
	defer finishing.Wait()
	placeOrder := func(ctx context.Context) error {
		id := newOrderID()
		if err := through.place(ctx, id); err != nil {
			return err
		}
		finishing.Go(func() { _ = through.deliver(ctx, id) }) // not measured, as with the floor
		return nil
	}
	placeFloor := func(ctx context.Context) error {
		id := "floor-" + uuid.NewString()
		err := base.place(ctx, id)
		finishing.Go(func() { _ = base.finish(ctx, id) }) // not measured: a workflow that is left is nobody's trouble
		return err
	}
	var alone, aloneFloor, rated, ratedFloor []float64
	for range o.Rounds {
		for _, each := range []struct {
			do          func(context.Context) error
			alone, rate *[]float64
		}{{placeFloor, &aloneFloor, &ratedFloor}, {placeOrder, &alone, &rated}} {
			one, err := latencies(ctx, placedAlone, 0, each.do)
			if err != nil {
				return nil, err
			}
			many, err := latencies(ctx, placedAtRate, placeRate, each.do)
			if err != nil {
				return nil, err
			}
			*each.alone = append(*each.alone, milliseconds(quantile(one, 0.5)))
			*each.rate = append(*each.rate, milliseconds(quantile(many, 0.99)))
		}
	}
	return []Row{
		newCost("placing an order alone, p50 / floor", "ms", 1.5, alone, aloneFloor),
		newCost(fmt.Sprintf("placing %d a second, p99 / floor", placeRate), "ms", 1.5, rated, ratedFloor),
	}, nil
}

// latencies does something n times and gives how long each took, sorted: one after another when rate is 0, and else so
// many a second, whether or not those before are done.
func latencies(ctx context.Context, n, rate int, do func(context.Context) error) ([]time.Duration, error) {
	took := make([]time.Duration, n)
	failed := make([]error, n)
	timed := func(i int) {
		begin := time.Now()
		failed[i] = do(ctx)
		took[i] = time.Since(begin)
	}
	var group sync.WaitGroup
	begin := time.Now()
	for i := range n {
		if rate == 0 {
			timed(i)
			continue
		}
		time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		group.Go(func() { timed(i) })
	}
	group.Wait()
	slices.Sort(took)
	for _, err := range failed {
		if err != nil {
			return nil, err
		}
	}
	return took, nil
}

// quantile is that of sorted values.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
