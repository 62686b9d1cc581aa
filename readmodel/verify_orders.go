package readmodel

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
	"orderly/journal"
	"orderly/order"
)

// ordersAudit compares the tables of the projection of orders.
type ordersAudit struct {
	skus      sortedRows[orderSKU]
	shipments sortedRows[ShipmentItem]
}

func newOrdersAudit() *ordersAudit {
	return &ordersAudit{
		skus: sortedRows[orderSKU]{
			table: "order_skus", query: `SELECT sku, order_id FROM order_skus ORDER BY order_id`,
			scan: pgx.RowToStructByPos[orderSKU], id: orderSKU.order,
		},
		shipments: sortedRows[ShipmentItem]{
			table: "shipment_index", query: selectShipments + ` ORDER BY order_id`, scan: scanShipment, id: ShipmentItem.order,
		},
	}
}

func (*ordersAudit) projection() string { return Orders().Name }

func (*ordersAudit) want(id string, events []eventstore.Event, into rowsByOrder) error {
	recorded, err := journal.Decode(events)
	if err != nil {
		return err
	}
	state := order.Fold(id, recorded).WithoutCommands()
	return errors.Join(
		into.put(id, "order_views", summaryOf(state)),
		into.put(id, "order_views.state", state),
		wantRows(into, id, "order_skus", skusOf(state), bySKU),
		wantRows(into, id, "attention_queue", attentionOf(state), byAttentionID),
		wantRows(into, id, "shipment_index", shipmentsOf(state), byShipmentID),
	)
}

func (a *ordersAudit) got(ctx context.Context, tx pgx.Tx, p ordersPage, into rowsByOrder) error {
	if err := errors.Join(readViews(ctx, tx, p, into), readAttention(ctx, tx, p, into)); err != nil {
		return err
	}
	skus, err := a.skus.of(ctx, tx, p)
	if err != nil {
		return err
	}
	shipments, err := a.shipments.of(ctx, tx, p)
	if err != nil {
		return err
	}
	return errors.Join(
		putAll(into, "order_skus", skus, orderSKU.order, bySKU),
		putAll(into, "shipment_index", shipments, ShipmentItem.order, byShipmentID),
	)
}

// sums compares nothing: all rows are of one order.
func (*ordersAudit) sums(context.Context, pgx.Tx) ([]Difference, error) { return nil, nil }

// wantRows puts the rows of an order, unless there are none.
func wantRows[T any](into rowsByOrder, id, table string, rows []T, inOrder func(a, b T) int) error {
	if len(rows) == 0 {
		return nil
	}
	slices.SortFunc(rows, inOrder)
	return into.put(id, table, rows)
}
