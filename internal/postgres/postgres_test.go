package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/internal/postgres"
)

// openWith opens a pool on the server's own database, with parameters in its URL.
func openWith(t *testing.T, options postgres.Options, parameters map[string]string) *pgxpool.Pool {
	t.Helper()
	server := os.Getenv("DATABASE_URL")
	if server == "" {
		t.Fatal("DATABASE_URL is not set: run the tests with `make test`")
	}
	pool, err := postgres.Open(t.Context(), with(t, server, func(u *url.URL) {
		query := u.Query()
		for name, value := range parameters {
			query.Set(name, value)
		}
		u.RawQuery = query.Encode()
	}), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestOpen_SettingsOfASession(t *testing.T) {
	t.Parallel()
	for name, each := range map[string]struct {
		options    postgres.Options
		parameters map[string]string
		want       map[string]string
		maxConns   int32
	}{
		"our own": {
			want: map[string]string{
				"application_name": "orderly", "TimeZone": "UTC", "statement_timeout": "30s",
				"idle_in_transaction_session_timeout": "30s", "lock_timeout": "10s",
			},
			maxConns: 16,
		},
		"the caller's": {
			options:  postgres.Options{Name: "orderly-api", MaxConns: 3},
			want:     map[string]string{"application_name": "orderly-api", "statement_timeout": "30s"},
			maxConns: 3,
		},
		"the URL's win": {
			options: postgres.Options{Name: "orderly-api", MaxConns: 3},
			parameters: map[string]string{
				"application_name": "mine", "timezone": "Asia/Tokyo", "statement_timeout": "7s",
				"idle_in_transaction_session_timeout": "8s", "lock_timeout": "9s", "pool_max_conns": "5",
			},
			want: map[string]string{
				"application_name": "mine", "TimeZone": "Asia/Tokyo", "statement_timeout": "7s",
				"idle_in_transaction_session_timeout": "8s", "lock_timeout": "9s",
			},
			maxConns: 5,
		},
		"one of the URL's leaves the others": {
			parameters: map[string]string{"statement_timeout": "7s"},
			want:       map[string]string{"application_name": "orderly", "statement_timeout": "7s", "lock_timeout": "10s"},
			maxConns:   16,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := openWith(t, each.options, each.parameters)
			for setting, want := range each.want {
				var got string
				if err := pool.QueryRow(t.Context(), "SELECT current_setting($1)", setting).Scan(&got); err != nil || got != want {
					t.Errorf("%s: got %q (%v), want %q", setting, got, err, want)
				}
			}
			if got := pool.Config().MaxConns; got != each.maxConns {
				t.Errorf("at most %d connections, want %d", got, each.maxConns)
			}
		})
	}
}

// transaction_timeout came with Postgres 17: earlier ones have none, and the URL may only name it from there on.
func TestOpen_BoundsTransactionsWhereItCan(t *testing.T) {
	t.Parallel()
	const query = "SELECT current_setting('server_version_num')::int, coalesce(current_setting('transaction_timeout', true), '')"
	var version int
	var got string
	if err := openWith(t, postgres.Options{}, nil).QueryRow(t.Context(), query).Scan(&version, &got); err != nil {
		t.Fatal(err)
	}
	if version < 170000 {
		if got != "" {
			t.Errorf("transaction_timeout: got %q, want none", got)
		}
		return
	}
	if got != "1min" {
		t.Errorf("transaction_timeout: got %q, want 1min", got)
	}
	own := openWith(t, postgres.Options{}, map[string]string{"transaction_timeout": "7s"})
	if err := own.QueryRow(t.Context(), query).Scan(&version, &got); err != nil || got != "7s" {
		t.Errorf("the URL's own: got %q (%v), want 7s", got, err)
	}
}

func TestOpen_ATransactionThatIdles_IsEnded(t *testing.T) {
	t.Parallel()
	pool := openWith(t, postgres.Options{Name: "orderly-idler"}, map[string]string{"idle_in_transaction_session_timeout": "100ms"})
	witness := openWith(t, postgres.Options{}, nil)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	var pid int
	if err := tx.QueryRow(t.Context(), "SELECT pg_backend_pid() FROM (SELECT pg_current_xact_id()) writes").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	waitUntilGone(t, witness, pid)
	const idleTooLong = "25P03"
	if _, err := tx.Exec(t.Context(), "SELECT 1"); err == nil {
		t.Error("the transaction goes on")
	} else if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code != idleTooLong {
		t.Errorf("the transaction ended with %v", err)
	}
	if err := pool.Ping(t.Context()); err != nil {
		t.Errorf("the pool has not recovered: %v", err)
	}
}

func waitUntilGone(t *testing.T, pool *pgxpool.Pool, pid int) {
	t.Helper()
	const query = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)"
	deadline := time.Now().Add(time.Minute)
	for there := true; there; time.Sleep(10 * time.Millisecond) {
		if err := pool.QueryRow(t.Context(), query, pid).Scan(&there); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("the idle session is still there")
		}
	}
}

func TestOpen_ADatabaseThatIsNotThere_IsAnError(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"nonsense", "postgres://nobody@127.0.0.1:1/x"} {
		if pool, err := postgres.Open(t.Context(), server, postgres.Options{}); err == nil {
			pool.Close()
			t.Errorf("%s was opened", server)
		}
	}
}
