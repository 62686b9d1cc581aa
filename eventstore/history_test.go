package eventstore_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestHistory_CannotBeRewritten(t *testing.T) {
	t.Parallel()
	const insert = `
		INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		SELECT order_id, version + $1, id, event_type, schema_version, data, metadata, created_at, hash FROM order_events
		ON CONFLICT (order_id, version) `
	tests := map[string]struct {
		sql  string
		args []any
	}{
		"update":                       {sql: `UPDATE order_events SET data = '{}' WHERE order_id = 's' AND version = 2`},
		"update that finds nothing":    {sql: `UPDATE order_events SET data = '{}' WHERE false`},
		"update that changes nothing":  {sql: `UPDATE order_events SET data = data`},
		"delete":                       {sql: `DELETE FROM order_events WHERE order_id = 's' AND version = 3`},
		"truncate":                     {sql: `TRUNCATE order_events`},
		"truncate with others":         {sql: `TRUNCATE order_events, projections RESTART IDENTITY CASCADE`},
		"upsert":                       {sql: insert + `DO UPDATE SET data = '{}'`, args: []any{0}},
		"upsert that finds nothing":    {sql: insert + `DO UPDATE SET data = '{}'`, args: []any{100}},
		"merge that deletes":           {sql: `MERGE INTO order_events e USING (SELECT 's' AS id) x ON e.order_id = x.id WHEN MATCHED THEN DELETE`},
		"update below another command": {sql: `WITH changed AS (UPDATE order_events SET version = version + 1 RETURNING 1) SELECT count(*) FROM changed`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, pool := newStore(t)
			fill(t, store, "s", 3)
			before := readAll(t, store, 3)

			_, err := pool.Exec(t.Context(), tt.sql, tt.args...)
			refused, ok := errors.AsType[*pgconn.PgError](err)
			if !ok || refused.Code != "42501" {
				t.Errorf("got %v, want SQLSTATE 42501", err)
			}
			if diff := cmp.Diff(before, readAll(t, store, 3)); diff != "" {
				t.Errorf("history (-before +after):\n%s", diff)
			}
			if err := checkVersions(store, "s", 3); err != nil {
				t.Error(err)
			}
		})
	}
}
