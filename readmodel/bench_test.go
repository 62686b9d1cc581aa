package readmodel_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"orderly/projection"
	"orderly/readmodel"
)

// BenchmarkProjection_CatchUp measures how fast a read model follows a feed that is far ahead.
func BenchmarkProjection_CatchUp(b *testing.B) {
	w := newWorld(b)
	fill(w, 1500)
	var events int
	if err := w.pool.QueryRow(b.Context(), `SELECT count(*) FROM order_events`).Scan(&events); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		w.clear()
		b.StartTimer()
		began := time.Now()
		w.followTo(events)
		b.ReportMetric(float64(events)/time.Since(began).Seconds(), "events/s")
	}
}

// fill carries out orders, several at a time so that their events stand mixed in the feed.
func fill(w *world, orders int) {
	var writers sync.WaitGroup
	const lanes = 4
	for lane := range lanes {
		own := *w
		own.seq = lane * 1_000_000
		writers.Go(func() {
			for n := lane; n < orders; n += lanes {
				id := fmt.Sprintf("ord_%05d", n)
				own.must(id, placed("t", fmt.Sprintf("cust_%d", n%100), ""))
				own.carryOn(id, "")
			}
		})
	}
	writers.Wait()
}

func (w *world) clear() {
	for _, table := range []string{"projections", "order_views", "order_skus", "attention_queue", "shipment_index"} {
		if _, err := w.pool.Exec(w.t.Context(), `TRUNCATE `+table); err != nil {
			w.t.Fatal(err)
		}
	}
}

// followTo runs the projection until it has applied so many events.
func (w *world) followTo(events int) {
	ctx, stop := context.WithCancel(w.t.Context())
	defer stop()
	runner := projection.NewRunner(w.pool, w.store, nil, readmodel.Orders(), 0)
	err := runner.Run(ctx, func(p projection.Progress) {
		if p.Applied == events {
			stop()
		}
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
