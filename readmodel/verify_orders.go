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
type ordersAudit struct{}

func (ordersAudit) projection() string { return Orders().Name }

func (ordersAudit) want(id string, events []eventstore.Event, into rowsByOrder) error {
	recorded, err := journal.Decode(events)
	if err != nil {
		return err
	}
	state := order.Fold(id, recorded)
	return errors.Join(
		into.put(id, "order_views", summaryOf(state)),
		into.put(id, "order_views.state", state),
		wantRows(into, id, "order_skus", skusOf(state), bySKU),
		wantRows(into, id, "attention_queue", attentionOf(state), byAttentionID),
		wantRows(into, id, "shipment_index", shipmentsOf(state), byShipmentID),
	)
}

func (ordersAudit) got(ctx context.Context, tx pgx.Tx, after, last string, into rowsByOrder) error {
	for _, read := range []func(ctx context.Context, tx pgx.Tx, after, last string, into rowsByOrder) error{
		readViews, readSKUs, readAttention, readShipments,
	} {
		if err := read(ctx, tx, after, last, into); err != nil {
			return err
		}
	}
	return nil
}

// sums compares nothing: all rows are of one order.
func (ordersAudit) sums(context.Context, pgx.Tx) ([]Difference, error) { return nil, nil }

// wantRows puts the rows of an order, unless there are none.
func wantRows[T any](into rowsByOrder, id, table string, rows []T, inOrder func(a, b T) int) error {
	if len(rows) == 0 {
		return nil
	}
	slices.SortFunc(rows, inOrder)
	return into.put(id, table, rows)
}
