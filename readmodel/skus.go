package readmodel

import (
	"cmp"
	"errors"
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

func (s orderSKU) order() string { return s.OrderID }

func bySKU(a, b orderSKU) int { return cmp.Compare(a.SKU, b.SKU) }

const forgetSKUs = `DELETE FROM order_skus WHERE (sku, order_id) IN (SELECT unnest($1::text[]), unnest($2::text[]))`

// queueSKUs takes away the articles that the orders have no more, and adds those that are new.
func queueSKUs(batch *pgx.Batch, changes []change) error {
	const remember = `INSERT INTO order_skus (sku, order_id) SELECT unnest($1::text[]), unnest($2::text[])`
	var gone, added []orderSKU
	for _, c := range changes {
		before, after := skusOf(c.before), skusOf(c.after)
		gone = append(gone, without(before, after)...)
		added = append(added, without(after, before)...)
	}
	return errors.Join(queueRows(batch, forgetSKUs, gone), queueRows(batch, remember, added))
}

// without gives the rows that are not among others.
func without(rows, others []orderSKU) []orderSKU {
	return slices.DeleteFunc(slices.Clone(rows), func(row orderSKU) bool { return slices.Contains(others, row) })
}
