package readmodel

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/internal/testkit"
)

// fillOrders makes the orders of twenty tenants, of which few need attention, and the parcels of each.
const fillOrders = `
	INSERT INTO order_views (order_id, tenant, version, status, customer_id, external_ref, currency, total, placed_at, updated_at, needs_attention, steps_due, state)
	SELECT 'ord_' || n, 't' || n % 20, 1, (ARRAY['created', 'paid', 'shipped', 'delivered', 'closed'])[1 + n % 5], 'cust_' || n % 2000, 'web-' || n, 'USD', n,
		'2026-01-01'::timestamptz + n * interval '1 minute', '2026-01-01'::timestamptz + n * interval '1 minute', n % 1000 = 0, n % 100 = 0, '{}'
	FROM generate_series(1, 40000) n`

const fillShipments = `
	INSERT INTO shipment_index (shipment_id, order_id, tenant, tracking_number)
	SELECT 'shp_' || n, 'ord_' || n, 't' || n % 20, 'TN' || n FROM generate_series(1, 40000) n`

const fillAttention = `
	INSERT INTO attention_queue (order_id, attention_id, tenant, step, shipment_id, code, carrier, message, since, attempts, allowed)
	SELECT 'ord_' || n, 'att_1', 't' || n % 20, 'BookShipment', '', 'no_capacity', 'fedex', '', now() + n * interval '1 second', 1, '{}'
	FROM generate_series(1, 20000) n`

const fillSKUs = `INSERT INTO order_skus (sku, order_id) SELECT 'SKU-' || n % 500, 'ord_' || n FROM generate_series(1, 20000) n`

func TestLists_NeverReadWholeTables(t *testing.T) {
	t.Parallel()
	pool := testkit.Database(t)
	for _, statement := range []string{fillOrders, fillShipments, fillAttention, fillSKUs, "ANALYZE"} {
		if _, err := pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	// What the filter says, in the order of the query's parameters: tenant, status, customer, attention, from, to, after, its id,
	// limit, search, sku.
	for name, args := range map[string][]any{
		"a tenant's":        {"t1", "", "", nil, nil, nil, nil, "", 51, "", ""},
		"of a status":       {"t1", "paid", "", nil, nil, nil, nil, "", 51, "", ""},
		"of a customer":     {"t1", "", "cust_41", nil, nil, nil, nil, "", 51, "", ""},
		"needing attention": {"t0", "", "", true, nil, nil, nil, "", 51, "", ""},
		"of a time":         {"t1", "", "", nil, "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z", nil, "", 51, "", ""},
		"after a cursor":    {"t1", "", "", nil, nil, nil, "2026-01-10T00:00:00Z", "ord_5", 51, "", ""},
		"with an article":   {"t1", "", "", nil, nil, nil, nil, "", 51, "", "SKU-1"},
		"all at once":       {"t1", "paid", "cust_41", false, "2026-01-05T00:00:00Z", "2026-01-20T00:00:00Z", "2026-01-10T00:00:00Z", "ord_5", 51, "", ""},
	} {
		wantNoScan(t, pool, name, listOrders, args)
	}
	for _, found := range []string{"ord_77", "cust_77", "web-77", "TN77", "nothing"} {
		wantNoScan(t, pool, "search for "+found, searchOrders, []any{"t1", "", "", nil, nil, nil, nil, "", 51, found, ""})
	}
	for name, args := range map[string][]any{
		"queue":            {"t1", "", "", "", nil, "", "", 51},
		"queue of a step":  {"t1", "BookShipment", "no_capacity", "fedex", nil, "", "", 51},
		"queue after that": {"t1", "", "", "", "2026-01-10T00:00:00Z", "ord_5", "att_1", 51},
	} {
		wantNoScan(t, pool, name, listAttention, args)
	}
	wantNoScan(t, pool, "articles that are gone", forgetSKUs, []any{[]string{"SKU-1", "SKU-2"}, []string{"ord_1", "ord_2"}})
	wantNoScan(t, pool, "what stands still", standingOrders, []any{"2026-02-01T00:00:00Z", 1000})
}

// wantNoScan asks how a query is carried out for the values that it is given, as the lists are asked.
func wantNoScan(t *testing.T, pool *pgxpool.Pool, name, query string, args []any) {
	t.Helper()
	rows, err := pool.Query(t.Context(), "EXPLAIN "+query, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if plan := strings.Join(lines, "\n"); strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "Index") {
		t.Errorf("%s is answered by reading everything:\n%s", name, plan)
	}
}
