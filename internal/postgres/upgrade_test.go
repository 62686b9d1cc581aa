package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/internal/postgres"
	"orderly/internal/testkit"
)

// beforeUpgrade is the oldest schema version to which this version of Orderly can append: what it runs on while it is upgraded.
const beforeUpgrade = 10

// databaseAt gives the test a database of its own as it was at an earlier schema version.
func databaseAt(t *testing.T, version int64) (databaseURL string, pool *pgxpool.Pool) {
	t.Helper()
	databaseURL = testkit.EmptyDatabaseURL(t)
	if err := postgres.MigrateTo(t.Context(), databaseURL, version); err != nil {
		t.Fatal(err)
	}
	pool, err := postgres.Open(t.Context(), databaseURL, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return databaseURL, pool
}

// TestMigrate_WhileWritersAppend_NoneFailsAndNothingIsLost upgrades a database that is written to all the time.
func TestMigrate_WhileWritersAppend_NoneFailsAndNothingIsLost(t *testing.T) {
	t.Parallel()
	databaseURL, pool := databaseAt(t, beforeUpgrade)
	store := eventstore.New(pool, eventstore.Options{})
	var appended atomic.Int64
	write := func(ctx context.Context, stream string) {
		var head eventstore.Head
		for ctx.Err() == nil {
			event := eventstore.NewEvent{ID: uuid.New(), Type: "T", SchemaVersion: 1, Data: []byte(`{}`), Metadata: []byte(`{}`)}
			_, next, err := store.Append(t.Context(), stream, head, event)
			if err != nil {
				t.Errorf("append during the upgrade: %v", err)
				return
			}
			head = next
			appended.Add(1)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() { write(ctx, fmt.Sprintf("s%d", i)) })
	}
	applied, err := postgres.Migrate(t.Context(), databaseURL)
	if err != nil || applied < 3 {
		t.Errorf("%d migrations, %v", applied, err)
	}
	stop()
	writers.Wait()
	verified, err := store.VerifyAll(t.Context(), eventstore.VerifyOptions{})
	if err != nil || int64(verified.Events) != appended.Load() || verified.Streams != 4 {
		t.Errorf("verified %+v of %d events, %v", verified, appended.Load(), err)
	}
}

// beforeJSON is the last schema version whose order_views had their states as jsonb.
const beforeJSON = 43

func TestMigrate_StatesThatAreThere_AreNotRewritten(t *testing.T) {
	t.Parallel()
	const row = `
		INSERT INTO order_views (order_id, tenant, version, status, customer_id, external_ref, currency, total, placed_at, updated_at, needs_attention, state)
		VALUES ('ord_1', 't', 1, 'created', 'c', '', 'USD', 0, '2026-01-01', '2026-01-02', false, '{}')`
	const kind = `SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'order_views'::regclass AND attname = 'state'`
	for want, before := range map[string]string{"jsonb": row, "text": `SELECT`} {
		databaseURL, pool := databaseAt(t, beforeJSON)
		if _, err := pool.Exec(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		if _, err := postgres.Migrate(t.Context(), databaseURL); err != nil {
			t.Fatal(err)
		}
		var is string
		if err := pool.QueryRow(t.Context(), kind).Scan(&is); err != nil || is != want {
			t.Errorf("after %s states are %s, want %s; %v", before, is, want, err)
		}
	}
}
