package readmodel

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
	"orderly/order"
	"orderly/projection"
)

// Figures keeps what is counted over all orders: statuses at any time, sales, customers, delivery times. It is a projection of
// its own, so that its counters, which many orders share, never hold up the rows of single orders.
func Figures() projection.Projection {
	return projection.Projection{
		Name: "figures", Version: 1, Apply: applyFigures,
		Tables: []string{"order_figures", "status_changes", "status_nets", "daily_sales", "customer_totals", "delivery_times"},
	}
}

// figures is what is counted of an order, as far as its version: a row of order_figures.
type figures struct {
	OrderID     string          `json:"order_id"`
	Version     int             `json:"version"`
	Tenant      string          `json:"tenant"`
	CustomerID  string          `json:"customer_id"`
	Currency    string          `json:"currency"`
	Channel     string          `json:"channel"`
	PlacedAt    time.Time       `json:"placed_at"`
	Status      order.Status    `json:"status"`
	StatusSince time.Time       `json:"status_since"`
	Total       int64           `json:"total"`
	Captured    int64           `json:"captured"`
	Refunded    int64           `json:"refunded"`
	Parcels     []parcelFigures `json:"parcels"`
}

// parcelFigures is a parcel of an order. The times are those that its carrier told.
type parcelFigures struct {
	ShipmentID   string    `json:"shipment_id"`
	Carrier      string    `json:"carrier"`
	DispatchedAt time.Time `json:"dispatched_at,omitzero"`
	DeliveredAt  time.Time `json:"delivered_at,omitzero"`
}

// figuresStep is how an event changes the figures of its order. All counters follow from such steps.
type figuresStep struct {
	at            time.Time
	before, after figures
}

// evolve is the figures after one more event. The figures given are not touched.
func (f figures) evolve(r order.Recorded) figures {
	f.Version = r.Version
	switch e := r.Event.(type) {
	case *order.OrderCreated:
		f.Tenant, f.CustomerID, f.Currency, f.Channel = e.Tenant, e.CustomerID, e.Currency, e.Channel
		f.PlacedAt, f.Total = r.At, e.Total
		f.enter(order.Created, r.At)
	case *order.OrderAmended:
		f.Total = e.Total
	case *order.PaymentReceived:
		f.Captured += e.Amount
		if f.Status == order.Created {
			f.enter(order.Paid, r.At)
		}
	case *order.RefundIssued:
		f.Refunded += e.Amount
	case *order.CancellationRequested:
		if len(e.ShipmentIDs) == 0 {
			f.enter(order.Cancelling, r.At)
		}
	case *order.OrderPartiallyShipped:
		f.enter(order.PartiallyShipped, r.At)
	case *order.OrderShipped:
		f.enter(order.Shipped, r.At)
	case *order.OrderDelivered:
		f.enter(order.Delivered, r.At)
	case *order.OrderCancelled:
		f.enter(order.Cancelled, r.At)
	case *order.OrderClosed:
		f.enter(order.Closed, r.At)
	default:
		f.evolveParcels(r.Event)
	}
	return f
}

func (f *figures) enter(status order.Status, at time.Time) {
	if f.Status != status {
		f.Status, f.StatusSince = status, at
	}
}

func (f *figures) evolveParcels(event order.Event) {
	switch e := event.(type) {
	case *order.ShipmentPlanned:
		f.Parcels = append(slices.Clone(f.Parcels), parcelFigures{ShipmentID: e.ShipmentID, Carrier: e.Carrier})
	case *order.ShipmentBooked:
		f.changeParcel(e.ShipmentID, func(p *parcelFigures) { p.Carrier = e.Carrier })
	case *order.ShipmentRerouted:
		f.changeParcel(e.ShipmentID, func(p *parcelFigures) { p.Carrier = e.Carrier })
	case *order.ShipmentDispatched:
		f.changeParcel(e.ShipmentID, func(p *parcelFigures) {
			if p.DispatchedAt.IsZero() {
				p.DispatchedAt = e.At.UTC()
			}
		})
	case *order.ShipmentDelivered:
		f.changeParcel(e.ShipmentID, func(p *parcelFigures) {
			if p.DeliveredAt.IsZero() {
				p.DeliveredAt = e.At.UTC()
			}
		})
	}
}

func (f *figures) changeParcel(shipmentID string, change func(*parcelFigures)) {
	f.Parcels = slices.Clone(f.Parcels)
	for i := range f.Parcels {
		if f.Parcels[i].ShipmentID == shipmentID {
			change(&f.Parcels[i])
		}
	}
}

