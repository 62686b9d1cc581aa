package readmodel

import (
	"cmp"
	"context"
	"encoding/json"
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
	a.Since, a.NextRetryAt = a.Since.UTC(), utc(a.NextRetryAt)
	return a, err
}

// attentionOf are the order's rows of attention_queue.
func attentionOf(s order.State) []AttentionItem {
	var items []AttentionItem
	for _, a := range s.Attention {
		shipment, _ := s.Shipment(a.ShipmentID)
		allowed := a.Allowed
		if allowed == nil {
			allowed = []string{}
		}
		items = append(items, AttentionItem{
			OrderID: s.OrderID, AttentionID: a.AttentionID, Tenant: s.Tenant, Step: a.Step, ShipmentID: a.ShipmentID,
			Code: a.Code, Carrier: shipment.Carrier, Message: a.Message, Since: a.Since, Attempts: a.Attempts,
			NextRetryAt: utc(a.NextRetryAt), Allowed: allowed,
		})
	}
	return items
}

// queueAttention replaces the parked steps of the orders that have some, or had.
func queueAttention(batch *pgx.Batch, changes []change) error {
	const forget = `DELETE FROM attention_queue WHERE order_id = ANY($1)`
	// The lists of choices differ in length, which unnest cannot have: so the rows come as JSON.
	const remember = `
		INSERT INTO attention_queue (order_id, attention_id, tenant, step, shipment_id, code, carrier, message, since,
			attempts, next_retry_at, allowed)
		SELECT "OrderID", "AttentionID", "Tenant", "Step", "ShipmentID", "Code", "Carrier", "Message", "Since",
			"Attempts", "NextRetryAt", "Allowed"
		FROM jsonb_to_recordset($1::jsonb) AS r ("OrderID" text, "AttentionID" text, "Tenant" text, "Step" text,
			"ShipmentID" text, "Code" text, "Carrier" text, "Message" text, "Since" timestamptz, "Attempts" int,
			"NextRetryAt" timestamptz, "Allowed" text[])`
	var had []string
	var items []AttentionItem
	for _, c := range changes {
		if len(c.before.Attention) > 0 {
			had = append(had, c.after.OrderID)
		}
		items = append(items, attentionOf(c.after)...)
	}
	if len(had) > 0 {
		batch.Queue(forget, had)
	}
	if len(items) == 0 {
		return nil
	}
	text, err := json.Marshal(items) //nolint:musttag // its names are what the query reads
	if err != nil {
		return fmt.Errorf("encode parked steps: %w", err)
	}
	batch.Queue(remember, string(text))
	return nil
}

// readAttention reads the rows of the orders of a page.
func readAttention(ctx context.Context, tx pgx.Tx, p ordersPage, into rowsByOrder) error {
	const query = `
		SELECT order_id, attention_id, tenant, step, shipment_id, code, carrier, message, since, attempts, next_retry_at, allowed
		FROM attention_queue WHERE order_id > $1 AND ($2 = '' OR order_id <= $2) ORDER BY order_id`
	rows, err := tx.Query(ctx, query, p.after, p.last)
	if err != nil {
		return err
	}
	items, err := pgx.CollectRows(rows, scanAttention)
	if err != nil {
		return err
	}
	return putAll(into, "attention_queue", items, func(a AttentionItem) string { return a.OrderID }, byAttentionID)
}

func byAttentionID(a, b AttentionItem) int { return cmp.Compare(a.AttentionID, b.AttentionID) }
