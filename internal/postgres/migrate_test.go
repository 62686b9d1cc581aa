package postgres_test

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"orderly/internal/postgres"
	"orderly/internal/testkit"
)

// with changes a URL.
func with(t *testing.T, server string, change func(*url.URL)) string {
	t.Helper()
	parsed, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	change(parsed)
	return parsed.String()
}

// migrationFiles are the files of migrations, as they stand in the source.
func migrationFiles(t *testing.T) []string {
	t.Helper()
	files, err := fs.Glob(os.DirFS("migrations"), "*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("migrations: %v, %v", files, err)
	}
	return files
}

func TestMigrate_ThreeAtOnce_ApplyEveryMigrationOnce(t *testing.T) {
	t.Parallel()
	server := testkit.EmptyDatabaseURL(t)
	applied := make([]int, 3)
	var group sync.WaitGroup
	for i := range applied {
		group.Go(func() {
			var err error
			if applied[i], err = postgres.Migrate(t.Context(), server); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got, want := applied[0]+applied[1]+applied[2], len(migrationFiles(t)); got != want {
		t.Errorf("applied %v, %d in total, want %d", applied, got, want)
	}
	if again, err := postgres.Migrate(t.Context(), server); err != nil || again != 0 {
		t.Errorf("once more: applied %d, %v, want none", again, err)
	}
}

func TestSchemaVersion_BeforeAndAfter(t *testing.T) {
	t.Parallel()
	server := testkit.EmptyDatabaseURL(t)
	pool, err := postgres.Open(t.Context(), server, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close) // before the database is dropped
	newest := newestMigration(t)
	have, want, err := postgres.SchemaVersion(t.Context(), pool)
	if err != nil || have != 0 || want != newest {
		t.Errorf("before: have %d, want %d, %v; should be 0 and %d", have, want, err, newest)
	}
	if _, err := postgres.Migrate(t.Context(), server); err != nil {
		t.Fatal(err)
	}
	have, want, err = postgres.SchemaVersion(t.Context(), pool)
	if err != nil || have != newest || want != newest {
		t.Errorf("after: have %d, want %d, %v; should be %d both", have, want, err, newest)
	}
}

// newestMigration is the number of the last file: numbers may be left out.
func newestMigration(t *testing.T) int64 {
	t.Helper()
	files := migrationFiles(t)
	number, _, _ := strings.Cut(filepath.Base(slices.Max(files)), "_")
	newest, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return newest
}

func TestMigrate_UnreachableOrNonsense_IsAnError(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"nonsense", "postgres://nobody@127.0.0.1:1/x"} {
		if applied, err := postgres.Migrate(t.Context(), server); err == nil || applied != 0 {
			t.Errorf("%s: applied %d, %v, want an error", server, applied, err)
		}
	}
}
