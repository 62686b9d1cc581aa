package testkit_test

import (
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/internal/postgres"
	"orderly/internal/testkit"
)

func TestDatabase_TwoAtOnce_AreSeparateMigratedAndDroppedAtTheEnd(t *testing.T) {
	t.Parallel()
	var names [2]string
	if !t.Run("in use", func(t *testing.T) { names = useTwo(t) }) {
		return
	}
	if names[0] == names[1] {
		t.Errorf("both are %s", names[0])
	}
	conn, err := pgx.Connect(t.Context(), os.Getenv("DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	for _, name := range names {
		var there bool
		if err := conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil || there {
			t.Errorf("%s is still there: %v %v", name, there, err)
		}
	}
}

// useTwo makes two databases at once, writes to one of them, and gives their names.
func useTwo(t *testing.T) (names [2]string) {
	t.Helper()
	var pools [2]*pgxpool.Pool
	var group sync.WaitGroup
	for i := range pools {
		group.Go(func() { pools[i] = testkit.Database(t) })
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for i, pool := range pools {
		if have, want, err := postgres.SchemaVersion(t.Context(), pool); err != nil || have != want || have == 0 {
			t.Errorf("schema version: got %d, %v, want %d", have, err, want)
		}
		if err := pool.QueryRow(t.Context(), "SELECT current_database()").Scan(&names[i]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pools[0].Exec(t.Context(), "CREATE TABLE mine ()"); err != nil {
		t.Fatal(err)
	}
	var seen bool
	if err := pools[1].QueryRow(t.Context(), "SELECT to_regclass('mine') IS NOT NULL").Scan(&seen); err != nil || seen {
		t.Errorf("the other one's table is seen: %v %v", seen, err)
	}
	return names
}
