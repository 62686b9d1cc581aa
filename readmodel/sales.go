package readmodel

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// sales is a row of daily_sales, or what is added to it. Everything counts on the day on which it happened: an amendment
// on its own day, not on that of the order.
type sales struct {
	Tenant   string `json:"tenant"`
	Day      string `json:"day"`
	Currency string `json:"currency"`
	Channel  string `json:"channel"`
	Orders   int64  `json:"orders"`
	Ordered  int64  `json:"ordered"`
	Captured int64  `json:"captured"`
	Refunded int64  `json:"refunded"`
}

// salesTally adds steps up, by rows without their sums.
type salesTally map[sales]*sales

func (t salesTally) add(step *figuresStep) {
	orders := int64(0)
	if step.first() {
		orders = 1
	}
	ordered, captured := step.after.Total-step.before.Total, step.after.Captured-step.before.Captured
	refunded := step.after.Refunded - step.before.Refunded
	if orders == 0 && ordered == 0 && captured == 0 && refunded == 0 {
		return
	}
	key := sales{
		Tenant: step.order.Tenant, Day: step.at.UTC().Format(time.DateOnly), Currency: step.order.Currency, Channel: step.order.Channel,
	}
	row := t[key]
	if row == nil {
		row = new(sales)
		*row = key
		t[key] = row
	}
	row.Orders += orders
	row.Ordered += ordered
	row.Captured += captured
	row.Refunded += refunded
}

func (t salesTally) rows() []sales {
	rows := make([]sales, 0, len(t))
	for _, row := range t {
		rows = append(rows, *row)
	}
	slices.SortFunc(rows, func(a, b sales) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Channel, b.Channel))
	})
	return rows
}

func queueSales(batch *pgx.Batch, steps []figuresStep) error {
	const query = `
		INSERT INTO daily_sales AS s (tenant, day, currency, channel, orders, ordered, captured, refunded)
		SELECT unnest($1::text[]), unnest($2::text[])::date, unnest($3::text[]), unnest($4::text[]), unnest($5::bigint[]),
			unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::bigint[])
		ON CONFLICT (tenant, day, currency, channel) DO UPDATE SET orders = s.orders + excluded.orders,
			ordered = s.ordered + excluded.ordered, captured = s.captured + excluded.captured, refunded = s.refunded + excluded.refunded`
	tally := salesTally{}
	for i := range steps {
		tally.add(&steps[i])
	}
	return queueRows(batch, query, tally.rows())
}

// DailySales is what happened on a day of UTC in a currency and a channel. Amounts are minor units.
type DailySales struct {
	Day      time.Time
	Currency string
	Channel  string
	// Orders were placed on the day; Ordered is by how much the value of orders grew, with amendments.
	Orders, Ordered int64
	// Captured was taken from customers, Refunded given back.
	Captured, Refunded int64
}

// Sales lists the daily sales of a tenant from one day to another, both included, by day, currency and channel.
func (m *ReadModel) Sales(ctx context.Context, tenant string, from, to time.Time) ([]DailySales, error) {
	const query = `
		SELECT day, currency, channel, orders, ordered, captured, refunded FROM daily_sales
		WHERE tenant = $1 AND day BETWEEN $2::date AND $3::date
		ORDER BY day, currency, channel`
	rows, err := m.pool.Query(ctx, query, tenant, from, to)
	if err != nil {
		return nil, fmt.Errorf("read the daily sales: %w", err)
	}
	days, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DailySales])
	if err != nil {
		return nil, fmt.Errorf("read the daily sales: %w", err)
	}
	return days, nil
}
