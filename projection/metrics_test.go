package projection_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"orderly/projection"
)

func TestCollector_ShowsLagAndAStalledFeed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(orderID(1), "Fine", 2)
	w.runUntil(effects(), w.caughtUp)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(projection.NewCollector(w.pool, w.store))
	measure := func(name string) float64 {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() == name {
				return family.GetMetric()[0].GetGauge().GetValue()
			}
		}
		t.Fatalf("no metric %s", name)
		return 0
	}
	if lag := measure("orderly_projection_lag_events"); lag != 0 {
		t.Errorf("caught up: lag %v", lag)
	}
	w.append(orderID(1), "Fine", 1)
	if lag, age := measure("orderly_projection_lag_events"), measure("orderly_projection_lag_seconds"); lag != 1 || age <= 0 {
		t.Errorf("behind: lag %v, %v s", lag, age)
	}

	tx, err := w.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT pg_current_xact_id()`); err != nil {
		t.Fatal(err)
	}
	w.append(orderID(2), "Fine", 1)
	if held, since := measure("orderly_feed_held_events"), measure("orderly_feed_held_seconds"); held < 1 || since <= 0 {
		t.Errorf("held: %v events, %v s", held, since)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return measure("orderly_feed_held_events") == 0 })
}
