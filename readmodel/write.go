package readmodel

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// write writes the changed orders: a statement for each kind of row, all in one round trip.
func write(ctx context.Context, tx pgx.Tx, changes []change) error {
	batch := &pgx.Batch{}
	if err := queueViews(batch, changes); err != nil {
		return err
	}
	if err := queueAttention(batch, changes); err != nil {
		return err
	}
	queueShipments(batch, changes)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write the orders of a batch: %w", err)
	}
	return nil
}

func queueViews(batch *pgx.Batch, changes []change) error {
	const query = `
		INSERT INTO order_views AS v (order_id, tenant, version, status, customer_id, external_ref, currency, total,
			placed_at, updated_at, needs_attention, open, state)
		SELECT order_id, tenant, version, status, customer_id, external_ref, currency, total,
			placed_at, updated_at, needs_attention, open, state::jsonb
		FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
				$9::timestamptz[], $10::timestamptz[], $11::boolean[], $12::boolean[], $13::text[])
			AS r (order_id, tenant, version, status, customer_id, external_ref, currency, total,
				placed_at, updated_at, needs_attention, open, state)
		ON CONFLICT (order_id) DO UPDATE SET
			tenant = excluded.tenant, version = excluded.version, status = excluded.status, customer_id = excluded.customer_id,
			external_ref = excluded.external_ref, currency = excluded.currency, total = excluded.total,
			placed_at = excluded.placed_at, updated_at = excluded.updated_at, needs_attention = excluded.needs_attention,
			open = excluded.open, state = excluded.state
		WHERE v.version < excluded.version`
	var ids, tenants, statuses, customers, refs, currencies, states []string
	var versions []int
	var totals []int64
	var placed, updated []time.Time
	var attention, open []bool
	for _, c := range changes {
		s := summaryOf(c.after)
		state, err := json.Marshal(c.after)
		if err != nil {
			return fmt.Errorf("encode order %s: %w", s.OrderID, err)
		}
		ids, tenants, versions = append(ids, s.OrderID), append(tenants, s.Tenant), append(versions, s.Version)
		statuses, customers = append(statuses, string(s.Status)), append(customers, s.CustomerID)
		refs, currencies, totals = append(refs, s.ExternalRef), append(currencies, s.Currency), append(totals, s.Total)
		placed, updated = append(placed, s.PlacedAt), append(updated, s.UpdatedAt)
		attention, open, states = append(attention, s.NeedsAttention), append(open, s.Open), append(states, string(state))
	}
	batch.Queue(query, ids, tenants, versions, statuses, customers, refs, currencies, totals, placed, updated, attention, open, states)
	return nil
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

// queueShipments writes the parcels that are new or have another tracking number. A parcel never goes away.
func queueShipments(batch *pgx.Batch, changes []change) {
	const query = `
		INSERT INTO shipment_index (shipment_id, order_id, tenant, tracking_number)
		SELECT shipment_id, order_id, tenant, tracking_number
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS s (shipment_id, order_id, tenant, tracking_number)
		ON CONFLICT (shipment_id) DO UPDATE SET
			order_id = excluded.order_id, tenant = excluded.tenant, tracking_number = excluded.tracking_number`
	var shipments, orders, tenants, numbers []string
	for _, c := range changes {
		before := shipmentsOf(c.before)
		for _, row := range shipmentsOf(c.after) {
			if slices.Contains(before, row) {
				continue
			}
			shipments, orders = append(shipments, row.ShipmentID), append(orders, row.OrderID)
			tenants, numbers = append(tenants, row.Tenant), append(numbers, row.TrackingNumber)
		}
	}
	if len(shipments) > 0 {
		batch.Queue(query, shipments, orders, tenants, numbers)
	}
}
