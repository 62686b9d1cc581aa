package readmodel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"orderly/order"
)

// ShipmentFilter says which parcels a list shows; the zero filter shows all. Conditions add up.
type ShipmentFilter struct {
	Tenant  string
	Status  order.ShipmentStatus
	Carrier string
	// Limit is the size of a page, 50 when 0 and at most 1000.
	Limit int
	// Cursor is the NextCursor of the page before.
	Cursor string
}

// ShipmentItem is a parcel in a list, a row of shipment_index. PlacedAt is when its order was placed; ETA is nil when its
// carrier has told none.
type ShipmentItem struct {
	ShipmentID     string               `json:"shipment_id"`
	OrderID        string               `json:"order_id"`
	Tenant         string               `json:"tenant"`
	TrackingNumber string               `json:"tracking_number"`
	Status         order.ShipmentStatus `json:"status"`
	Carrier        string               `json:"carrier"`
	Warehouse      string               `json:"warehouse"`
	ETA            *time.Time           `json:"eta"`
	PlacedAt       time.Time            `json:"placed_at"`
}

// ShipmentPage is a part of a list, the parcels of the orders placed last first. NextCursor leads to the next part; it is
// empty on the last.
type ShipmentPage struct {
	Shipments  []ShipmentItem
	NextCursor string
}

const selectShipments = `
	SELECT shipment_id, order_id, tenant, tracking_number, status, carrier, warehouse, eta, placed_at FROM shipment_index`

// Shipments lists parcels. Errors: [ErrBadCursor], and the database's.
func (m *ReadModel) Shipments(ctx context.Context, f ShipmentFilter) (ShipmentPage, error) {
	const query = selectShipments + `
		WHERE ($1 = '' OR tenant = $1) AND ($2 = '' OR status = $2) AND ($3 = '' OR carrier = $3)
			AND ($4::timestamptz IS NULL OR (placed_at, shipment_id) < ($4, $5))
		ORDER BY placed_at DESC, shipment_id DESC LIMIT $6`
	after, err := parseCursor(f.Cursor, 1)
	if err != nil {
		return ShipmentPage{}, err
	}
	if !allStorable(f.Tenant, string(f.Status), f.Carrier) {
		return ShipmentPage{}, nil
	}
	limit := pageSize(f.Limit)
	rows, err := m.pool.Query(ctx, query, pgx.QueryExecModeCacheDescribe, f.Tenant, string(f.Status), f.Carrier,
		orNil(after.At), after.ID[0], limit+1)
	if err != nil {
		return ShipmentPage{}, fmt.Errorf("list shipments: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanShipment)
	if err != nil {
		return ShipmentPage{}, fmt.Errorf("list shipments: %w", err)
	}
	if len(found) <= limit {
		return ShipmentPage{Shipments: found}, nil
	}
	last := found[limit-1]
	next := place{At: last.PlacedAt, ID: []string{last.ShipmentID}}
	return ShipmentPage{Shipments: found[:limit], NextCursor: next.cursor()}, nil
}

func scanShipment(row pgx.CollectableRow) (ShipmentItem, error) {
	s, err := pgx.RowToStructByPos[ShipmentItem](row)
	s.PlacedAt, s.ETA = s.PlacedAt.UTC(), utc(s.ETA)
	return s, err
}

// OrderByTracking is the id of the order that a parcel belongs to; [order.ErrNotFound] when there is none, and
// [ErrAmbiguousTracking] when there are several.
func (m *ReadModel) OrderByTracking(ctx context.Context, number string) (orderID string, err error) {
	const query = `
		SELECT DISTINCT order_id FROM shipment_index WHERE tracking_number = $1 AND tracking_number <> '' LIMIT 2`
	rows, err := m.pool.Query(ctx, query, number)
	if err != nil {
		return "", fmt.Errorf("find the order of parcel %s: %w", number, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	switch {
	case err != nil:
		return "", fmt.Errorf("find the order of parcel %s: %w", number, err)
	case len(ids) == 0:
		return "", fmt.Errorf("parcel %s: %w", number, order.ErrNotFound)
	case len(ids) > 1:
		return "", fmt.Errorf("parcel %s: %w", number, ErrAmbiguousTracking)
	default:
		return ids[0], nil
	}
}

// shipmentsOf are the order's rows of shipment_index.
func shipmentsOf(s order.State) []ShipmentItem {
	var items []ShipmentItem
	for _, shipment := range s.Shipments {
		items = append(items, ShipmentItem{
			ShipmentID: shipment.ShipmentID, OrderID: s.OrderID, Tenant: s.Tenant, TrackingNumber: shipment.TrackingNumber,
			Status: shipment.Status, Carrier: shipment.Carrier, Warehouse: shipment.Warehouse, ETA: storedETA(shipment), PlacedAt: s.PlacedAt,
		})
	}
	return items
}

// storedETA is the carrier's estimate as the database can give it back: in microseconds.
func storedETA(shipment order.Shipment) *time.Time {
	if shipment.ETA == nil {
		return nil
	}
	eta := shipment.ETA.UTC().Truncate(time.Microsecond)
	return &eta
}

// queueShipments writes the parcels that are new or have changed. A parcel never goes away.
func queueShipments(batch *pgx.Batch, changes []change) error {
	const add = `
		INSERT INTO shipment_index (shipment_id, order_id, tenant, tracking_number, status, carrier, warehouse, eta, placed_at)
		SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
			unnest($7::text[]), unnest($8::timestamptz[]), unnest($9::timestamptz[])`
	const replace = add + `
		ON CONFLICT (shipment_id) DO UPDATE SET order_id = excluded.order_id, tenant = excluded.tenant,
			tracking_number = excluded.tracking_number, status = excluded.status, carrier = excluded.carrier,
			warehouse = excluded.warehouse, eta = excluded.eta, placed_at = excluded.placed_at`
	var added, changed []ShipmentItem
	for _, c := range changes {
		before := shipmentsOf(c.before)
		for _, item := range shipmentsOf(c.after) {
			i := slices.IndexFunc(before, func(s ShipmentItem) bool { return s.ShipmentID == item.ShipmentID })
			switch {
			case i < 0:
				added = append(added, item)
			case !item.equal(before[i]):
				changed = append(changed, item)
			}
		}
	}
	return errors.Join(queueRows(batch, add, added), queueRows(batch, replace, changed))
}

func (s ShipmentItem) equal(other ShipmentItem) bool {
	eta, otherETA := s.ETA, other.ETA
	s.ETA, other.ETA = nil, nil
	return s == other && (eta == nil) == (otherETA == nil) && (eta == nil || eta.Equal(*otherETA))
}

func (s ShipmentItem) order() string { return s.OrderID }

func byShipmentID(a, b ShipmentItem) int { return cmp.Compare(a.ShipmentID, b.ShipmentID) }
