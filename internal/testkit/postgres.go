// Package testkit builds running parts for tests in one line: a migrated database of one's own in milliseconds, a
// whole running system, orders to place. `make test` provides the servers.
package testkit

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/internal/keyset"
	"orderly/internal/postgres"
	"orderly/vault"
)

// templateLock is the advisory lock under which test processes make the template.
const templateLock = 7_301_950_122

// Database gives the test a migrated database of its own and a pool on it.
func Database(t testing.TB) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(t.Context(), DatabaseURL(t), postgres.Options{Name: "orderly-test", MaxConns: 8})
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// DatabaseURL gives the test a migrated database of its own; it is dropped when the test ends.
func DatabaseURL(t testing.TB) string {
	t.Helper()
	return makeDatabase(t, createFromTemplate)
}

// EmptyDatabaseURL gives the test a database of its own without a schema; it is dropped when the test ends.
func EmptyDatabaseURL(t testing.TB) string {
	t.Helper()
	return makeDatabase(t, func(ctx context.Context, conn *pgx.Conn, _, name string) error {
		_, err := conn.Exec(ctx, "CREATE DATABASE "+name)
		return err
	})
}

func makeDatabase(t testing.TB, create func(ctx context.Context, conn *pgx.Conn, server, name string) error) string {
	t.Helper()
	server := os.Getenv("DATABASE_URL")
	if server == "" {
		t.Fatal("DATABASE_URL is not set: run the tests with `make test`")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	name := "t_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := withAdmin(ctx, server, func(conn *pgx.Conn) error { return create(ctx, conn, server, name) }); err != nil {
		t.Fatalf("make the test's database: %v", err)
	}
	t.Cleanup(func() {
		err := withAdmin(context.Background(), server, func(conn *pgx.Conn) error {
			_, err := conn.Exec(context.Background(), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
			return err
		})
		if err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return withDatabase(server, name)
}

func createFromTemplate(ctx context.Context, conn *pgx.Conn, server, name string) error {
	template := "orderly_template_" + postgres.Fingerprint()
	// The lock covers the copy, too: Postgres refuses to copy a template that somebody else is connected to.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", templateLock); err != nil {
		return err
	}
	defer func() { _, _ = conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", templateLock) }()
	if err := ensureTemplate(ctx, conn, server, template); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, template))
	return err
}

// ensureTemplate makes the template under another name first, so that one which is there is one which is complete.
func ensureTemplate(ctx context.Context, conn *pgx.Conn, server, template string) error {
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", template).Scan(&there); err != nil || there {
		return err
	}
	draft := template + "_draft"
	for _, statement := range []string{"DROP DATABASE IF EXISTS " + draft + " WITH (FORCE)", "CREATE DATABASE " + draft} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if _, err := postgres.Migrate(ctx, withDatabase(server, draft)); err != nil {
		return err
	}
	return renameDatabase(ctx, conn, draft, template)
}

// renameDatabase waits for the migration's connections to be gone.
func renameDatabase(ctx context.Context, conn *pgx.Conn, from, to string) error {
	const objectInUse = "55006"
	for {
		_, err := conn.Exec(ctx, fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", from, to))
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != objectInUse {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func withAdmin(ctx context.Context, server string, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	return do(conn)
}

func withDatabase(server, name string) string {
	parsed, err := url.Parse(server)
	if err != nil {
		return server
	}
	parsed.Path = "/" + name
	return parsed.String()
}

// Vault seals personal data in a test's database with a master key of its own.
func Vault(t testing.TB, pool *pgxpool.Pool) *vault.Vault {
	t.Helper()
	masters, err := keyset.Parse(keyset.Generate("test"))
	if err != nil {
		t.Fatalf("make a master key: %v", err)
	}
	return vault.New(pool, masters)
}
