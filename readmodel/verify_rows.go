package readmodel

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"orderly/order"
)

// rowsOf are the rows that an order must have.
func rowsOf(s order.State) (found, error) {
	rows := orderRows{summary: summaryOf(s), state: s, attention: attentionOf(s), shipments: shipmentsOf(s)}
	return rows.encode()
}

// orderRows are the rows of an order.
type orderRows struct {
	summary   Summary
	state     order.State
	attention []AttentionItem
	shipments []shipmentRow
}

func (r orderRows) encode() (found, error) {
	var f found
	var errs [4]error
	if r.summary.OrderID != "" {
		f.view, errs[0] = asJSON(r.summary)
		f.state, errs[1] = asJSON(r.state)
	}
	if len(r.attention) > 0 {
		slices.SortFunc(r.attention, func(a, b AttentionItem) int { return cmp.Compare(a.AttentionID, b.AttentionID) })
		for i := range r.attention {
			r.attention[i] = inUTC(r.attention[i])
		}
		f.attention, errs[2] = asJSON(r.attention)
	}
	if len(r.shipments) > 0 {
		slices.SortFunc(r.shipments, func(a, b shipmentRow) int { return cmp.Compare(a.ShipmentID, b.ShipmentID) })
		f.shipments, errs[3] = asJSON(r.shipments)
	}
	return f, errors.Join(errs[:]...)
}

// inUTC is the item with its times as the database gives them back.
func inUTC(a AttentionItem) AttentionItem {
	if a.NextRetryAt != nil {
		at := a.NextRetryAt.UTC()
		a.NextRetryAt = &at
	}
	return a
}

// readRows reads the rows of all orders after one id, up to and with another; without a last one, all that follow.
func (v *verifier) readRows(ctx context.Context, after, last string) (map[string]found, error) {
	rows := map[string]*orderRows{}
	of := func(id string) *orderRows {
		if rows[id] == nil {
			rows[id] = &orderRows{}
		}
		return rows[id]
	}
	if err := v.readViews(ctx, after, last, of); err != nil {
		return nil, err
	}
	if err := v.readAttention(ctx, after, last, of); err != nil {
		return nil, err
	}
	if err := v.readShipments(ctx, after, last, of); err != nil {
		return nil, err
	}
	encoded := make(map[string]found, len(rows))
	for id, row := range rows {
		var err error
		if encoded[id], err = row.encode(); err != nil {
			return nil, err
		}
	}
	return encoded, nil
}

func (v *verifier) readViews(ctx context.Context, after, last string, of func(string) *orderRows) error {
	const query = `
		SELECT order_id, tenant, version, status, customer_id, external_ref, currency, total, placed_at, updated_at,
			needs_attention, coalesce(open, status NOT IN ('closed', 'cancelled')), state
		FROM order_views WHERE order_id > $1 AND ($2 = '' OR order_id <= $2)`
	rows, err := v.tx.Query(ctx, query, after, last)
	if err != nil {
		return err
	}
	var s Summary
	var state order.State
	columns := []any{
		&s.OrderID, &s.Tenant, &s.Version, &s.Status, &s.CustomerID, &s.ExternalRef, &s.Currency, &s.Total,
		&s.PlacedAt, &s.UpdatedAt, &s.NeedsAttention, &s.Open, &state,
	}
	_, err = pgx.ForEachRow(rows, columns, func() error {
		s.PlacedAt, s.UpdatedAt = s.PlacedAt.UTC(), s.UpdatedAt.UTC()
		row := of(s.OrderID)
		row.summary, row.state = s, state
		state = order.State{} // JSON leaves alone what it does not name
		return nil
	})
	return err
}

func (v *verifier) readAttention(ctx context.Context, after, last string, of func(string) *orderRows) error {
	const query = `
		SELECT order_id, attention_id, tenant, step, shipment_id, code, carrier, message, since, attempts, next_retry_at, allowed
		FROM attention_queue WHERE order_id > $1 AND ($2 = '' OR order_id <= $2)`
	rows, err := v.tx.Query(ctx, query, after, last)
	if err != nil {
		return err
	}
	items, err := pgx.CollectRows(rows, scanAttention)
	for _, item := range items {
		row := of(item.OrderID)
		row.attention = append(row.attention, item)
	}
	return err
}

func (v *verifier) readShipments(ctx context.Context, after, last string, of func(string) *orderRows) error {
	const query = `
		SELECT shipment_id, order_id, tenant, tracking_number
		FROM shipment_index WHERE order_id > $1 AND ($2 = '' OR order_id <= $2)`
	rows, err := v.tx.Query(ctx, query, after, last)
	if err != nil {
		return err
	}
	shipments, err := pgx.CollectRows(rows, pgx.RowToStructByPos[shipmentRow])
	for _, shipment := range shipments {
		row := of(shipment.OrderID)
		row.shipments = append(row.shipments, shipment)
	}
	return err
}
