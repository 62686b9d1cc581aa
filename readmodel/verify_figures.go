package readmodel

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
	"orderly/projection"
)

// figuresAudit compares the tables of the projection of figures. What is counted by day it counts again while it folds the
// orders; there are not many such rows. The other counters the database adds up from the rows of orders, which are compared before.
type figuresAudit struct {
	sales      salesTally
	deliveries deliveryTally
	changes    sortedRows[statusChange]
}

func newFiguresAudit() *figuresAudit {
	return &figuresAudit{
		sales: salesTally{}, deliveries: deliveryTally{},
		changes: sortedRows[statusChange]{
			table: "status_changes", query: selectStatusChanges + ` ORDER BY order_id`, scan: scanStatusChange, id: statusChange.order,
		},
	}
}

func (*figuresAudit) projection() string { return Figures().Name }

func (a *figuresAudit) want(id string, events []eventstore.Event, into rowsByOrder) error {
	folded, err := foldFigures(projection.StreamsOf(events), []figures{newFigures(id)}, events)
	if err != nil {
		return err
	}
	for i := range folded.steps {
		a.sales.add(&folded.steps[i])
		a.deliveries.add(&folded.steps[i])
	}
	return errors.Join(
		into.put(id, "order_figures", folded.added[0]),
		wantRows(into, id, "status_changes", statusChanges(folded.steps), byVersion),
	)
}

func (a *figuresAudit) got(ctx context.Context, tx pgx.Tx, p ordersPage, into rowsByOrder) error {
	if err := readFigures(ctx, tx, p, into); err != nil {
		return err
	}
	changes, err := a.changes.of(ctx, tx, p)
	if err != nil {
		return err
	}
	return putAll(into, "status_changes", changes, statusChange.order, byVersion)
}

func readFigures(ctx context.Context, tx pgx.Tx, p ordersPage, into rowsByOrder) error {
	const query = selectFigures + ` WHERE order_id > $1 AND ($2 = '' OR order_id <= $2)`
	rows, err := tx.Query(ctx, query, p.after, p.last)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, scanFigures)
	for _, f := range found {
		err = errors.Join(err, into.put(f.OrderID, "order_figures", f))
	}
	return err
}

const selectStatusChanges = `SELECT order_id, version, tenant, at, from_status, since, to_status FROM status_changes`

func scanStatusChange(row pgx.CollectableRow) (statusChange, error) {
	c, err := pgx.RowToStructByPos[statusChange](row)
	c.At, c.Since = c.At.UTC(), c.Since.UTC()
	return c, err
}

func (c statusChange) order() string { return c.OrderID }

func byVersion(a, b statusChange) int { return cmp.Compare(a.Version, b.Version) }

// sums compares each table of counters, row by row.
func (a *figuresAudit) sums(ctx context.Context, tx pgx.Tx) ([]Difference, error) {
	const nets = `
		WITH want AS (
			SELECT c.tenant, span, date_trunc(span, c.at, 'UTC') AS begins, turn.status, sum(turn.net)::bigint AS net
			FROM status_changes c
			CROSS JOIN LATERAL (VALUES (c.to_status, 1), (c.from_status, -1)) AS turn (status, net)
			CROSS JOIN unnest(ARRAY['minute', 'hour', 'day', 'month']) AS span
			WHERE turn.status <> '' GROUP BY 1, 2, 3, 4)
		SELECT coalesce(to_jsonb(want)::text, ''), coalesce(to_jsonb(got)::text, '')
		FROM want FULL JOIN status_nets got USING (tenant, span, begins, status)
		WHERE coalesce(want.net, 0) <> coalesce(got.net, 0)`
	const customers = `
		WITH want AS (
			SELECT tenant, customer_id, currency, count(*) AS orders, sum(total)::bigint AS ordered, sum(captured)::bigint AS captured,
				sum(refunded)::bigint AS refunded, min(placed_at) AS first_placed_at, max(placed_at) AS last_placed_at
			FROM order_figures GROUP BY tenant, customer_id, currency)
		SELECT coalesce(to_jsonb(want)::text, ''), coalesce(to_jsonb(got)::text, '')
		FROM want FULL JOIN customer_totals got USING (tenant, customer_id, currency)
		WHERE to_jsonb(want) IS DISTINCT FROM to_jsonb(got)`
	const days = `
		WITH want AS (SELECT tenant, day, currency, channel, orders, ordered, captured, refunded FROM jsonb_populate_recordset(NULL::daily_sales, $1))
		SELECT coalesce(to_jsonb(want)::text, ''), coalesce(to_jsonb(got)::text, '')
		FROM want FULL JOIN daily_sales got USING (tenant, day, currency, channel)
		WHERE to_jsonb(want) IS DISTINCT FROM to_jsonb(got)`
	const deliveries = `
		WITH want AS (SELECT tenant, day, carrier, leg, within_seconds, parcels, seconds FROM jsonb_populate_recordset(NULL::delivery_times, $1))
		SELECT coalesce(to_jsonb(want)::text, ''), coalesce(to_jsonb(got)::text, '')
		FROM want FULL JOIN delivery_times got USING (tenant, day, carrier, leg, within_seconds)
		WHERE to_jsonb(want) IS DISTINCT FROM to_jsonb(got)`
	sales, salesErr := json.Marshal(a.sales.rows())
	times, timesErr := json.Marshal(a.deliveries.rows())
	if err := errors.Join(salesErr, timesErr); err != nil {
		return nil, fmt.Errorf("encode what was counted: %w", err)
	}
	var all []Difference
	for _, each := range []struct {
		table, query string
		args         []any
	}{
		{"status_nets", nets, nil},
		{"customer_totals", customers, nil},
		{"daily_sales", days, []any{string(sales)}},
		{"delivery_times", deliveries, []any{string(times)}},
	} {
		rows, err := tx.Query(ctx, each.query, each.args...)
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", each.table, err)
		}
		found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Difference, error) {
			d := Difference{What: each.table}
			err := row.Scan(&d.Want, &d.Got)
			return d, err
		})
		if err != nil {
			return nil, fmt.Errorf("compare %s: %w", each.table, err)
		}
		all = append(all, found...)
	}
	return all, nil
}
