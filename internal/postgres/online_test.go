package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unsafe are statements that hold up or break the version of Orderly that runs while a migration does. They are fine on a
// table that the same file has just created.
var unsafe = []struct {
	why     string
	pattern *regexp.Regexp
}{
	{"an index is built CONCURRENTLY (and the file starts with -- +goose NO TRANSACTION)", regexp.MustCompile(`(?i)CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?(?:\w+ )?ON (\w+)`)},
	{"changing a column's type rewrites the table", regexp.MustCompile(`(?is)ALTER TABLE (\w+)[^;]*ALTER (?:COLUMN )?\w+ (?:SET DATA )?TYPE`)},
	{"a new NOT NULL column needs a DEFAULT", regexp.MustCompile(`(?is)ALTER TABLE (\w+)[^;]*ADD COLUMN \w+ \w+ NOT NULL(?:;|,|$)`)},
	{"SET NOT NULL reads the whole table under a lock", regexp.MustCompile(`(?is)ALTER TABLE (\w+)[^;]*SET NOT NULL`)},
	{"a constraint is added NOT VALID and validated later", regexp.MustCompile(`(?is)ALTER TABLE (\w+)[^;]*ADD CONSTRAINT [^;]*(?:CHECK \([^;]*\)|REFERENCES [^;]*\))\s*;`)},
	{"the running version still uses the column", regexp.MustCompile(`(?is)ALTER TABLE (\w+)[^;]*DROP COLUMN`)},
	{"the running version still uses the name", regexp.MustCompile(`(?is)ALTER TABLE (\w+)[^;]*RENAME`)},
	{"the running version still uses the table", regexp.MustCompile(`(?i)DROP TABLE (?:IF EXISTS )?(\w+)`)},
	{"rows are changed in small parts by a command, not in a migration", regexp.MustCompile(`(?i)(?:^|\n)\s*(?:UPDATE|DELETE FROM) (\w+)`)},
}

var created = regexp.MustCompile(`(?i)CREATE TABLE (?:IF NOT EXISTS )?(\w+)`)

// unsafeIn lists what is unsafe in the Up part of a migration.
func unsafeIn(migration string) []string {
	up, _, _ := strings.Cut(migration, "-- +goose Down")
	var mine []string
	for _, match := range created.FindAllStringSubmatch(up, -1) {
		mine = append(mine, match[1])
	}
	var found []string
	for _, rule := range unsafe {
		for _, match := range rule.pattern.FindAllStringSubmatch(up, -1) {
			if !slices.Contains(mine, match[1]) {
				found = append(found, fmt.Sprintf("%s: %s", match[1], rule.why))
			}
		}
	}
	return found
}

func TestMigrations_CanRunWhileOrdersAreServed(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(migrations(), "*.sql")
	if err != nil || len(files) < 9 {
		t.Fatalf("migrations: %v, %v", files, err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(migrations(), file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range unsafeIn(string(text)) {
			t.Errorf("%s: %s", file, found)
		}
	}
}

func TestUnsafeIn(t *testing.T) {
	t.Parallel()
	for statement, want := range map[string]int{
		`CREATE TABLE a (x int); CREATE INDEX a_x ON a (x);`:          0,
		`CREATE INDEX order_events_x ON order_events (x);`:            1,
		`CREATE INDEX CONCURRENTLY order_x ON order_events (x);`:      0,
		`CREATE UNIQUE INDEX x ON order_views (x);`:                   1,
		`ALTER TABLE order_views ADD COLUMN x int NOT NULL;`:          1,
		`ALTER TABLE order_views ADD COLUMN x int;`:                   0,
		"ALTER TABLE order_views ADD COLUMN x int NOT NULL DEFAULT 0": 0,
		`ALTER TABLE order_views ALTER COLUMN x TYPE bigint;`:         1,
		`ALTER TABLE order_views ALTER x SET NOT NULL;`:               1,
		`ALTER TABLE order_views DROP COLUMN x;`:                      1,
		`ALTER TABLE order_views RENAME COLUMN x TO y;`:               1,
		`DROP TABLE order_views;`:                                     1,
		`UPDATE order_views SET x = 1;`:                               1,
		`-- +goose Down` + "\n" + `DROP TABLE order_views;`:           0,
	} {
		if found := unsafeIn(statement); len(found) != want {
			t.Errorf("%s: found %v, want %d", statement, found, want)
		}
	}
}

// MigrateTo brings an empty database to an earlier version, as it was before an upgrade.
func MigrateTo(ctx context.Context, databaseURL string, version int64) error {
	db, err := sql.Open("pgx", databaseURL)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	provider, err := newProvider(db)
	if err != nil {
		return err
	}
	_, err = provider.UpTo(ctx, version)
	return err
}
