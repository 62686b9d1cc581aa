package e2e_test

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/internal/postgres"
	"orderly/projection"
	"orderly/readmodel"
)

// verify waits until the read models have caught up and compares all of them with the fold of the events.
func (s shop) verify() {
	s.t.Helper()
	pool := s.pool()
	defer pool.Close()
	s.catchUp(pool)
	differences, err := readmodel.Verify(context.Background(), pool, eventstore.New(pool, eventstore.Options{ArchiveDir: s.ArchiveDir}))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, d := range differences {
		s.t.Errorf("%s of %s: got %s, want %s", d.What, d.OrderID, d.Got, d.Want)
	}
}

// pool is one on the system's database. It outlives the test's context, which has ended when cleanups run.
func (s shop) pool() *pgxpool.Pool {
	s.t.Helper()
	pool, err := postgres.Open(context.Background(), s.DatabaseURL, postgres.Options{Name: "orderly-verify", MaxConns: 4})
	if err != nil {
		s.t.Fatal(err)
	}
	return pool
}

// awaitReadModels waits until the read models have caught up. Lists come from them alone; a single order that is not there
// yet is read from its events.
func (s shop) awaitReadModels() {
	s.t.Helper()
	pool := s.pool()
	defer pool.Close()
	s.catchUp(pool)
}

func (s shop) catchUp(pool *pgxpool.Pool) {
	s.t.Helper()
	store := eventstore.New(pool, eventstore.Options{})
	s.Await("the read models have caught up", func() bool {
		statuses, err := projection.Statuses(context.Background(), pool, store)
		if err != nil {
			s.t.Fatal(err)
		}
		return s.caughtUp(statuses)
	})
}

// caughtUp tells whether there are read models, and none is behind: a projection that never started is not caught up.
func (s shop) caughtUp(statuses []projection.Status) bool {
	s.t.Helper()
	behind := 0
	for _, status := range statuses {
		if status.ParkedEvents > 0 {
			s.t.Fatalf("%s could not apply %d events", status.Name, status.ParkedEvents)
		}
		behind += status.LagEvents
	}
	return len(statuses) > 0 && behind == 0
}
