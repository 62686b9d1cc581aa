package readmodel

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"orderly/order"
)

// Filter says which orders a list shows; the zero Filter shows all. Conditions add up.
type Filter struct {
	Tenant         string
	Status         order.Status
	CustomerID     string
	NeedsAttention *bool
	// Query is exactly the order id, the external reference, the customer id or a tracking number.
	Query string
	// PlacedAfter and PlacedBefore leave out the moments themselves.
	PlacedAfter, PlacedBefore time.Time
	// Limit is the size of a page, 50 when 0 and at most 1000.
	Limit int
	// Cursor is the NextCursor of the page before.
	Cursor string
}

// Summary is an order in a list.
type Summary struct {
	OrderID        string
	Tenant         string
	Version        int
	Status         order.Status
	CustomerID     string
	ExternalRef    string
	Currency       string
	Total          int64
	PlacedAt       time.Time
	UpdatedAt      time.Time
	NeedsAttention bool
	// Open says whether more is to happen to it.
	Open bool
}

// Page is a part of a list, the orders placed last first. NextCursor leads to the next part; it is empty on the last.
type Page struct {
	Orders     []Summary
	NextCursor string
}

// Orders lists orders. Errors: [ErrBadCursor], and the database's.
func (m *ReadModel) Orders(ctx context.Context, f Filter) (Page, error) {
	after, err := parseCursor(f.Cursor, 1)
	if err != nil {
		return Page{}, err
	}
	if !allStorable(f.Tenant, string(f.Status), f.CustomerID, f.Query) {
		return Page{}, nil
	}
	query := listOrders
	if f.Query != "" {
		query = searchOrders
	}
	limit := pageSize(f.Limit)
	// The plan is made for the values that are given, so that those that are not cost nothing.
	rows, err := m.pool.Query(ctx, query, pgx.QueryExecModeCacheDescribe, f.Tenant, string(f.Status), f.CustomerID,
		f.NeedsAttention, orNil(f.PlacedAfter), orNil(f.PlacedBefore), orNil(after.At), after.ID[0], limit+1, f.Query)
	if err != nil {
		return Page{}, fmt.Errorf("list orders: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanSummary)
	if err != nil {
		return Page{}, fmt.Errorf("list orders: %w", err)
	}
	return pageOf(found, limit), nil
}

const (
	listOrders   = selectOrders + ` AND $10 = ''` + newestFirst
	searchOrders = selectOrders + `
			AND order_id IN (
				SELECT order_id FROM order_views WHERE order_id = $10
				UNION ALL SELECT order_id FROM order_views WHERE external_ref = $10 AND external_ref <> ''
				UNION ALL SELECT order_id FROM order_views WHERE customer_id = $10
				UNION ALL SELECT order_id FROM shipment_index WHERE tracking_number = $10 AND tracking_number <> '')` + newestFirst
	selectOrders = `
		SELECT order_id, tenant, version, status, customer_id, external_ref, currency, total, placed_at, updated_at, needs_attention,
			coalesce(open, status NOT IN ('closed', 'cancelled'))
		FROM order_views
		WHERE ($1 = '' OR tenant = $1) AND ($2 = '' OR status = $2) AND ($3 = '' OR customer_id = $3)
			AND ($4::boolean IS NULL OR needs_attention = $4)
			AND ($5::timestamptz IS NULL OR placed_at > $5) AND ($6::timestamptz IS NULL OR placed_at < $6)
			AND ($7::timestamptz IS NULL OR (placed_at, order_id) < ($7, $8))`
	newestFirst = ` ORDER BY placed_at DESC, order_id DESC LIMIT $9`
)

func scanSummary(row pgx.CollectableRow) (Summary, error) {
	var s Summary
	err := row.Scan(&s.OrderID, &s.Tenant, &s.Version, &s.Status, &s.CustomerID, &s.ExternalRef, &s.Currency, &s.Total,
		&s.PlacedAt, &s.UpdatedAt, &s.NeedsAttention, &s.Open)
	s.PlacedAt, s.UpdatedAt = s.PlacedAt.UTC(), s.UpdatedAt.UTC()
	return s, err
}

// pageOf makes a page of rows, of which one more than the limit was read.
func pageOf(found []Summary, limit int) Page {
	if len(found) <= limit {
		return Page{Orders: found}
	}
	last := found[limit-1]
	return Page{Orders: found[:limit], NextCursor: place{At: last.PlacedAt, ID: []string{last.OrderID}}.cursor()}
}
