package readmodel

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"orderly/order"
)

// orderSKU is a row of order_skus: an article and an order that has it.
type orderSKU struct {
	SKU     string `json:"sku"`
	OrderID string `json:"order_id"`
}

// skusOf are the order's rows of order_skus.
func skusOf(s order.State) []orderSKU {
	var rows []orderSKU
	for _, line := range s.Lines {
		if row := (orderSKU{line.SKU, s.OrderID}); !slices.Contains(rows, row) {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, bySKU)
	return rows
}

func bySKU(a, b orderSKU) int { return cmp.Compare(a.SKU, b.SKU) }

// queueSKUs replaces the articles of the orders that have others than before.
func queueSKUs(batch *pgx.Batch, changes []change) error {
	const forget = `DELETE FROM order_skus WHERE order_id = ANY($1)`
	const remember = `INSERT INTO order_skus (sku, order_id) SELECT unnest($1::text[]), unnest($2::text[])`
	var had []string
	var rows []orderSKU
	for _, c := range changes {
		before, after := skusOf(c.before), skusOf(c.after)
		if slices.Equal(before, after) {
			continue
		}
		if len(before) > 0 {
			had = append(had, c.after.OrderID)
		}
		rows = append(rows, after...)
	}
	if len(had) > 0 {
		batch.Queue(forget, had)
	}
	return queueRows(batch, remember, rows)
}

// readSKUs reads the rows of all orders after one id, up to and with another; without a last one, all that follow.
func readSKUs(ctx context.Context, tx pgx.Tx, after, last string, into rowsByOrder) error {
	const query = `SELECT sku, order_id FROM order_skus WHERE order_id > $1 AND ($2 = '' OR order_id <= $2)`
	rows, err := tx.Query(ctx, query, after, last)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[orderSKU])
	if err != nil {
		return err
	}
	return putAll(into, "order_skus", found, func(s orderSKU) string { return s.OrderID }, bySKU)
}