// applyFigures reads the figures of the orders of a batch, derives the steps from the events, and adds them to the counters.
// Counters are added to, never set, and in the order of their keys: so several who write at once lose nothing and wait
// for each other in one direction only.
func applyFigures(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error {
	have, err := loadFigures(ctx, tx, events)
	if err != nil {
		return err
	}
	steps, err := foldFigures(have, events)
	if err != nil || len(steps) == 0 {
		return err
	}
	batch := &pgx.Batch{}
	for _, queue := range []func(*pgx.Batch, []figuresStep) error{
		queueFigures, queueStatusChanges, queueStatusNets, queueSales, queueCustomers, queueDeliveryTimes,
	} {
		if err := queue(batch, steps); err != nil {
			return err
		}
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write the figures of a batch: %w", err)
	}
	return nil
}

const selectFigures = `
	SELECT order_id, version, tenant, customer_id, currency, channel, placed_at, status, status_since, total, captured, refunded, parcels
	FROM order_figures`

func loadFigures(ctx context.Context, tx pgx.Tx, events []eventstore.Event) (map[string]figures, error) {
	const query = selectFigures + ` WHERE order_id = ANY($1)`
	have := map[string]figures{}
	for _, event := range events {
		have[event.StreamID] = figures{OrderID: event.StreamID}
	}
	ids := make([]string, 0, len(have))
	for id := range have {
		ids = append(ids, id)
	}
	rows, err := tx.Query(ctx, query, ids)
	if err != nil {
		return nil, fmt.Errorf("load the figures of a batch: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanFigures)
	if err != nil {
		return nil, fmt.Errorf("load the figures of a batch: %w", err)
	}
	for _, f := range found {
		have[f.OrderID] = f
	}
	return have, nil
}

func scanFigures(row pgx.CollectableRow) (figures, error) {
	f, err := pgx.RowToStructByName[figures](row)
	f.PlacedAt, f.StatusSince = f.PlacedAt.UTC(), f.StatusSince.UTC()
	return f, err
}

// foldFigures gives a step for each event that is not counted yet.
func foldFigures(have map[string]figures, events []eventstore.Event) ([]figuresStep, error) {
	var steps []figuresStep
	for _, event := range events {
		before := have[event.StreamID]
		next, err := projection.Next(before.Version, event)
		if err != nil {
			return nil, err
		}
		if !next {
			continue
		}
		recorded, err := decode(event)
		if err != nil {
			return nil, err
		}
		after := before.evolve(recorded)
		have[event.StreamID] = after
		steps = append(steps, figuresStep{at: recorded.At, before: before, after: after})
	}
	return steps, nil
}

// latestFigures are the figures after all steps, in the order of the orders' ids.
func latestFigures(steps []figuresStep) []figures {
	latest := map[string]figures{}
	for _, step := range steps {
		latest[step.after.OrderID] = step.after
	}
	rows := make([]figures, 0, len(latest))
	for _, f := range latest {
		if f.Parcels == nil {
			f.Parcels = []parcelFigures{}
		}
		rows = append(rows, f)
	}
	slices.SortFunc(rows, func(a, b figures) int { return strings.Compare(a.OrderID, b.OrderID) })
	return rows
}

func queueFigures(batch *pgx.Batch, steps []figuresStep) error {
	const query = `
		INSERT INTO order_figures AS f (order_id, version, tenant, customer_id, currency, channel, placed_at, status, status_since, total, captured, refunded, parcels)
		SELECT order_id, version, tenant, customer_id, currency, channel, placed_at, status, status_since, total, captured, refunded, parcels FROM jsonb_populate_recordset(NULL::order_figures, $1)
		ON CONFLICT (order_id) DO UPDATE SET
			version = excluded.version, status = excluded.status, status_since = excluded.status_since, total = excluded.total,
			captured = excluded.captured, refunded = excluded.refunded, parcels = excluded.parcels
		WHERE f.version < excluded.version`
	return queueRows(batch, query, latestFigures(steps))
}

// queueRows queues a statement that takes rows as JSON, under the names of their table's columns.
func queueRows[T any](batch *pgx.Batch, query string, rows []T) error {
	if len(rows) == 0 {
		return nil
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("encode rows: %w", err)
	}
	batch.Queue(query, string(text))
	return nil
}
