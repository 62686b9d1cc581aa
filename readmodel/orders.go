package readmodel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"orderly/order"
)

// Filter says which orders a list shows; the zero Filter shows all. Conditions add up.
type Filter struct {
	Tenant         string // whoever leaves it out has all orders read
	Status         order.Status
	CustomerID     string
	NeedsAttention *bool
	// SKU is an article of the order.
	SKU string
	// Query is exactly the order id, the external reference, the customer id, a tracking number or an article.
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
	// StepsDue says whether there are steps to be carried out now.
	StepsDue bool
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
	if !allStorable(f.Tenant, string(f.Status), f.CustomerID, f.SKU, f.Query) {
		return Page{}, nil
	}
	query := listOrders
	if f.Query != "" {
		query = searchOrders
	}
	limit := pageSize(f.Limit)
	// The plan is made for the values that are given, so that those that are not cost nothing.
	rows, err := m.pool.Query(ctx, query, pgx.QueryExecModeCacheDescribe, f.Tenant, string(f.Status), f.CustomerID,
		f.NeedsAttention, orNil(f.PlacedAfter), orNil(f.PlacedBefore), orNil(after.At), after.ID[0], limit+1, f.Query, f.SKU)
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
				UNION ALL SELECT order_id FROM shipment_index WHERE tracking_number = $10 AND tracking_number <> ''
				UNION ALL SELECT order_id FROM order_skus WHERE sku = $10)` + newestFirst
	selectOrders = `
		SELECT order_id, tenant, version, status, customer_id, external_ref, currency, total, placed_at, updated_at, needs_attention,
			coalesce(open, status NOT IN ('closed', 'cancelled')), steps_due
		FROM order_views
		WHERE ($1 = '' OR tenant = $1) AND ($2 = '' OR status = $2) AND ($3 = '' OR customer_id = $3)
			AND ($4::boolean IS NULL OR needs_attention = $4)
			AND ($5::timestamptz IS NULL OR placed_at > $5) AND ($6::timestamptz IS NULL OR placed_at < $6)
			AND ($7::timestamptz IS NULL OR (placed_at, order_id) < ($7, $8))
			AND ($11 = '' OR order_id IN (SELECT order_id FROM order_skus WHERE sku = $11))`
	newestFirst = ` ORDER BY placed_at DESC, order_id DESC LIMIT $9`
)

func scanSummary(row pgx.CollectableRow) (Summary, error) {
	var s Summary
	err := row.Scan(&s.OrderID, &s.Tenant, &s.Version, &s.Status, &s.CustomerID, &s.ExternalRef, &s.Currency, &s.Total,
		&s.PlacedAt, &s.UpdatedAt, &s.NeedsAttention, &s.Open, &s.StepsDue)
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

// summaryOf is the order's row of order_views, less its state.
func summaryOf(s order.State) Summary {
	return Summary{
		OrderID: s.OrderID, Tenant: s.Tenant, Version: s.Version, Status: s.Status, CustomerID: s.CustomerID,
		ExternalRef: s.ExternalRef, Currency: s.Currency, Total: s.Total, PlacedAt: s.PlacedAt, UpdatedAt: s.UpdatedAt,
		NeedsAttention: len(s.Attention) > 0, Open: s.Open(), StepsDue: s.StepsDue(),
	}
}

// viewRow is a row of order_views.
type viewRow struct {
	Summary

	State string
}

// queueViews writes new orders, and replaces the rows of those that are there: to look for each row that may be there already, and
// for none in vain, costs a tenth of writing it.
func queueViews(batch *pgx.Batch, changes []change) error {
	const add = `
		INSERT INTO order_views AS v (order_id, tenant, version, status, customer_id, external_ref, currency, total,
			placed_at, updated_at, needs_attention, open, steps_due, state)
		SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::int[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
			unnest($7::text[]), unnest($8::bigint[]), unnest($9::timestamptz[]), unnest($10::timestamptz[]), unnest($11::boolean[]),
			unnest($12::boolean[]), unnest($13::boolean[]), unnest($14::text[])`
	const replace = add + `
		ON CONFLICT (order_id) DO UPDATE SET
			tenant = excluded.tenant, version = excluded.version, status = excluded.status, customer_id = excluded.customer_id,
			external_ref = excluded.external_ref, currency = excluded.currency, total = excluded.total,
			placed_at = excluded.placed_at, updated_at = excluded.updated_at, needs_attention = excluded.needs_attention,
			open = excluded.open, steps_due = excluded.steps_due, state = excluded.state
		WHERE v.version < excluded.version`
	var added, changed []viewRow
	for _, c := range changes {
		state, err := json.Marshal(c.after)
		if err != nil {
			return fmt.Errorf("encode order %s: %w", c.after.OrderID, err)
		}
		row := viewRow{summaryOf(c.after), string(state)}
		if c.before.Version == 0 {
			added = append(added, row)
		} else {
			changed = append(changed, row)
		}
	}
	return errors.Join(queueRows(batch, add, added), queueRows(batch, replace, changed))
}

func readViews(ctx context.Context, tx pgx.Tx, p ordersPage, into rowsByOrder) error {
	const query = `
		SELECT order_id, tenant, version, status, customer_id, external_ref, currency, total, placed_at, updated_at,
			needs_attention, coalesce(open, status NOT IN ('closed', 'cancelled')), steps_due, state::text
		FROM order_views WHERE order_id > $1 AND ($2 = '' OR order_id <= $2)`
	rows, err := tx.Query(ctx, query, p.after, p.last)
	if err != nil {
		return err
	}
	var s Summary
	var text []byte
	columns := []any{
		&s.OrderID, &s.Tenant, &s.Version, &s.Status, &s.CustomerID, &s.ExternalRef, &s.Currency, &s.Total,
		&s.PlacedAt, &s.UpdatedAt, &s.NeedsAttention, &s.Open, &s.StepsDue, &text,
	}
	_, err = pgx.ForEachRow(rows, columns, func() error {
		s.PlacedAt, s.UpdatedAt = s.PlacedAt.UTC(), s.UpdatedAt.UTC()
		state, err := order.DecodeState(text)
		if err != nil {
			return fmt.Errorf("%s: %w", s.OrderID, err)
		}
		return errors.Join(into.put(s.OrderID, "order_views", s), into.put(s.OrderID, "order_views.state", state))
	})
	return err
}
