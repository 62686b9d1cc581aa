package readmodel

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"orderly/internal/testkit"
)

// TestOrderViews_AreUpdatedInPlace: a column that changes with every event must be in no index, nor in the condition of one, or
// Postgres writes every update to all of them.
func TestOrderViews_AreUpdatedInPlace(t *testing.T) {
	t.Parallel()
	const query = `
		SELECT index.relname || ' has ' || attname
		FROM pg_depend JOIN pg_class index ON index.oid = objid AND relkind = 'i'
		JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
		WHERE refobjid = 'order_views'::regclass AND attname IN ('version', 'updated_at', 'state')`
	rows, err := testkit.Database(t).Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(found) > 0 {
		t.Errorf("%q, %v", found, err)
	}
}
