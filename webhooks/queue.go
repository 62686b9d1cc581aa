package webhooks

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
	"orderly/projection"
)

// Projection queues each event for each endpoint that wants it. Events before the endpoint was made are not among them, nor those
// that come while it is disabled. TenantOf says whose an order is; it is asked for orders whose first event is not in the table
// any more.
func Projection(tenantOf func(ctx context.Context, orderID string) (string, error)) projection.Projection {
	return projection.Projection{Name: "webhooks", Version: 1, Apply: func(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error {
		return enqueue(ctx, tx, events, tenantOf)
	}}
}

func enqueue(ctx context.Context, tx pgx.Tx, events []eventstore.Event, tenantOf func(context.Context, string) (string, error)) error {
	const anybody = `SELECT EXISTS (SELECT FROM webhook_endpoints WHERE disabled_reason = '')`
	// An event that comes again, as after a restored backup, is known by its version.
	const insert = `
		INSERT INTO webhook_deliveries (endpoint_id, order_id, version, delivery_id, event_type)
		SELECT e.endpoint_id, event.order_id, event.version, 'msg_' || md5(e.endpoint_id || ' ' || event.id), event.type
		FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[]) WITH ORDINALITY
			AS event (tenant, order_id, version, id, type, place)
		JOIN webhook_endpoints e ON e.tenant = event.tenant AND e.disabled_reason = ''
			AND (e.event_types = '{}' OR event.type = ANY (e.event_types))
		ORDER BY event.place
		ON CONFLICT DO NOTHING`
	var wanted bool
	if err := tx.QueryRow(ctx, anybody).Scan(&wanted); err != nil || !wanted {
		return err
	}
	tenants, err := tenantsOf(ctx, tx, events, tenantOf)
	if err != nil {
		return err
	}
	var tenant, orderID, id, eventType []string
	var version []int
	for _, event := range events {
		if event.Type == projection.Skipped {
			continue
		}
		tenant, orderID, version = append(tenant, tenants[event.StreamID]), append(orderID, event.StreamID), append(version, event.Version)
		id, eventType = append(id, event.ID.String()), append(eventType, event.Type)
	}
	if _, err := tx.Exec(ctx, insert, tenant, orderID, version, id, eventType); err != nil {
		return fmt.Errorf("queue webhooks: %w", err)
	}
	return nil
}

// tenantsOf finds whose the orders of a batch are: their first events say so.
func tenantsOf(ctx context.Context, tx pgx.Tx, events []eventstore.Event, tenantOf func(context.Context, string) (string, error)) (map[string]string, error) {
	const query = `
		SELECT order_id, coalesce(data ->> 'tenant', '') FROM order_events WHERE order_id = ANY ($1) AND version = 1`
	var ids []string
	for _, event := range events {
		ids = append(ids, event.StreamID)
	}
	rows, err := tx.Query(ctx, query, ids)
	if err != nil {
		return nil, fmt.Errorf("find the tenants of orders: %w", err)
	}
	tenants := map[string]string{}
	var id, tenant string
	if _, err := pgx.ForEachRow(rows, []any{&id, &tenant}, func() error { tenants[id] = tenant; return nil }); err != nil {
		return nil, fmt.Errorf("find the tenants of orders: %w", err)
	}
	for _, id := range ids {
		if _, known := tenants[id]; !known {
			if tenants[id], err = tenantOf(ctx, id); err != nil {
				return nil, fmt.Errorf("find the tenant of %s: %w", id, err)
			}
		}
	}
	return tenants, nil
}
