package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/internal/postgres"
	"orderly/internal/testkit"
)

func asService(t *testing.T, databaseURL string) *pgxpool.Pool {
	t.Helper()
	pool, err := postgres.Open(t.Context(), databaseURL, postgres.Options{Role: postgres.AppRole})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestAppRole_AppendsAndReads_AndCannotChangeThePast(t *testing.T) {
	t.Parallel()
	pool := asService(t, testkit.DatabaseURL(t))
	store := eventstore.New(pool, eventstore.Options{})
	event := eventstore.NewEvent{ID: uuid.New(), Type: "T", SchemaVersion: 1, Data: []byte(`{}`), Metadata: []byte(`{}`)}
	if _, _, err := store.Append(t.Context(), "s", eventstore.Head{}, event); err != nil {
		t.Fatalf("append: %v", err)
	}
	for _, statement := range []string{
		`UPDATE order_events SET event_type = 'x'`,
		`UPDATE order_events SET event_type = 'x' WHERE false`,
		`DELETE FROM order_events`,
		`TRUNCATE order_events`,
		`ALTER TABLE order_events DISABLE TRIGGER ALL`,
		`DROP TRIGGER order_events_append_only ON order_events`,
		`CREATE TRIGGER mine BEFORE INSERT ON order_events FOR EACH ROW EXECUTE FUNCTION refuse_rewriting_history()`,
		`DROP TABLE order_events`,
		`SET session_replication_role = replica`,
		`INSERT INTO archived_streams (order_id, version, file, "offset", length, sha256) VALUES ('s', 1, 'f', 0, 1, sha256('x'))`,
		`UPDATE checkpoints SET heads = 0`,
		`DELETE FROM checkpoint_heads`,
		`TRUNCATE order_views`,
		`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)`,
	} {
		_, err := pool.Exec(t.Context(), statement)
		if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "42501" {
			t.Errorf("%s: got %v, want it refused", statement, err)
		}
	}
	if events, _, err := store.Load(t.Context(), "s"); err != nil || len(events) != 1 || events[0].Type != "T" {
		t.Errorf("the event is %v, %v", events, err)
	}
}

// TestAppRole_HasEveryTable finds a table whose migration forgot the services.
func TestAppRole_HasEveryTable(t *testing.T) {
	t.Parallel()
	appendOnly := map[string]bool{"order_events": true, "checkpoints": true, "checkpoint_heads": true}
	readOnly := map[string]bool{"archived_streams": true, "read_model_tables": true}
	pool := asService(t, testkit.DatabaseURL(t))
	rows, err := pool.Query(t.Context(), `
		SELECT tablename::text, has_table_privilege(format('%I', tablename), 'SELECT'), has_table_privilege(format('%I', tablename), 'INSERT'),
			has_table_privilege(format('%I', tablename), 'UPDATE, DELETE')
		FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'goose_db_version'`)
	if err != nil {
		t.Fatal(err)
	}
	var table string
	var mayRead, mayInsert, mayChange bool
	count := 0
	_, err = pgx.ForEachRow(rows, []any{&table, &mayRead, &mayInsert, &mayChange}, func() error {
		count++
		if !mayRead || mayInsert == readOnly[table] || mayChange == (appendOnly[table] || readOnly[table]) {
			t.Errorf("%s: may read: %v, insert: %v, change: %v", table, mayRead, mayInsert, mayChange)
		}
		return nil
	})
	if err != nil || count < 9 {
		t.Errorf("looked at %d tables: %v", count, err)
	}
}

func TestCheckRole(t *testing.T) {
	t.Parallel()
	databaseURL := testkit.DatabaseURL(t)
	if err := postgres.CheckRole(t.Context(), asService(t, databaseURL)); err != nil {
		t.Errorf("as a service: %v", err)
	}
	owner, err := postgres.Open(t.Context(), databaseURL, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	if err := postgres.CheckRole(t.Context(), owner); !errors.Is(err, postgres.ErrMayRewrite) {
		t.Errorf("as the owner: got %v, want ErrMayRewrite", err)
	}
	if _, err := owner.Exec(t.Context(), `GRANT DELETE ON order_events TO orderly_app`); err != nil {
		t.Fatal(err)
	}
	if err := postgres.CheckRole(t.Context(), asService(t, databaseURL)); !errors.Is(err, postgres.ErrMayRewrite) {
		t.Errorf("as a service that may delete: got %v, want ErrMayRewrite", err)
	}
}

// TestMigrate_ByAnOwnerWithoutSpecialRights is how a managed Postgres is: an administrator makes the role, the owner is
// nobody special, and the services have a login of their own.
func TestMigrate_ByAnOwnerWithoutSpecialRights(t *testing.T) {
	t.Parallel()
	admin := testkit.Database(t) // makes sure that the role is there
	suffix := fmt.Sprint(uuid.New().ID())
	owner, login, database := "owner_"+suffix, "login_"+suffix, "db_"+suffix
	for _, statement := range []string{
		"CREATE ROLE " + owner + " LOGIN", "CREATE ROLE " + login + " LOGIN IN ROLE orderly_app", "CREATE DATABASE " + database + " OWNER " + owner,
	} {
		if _, err := admin.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, statement := range []string{"DROP DATABASE " + database + " WITH (FORCE)", "DROP ROLE " + login, "DROP ROLE " + owner} {
			if _, err := admin.Exec(context.Background(), statement); err != nil {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
	as := func(user string) string {
		config := admin.Config().ConnConfig
		address := net.JoinHostPort(config.Host, fmt.Sprint(config.Port))
		return (&url.URL{Scheme: "postgres", User: url.User(user), Host: address, Path: database, RawQuery: "sslmode=disable"}).String()
	}
	if _, err := postgres.Migrate(t.Context(), as(owner)); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	service := asService(t, as(login))
	if err := postgres.CheckRole(t.Context(), service); err != nil {
		t.Errorf("as the service's login: %v", err)
	}
	if _, err := service.Exec(t.Context(), `SELECT FROM order_events`); err != nil {
		t.Errorf("read events: %v", err)
	}
}
