package readmodel

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"orderly/order"
)

// AttentionFilter says which parked steps the work queue shows; the zero filter shows all. Conditions add up.
type AttentionFilter struct {
	Tenant  string
	Step    order.StepName
	Code    string
	Carrier string
	// Limit is the size of a page, 50 when 0 and at most 1000.
	Limit int
	// Cursor is the NextCursor of the page before.
	Cursor string
}

// AttentionItem is a parked step of an order. ShipmentID and Carrier are empty when it is about no parcel.
type AttentionItem struct {
	OrderID     string
	AttentionID string
	Tenant      string
	Step        order.StepName
	ShipmentID  string
	Code        string
	Carrier     string
	Message     string
	Since       time.Time
	Attempts    int
	NextRetryAt *time.Time
	Allowed     []string
}

// AttentionPage is a part of the work queue, the oldest first. NextCursor leads to the next part; it is empty on the
// last.
type AttentionPage struct {
	Attention  []AttentionItem
	NextCursor string
}

const listAttention = `
		SELECT order_id, attention_id, tenant, step, shipment_id, code, carrier, message, since, attempts, next_retry_at, allowed
		FROM attention_queue
		WHERE ($1 = '' OR tenant = $1) AND ($2 = '' OR step = $2) AND ($3 = '' OR code = $3) AND ($4 = '' OR carrier = $4)
			AND ($5::timestamptz IS NULL OR (since, order_id, attention_id) > ($5, $6, $7))
		ORDER BY since, order_id, attention_id LIMIT $8`

// Attention lists the parked steps. Errors: [ErrBadCursor], and the database's.
func (m *ReadModel) Attention(ctx context.Context, f AttentionFilter) (AttentionPage, error) {
	after, err := parseCursor(f.Cursor, 2)
	if err != nil {
		return AttentionPage{}, err
	}
	if !allStorable(f.Tenant, string(f.Step), f.Code, f.Carrier) {
		return AttentionPage{}, nil
	}
	limit := pageSize(f.Limit)
	rows, err := m.pool.Query(ctx, listAttention, pgx.QueryExecModeCacheDescribe, f.Tenant, string(f.Step), f.Code, f.Carrier,
		orNil(after.At), after.ID[0], after.ID[1], limit+1)
	if err != nil {
		return AttentionPage{}, fmt.Errorf("list the steps that need attention: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanAttention)
	if err != nil {
		return AttentionPage{}, fmt.Errorf("list the steps that need attention: %w", err)
	}
	if len(found) <= limit {
		return AttentionPage{Attention: found}, nil
	}
	last := found[limit-1]
	next := place{At: last.Since, ID: []string{last.OrderID, last.AttentionID}}
	return AttentionPage{Attention: found[:limit], NextCursor: next.cursor()}, nil
}

func scanAttention(row pgx.CollectableRow) (AttentionItem, error) {
	var a AttentionItem
	err := row.Scan(&a.OrderID, &a.AttentionID, &a.Tenant, &a.Step, &a.ShipmentID, &a.Code, &a.Carrier, &a.Message,
		&a.Since, &a.Attempts, &a.NextRetryAt, &a.Allowed)
	a.Since = a.Since.UTC()
	if a.NextRetryAt != nil {
		utc := a.NextRetryAt.UTC()
		a.NextRetryAt = &utc
	}
	return a, err
}
