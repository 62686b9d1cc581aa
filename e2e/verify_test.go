package e2e_test

import (
	"context"

	"orderly/eventstore"
	"orderly/internal/postgres"
	"orderly/projection"
	"orderly/readmodel"
)

// verify waits until the read models have caught up and compares all of them with the fold of the events.
func (s shop) verify() {
	s.t.Helper()
	ctx := context.Background() // the test's own has ended when its cleanups run
	pool, err := postgres.Open(ctx, s.DatabaseURL, postgres.Options{Name: "orderly-verify", MaxConns: 4})
	if err != nil {
		s.t.Fatal(err)
	}
	defer pool.Close()
	store := eventstore.New(pool, eventstore.Options{})
	s.Await("the read models have caught up", func() bool {
		statuses, err := projection.Statuses(ctx, pool, store)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, status := range statuses {
			if status.ParkedEvents > 0 {
				s.t.Fatalf("%s could not apply %d events", status.Name, status.ParkedEvents)
			}
		}
		return caughtUp(statuses)
	})
	differences, err := readmodel.Verify(ctx, pool, store)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, d := range differences {
		s.t.Errorf("%s of %s: got %s, want %s", d.What, d.OrderID, d.Got, d.Want)
	}
}

// caughtUp tells whether there are read models, and none is behind: a projection that never started is not caught up.
func caughtUp(statuses []projection.Status) bool {
	for _, status := range statuses {
		if status.LagEvents > 0 {
			return false
		}
	}
	return len(statuses) > 0
}
