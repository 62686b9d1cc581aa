package readmodel

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// customerTotals is a row of customer_totals, or what is added to it.
type customerTotals struct {
	Tenant        string    `json:"tenant"`
	CustomerID    string    `json:"customer_id"`
	Currency      string    `json:"currency"`
	Orders        int64     `json:"orders"`
	Ordered       int64     `json:"ordered"`
	Captured      int64     `json:"captured"`
	Refunded      int64     `json:"refunded"`
	FirstPlacedAt time.Time `json:"first_placed_at"`
	LastPlacedAt  time.Time `json:"last_placed_at"`
}

func (c *customerTotals) add(step *figuresStep) {
	if step.first() {
		c.Orders++
	}
	c.Ordered += step.after.Total - step.before.Total
	c.Captured += step.after.Captured - step.before.Captured
	c.Refunded += step.after.Refunded - step.before.Refunded
	if placed := step.order.PlacedAt; c.FirstPlacedAt.IsZero() || placed.Before(c.FirstPlacedAt) {
		c.FirstPlacedAt = placed
	}
	if step.order.PlacedAt.After(c.LastPlacedAt) {
		c.LastPlacedAt = step.order.PlacedAt
	}
}

func queueCustomers(batch *pgx.Batch, steps []figuresStep) error {
	const query = `
		INSERT INTO customer_totals AS c (tenant, customer_id, currency, orders, ordered, captured, refunded, first_placed_at, last_placed_at)
		SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]), unnest($5::bigint[]),
			unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::timestamptz[]), unnest($9::timestamptz[])
		ON CONFLICT (tenant, customer_id, currency) DO UPDATE SET orders = c.orders + excluded.orders,
			ordered = c.ordered + excluded.ordered, captured = c.captured + excluded.captured, refunded = c.refunded + excluded.refunded,
			first_placed_at = least(c.first_placed_at, excluded.first_placed_at),
			last_placed_at = greatest(c.last_placed_at, excluded.last_placed_at)`
	type key struct{ tenant, customer, currency string }
	totals := map[key]*customerTotals{}
	for i := range steps {
		step := &steps[i]
		f, was, is := step.order, step.before, step.after
		if !step.first() && is.Total == was.Total && is.Captured == was.Captured && is.Refunded == was.Refunded {
			continue
		}
		of := key{f.Tenant, f.CustomerID, f.Currency}
		if totals[of] == nil {
			totals[of] = &customerTotals{Tenant: f.Tenant, CustomerID: f.CustomerID, Currency: f.Currency}
		}
		totals[of].add(step)
	}
	rows := make([]customerTotals, 0, len(totals))
	for _, row := range totals {
		rows = append(rows, *row)
	}
	slices.SortFunc(rows, func(a, b customerTotals) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.CustomerID, b.CustomerID), cmp.Compare(a.Currency, b.Currency))
	})
	return queueRows(batch, query, rows)
}

// CustomerTotals is what a customer has done in a currency. Amounts are minor units.
type CustomerTotals struct {
	Currency string
	// Orders is how many were placed, Ordered what they come to.
	Orders, Ordered int64
	// Captured was taken, Refunded given back.
	Captured, Refunded          int64
	FirstPlacedAt, LastPlacedAt time.Time
}

// Customer lists the totals of a tenant's customer by currency; none for one who has ordered nothing.
func (m *ReadModel) Customer(ctx context.Context, tenant, customerID string) ([]CustomerTotals, error) {
	const query = `
		SELECT currency, orders, ordered, captured, refunded, first_placed_at, last_placed_at FROM customer_totals
		WHERE tenant = $1 AND customer_id = $2 ORDER BY currency`
	if !allStorable(tenant, customerID) {
		return nil, nil
	}
	rows, err := m.pool.Query(ctx, query, tenant, customerID)
	if err != nil {
		return nil, fmt.Errorf("read the totals of customer %s: %w", customerID, err)
	}
	totals, err := pgx.CollectRows(rows, pgx.RowToStructByPos[CustomerTotals])
	if err != nil {
		return nil, fmt.Errorf("read the totals of customer %s: %w", customerID, err)
	}
	for i := range totals {
		totals[i].FirstPlacedAt, totals[i].LastPlacedAt = totals[i].FirstPlacedAt.UTC(), totals[i].LastPlacedAt.UTC()
	}
	return totals, nil
}
