package readmodel

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
		Name: "figures", Version: 1, Apply: applyFigures, Metadata: heeded,
		Tables: []string{"order_figures", "status_changes", "status_nets", "daily_sales", "customer_totals", "delivery_times"},
	}
}

// figures is what is counted of an order, as far as its version: a row of order_figures.
type figures struct {
	OrderID    string    `json:"order_id"`
	Version    int       `json:"version"`
	Tenant     string    `json:"tenant"`
	CustomerID string    `json:"customer_id"`
	Currency   string    `json:"currency"`
	Channel    string    `json:"channel"`
	PlacedAt   time.Time `json:"placed_at"`
	movingFigures
}

// movingFigures are those that change in the life of an order; the others are there with its first event.
type movingFigures struct {
	Status      order.Status    `json:"status"`
	StatusSince time.Time       `json:"status_since"`
	Total       int64           `json:"total"`
	Captured    int64           `json:"captured"`
	Refunded    int64           `json:"refunded"`
	Parcels     []parcelFigures `json:"parcels"`
}

// newFigures are those of an order of which nothing was counted yet.
func newFigures(orderID string) figures {
	return figures{OrderID: orderID, movingFigures: movingFigures{Parcels: []parcelFigures{}}}
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
	at time.Time
	// order is the order after all steps: the figures that move are those below.
	order         *figures
	version       int
	before, after movingFigures
}

// first says whether the order was counted nowhere before.
func (s *figuresStep) first() bool { return s.version == 1 }

// figuresRules say what an event does to the figures of its order, by its type. The others do nothing, and are not decoded.
var figuresRules = rulesOf(
	on(func(f *figures, e *order.OrderCreated, at time.Time) {
		f.Tenant, f.CustomerID, f.Currency, f.Channel = e.Tenant, e.CustomerID, e.Currency, e.Channel
		f.PlacedAt, f.Total = at, e.Total
		f.enter(order.Created, at)
	}),
	on(func(f *figures, e *order.OrderAmended, _ time.Time) { f.Total = e.Total }),
	on(func(f *figures, e *order.PaymentReceived, at time.Time) {
		f.Captured += e.Amount
		if f.Status == order.Created {
			f.enter(order.Paid, at)
		}
	}),
	on(func(f *figures, e *order.RefundIssued, _ time.Time) { f.Refunded += e.Amount }),
	on(func(f *figures, e *order.CancellationRequested, at time.Time) {
		if len(e.ShipmentIDs) == 0 {
			f.enter(order.Cancelling, at)
		}
	}),
	on(func(f *figures, _ *order.OrderPartiallyShipped, at time.Time) { f.enter(order.PartiallyShipped, at) }),
	on(func(f *figures, _ *order.OrderShipped, at time.Time) { f.enter(order.Shipped, at) }),
	on(func(f *figures, _ *order.OrderDelivered, at time.Time) { f.enter(order.Delivered, at) }),
	on(func(f *figures, _ *order.OrderCancelled, at time.Time) { f.enter(order.Cancelled, at) }),
	on(func(f *figures, _ *order.OrderClosed, at time.Time) { f.enter(order.Closed, at) }),
	on(func(f *figures, e *order.ShipmentPlanned, _ time.Time) {
		f.Parcels = append(slices.Clone(f.Parcels), parcelFigures{ShipmentID: e.ShipmentID, Carrier: e.Carrier})
	}),
	on(func(f *figures, e *order.ShipmentBooked, _ time.Time) {
		f.changeParcel(e.ShipmentID, func(p *parcelFigures) { p.Carrier = e.Carrier })
	}),
	on(func(f *figures, e *order.ShipmentRerouted, _ time.Time) {
		f.changeParcel(e.ShipmentID, func(p *parcelFigures) { p.Carrier = e.Carrier })
	}),
	on(func(f *figures, e *order.ShipmentDispatched, _ time.Time) {
		f.changeParcel(e.ShipmentID, func(p *parcelFigures) {
			if p.DispatchedAt.IsZero() {
				p.DispatchedAt = e.At.UTC()
			}
		})
	}),
	on(func(f *figures, e *order.ShipmentDelivered, _ time.Time) {
		f.changeParcel(e.ShipmentID, func(p *parcelFigures) {
			if p.DeliveredAt.IsZero() {
				p.DeliveredAt = e.At.UTC()
			}
		})
	}),
)

// figuresRule changes figures by an event that was recorded at a time.
type figuresRule struct {
	eventType string
	apply     func(f *figures, e order.Event, at time.Time)
}

func on[E order.Event](apply func(f *figures, e E, at time.Time)) figuresRule {
	var none E
	return figuresRule{none.EventType(), func(f *figures, e order.Event, at time.Time) {
		apply(f, e.(E), at) //nolint:forcetypeassert // the rule was found by the event's type
	}}
}

func rulesOf(rules ...figuresRule) map[string]figuresRule {
	byType := make(map[string]figuresRule, len(rules))
	for _, rule := range rules {
		byType[rule.eventType] = rule
	}
	return byType
}

// evolve makes of the figures those after one more event, and says whether there is a rule for it. What other copies of
// the figures share is not touched.
func (f *figures) evolve(event *eventstore.Event) (bool, error) {
	f.Version = event.Version
	if event.Type == projection.Skipped {
		return false, nil
	}
	rule, found := figuresRules[event.Type]
	if !found {
		return false, inEvent(event, order.CheckKnown(event.Type, event.SchemaVersion))
	}
	decoded, err := order.DecodeEvent(event.Type, event.SchemaVersion, event.Data)
	if err != nil {
		return false, inEvent(event, err)
	}
	rule.apply(f, decoded, event.CreatedAt)
	return true, nil
}

// inEvent says of which event an error is.
func inEvent(event *eventstore.Event, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s at version %d: %w", event.StreamID, event.Version, err)
}

func (f *figures) enter(status order.Status, at time.Time) {
	if f.Status != status {
		f.Status, f.StatusSince = status, at
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
	orders := projection.StreamsOf(events)
	have, err := loadFigures(ctx, tx, orders)
	if err != nil {
		return err
	}
	folded, err := foldFigures(orders, have, events)
	if err != nil || len(folded.added)+len(folded.changed) == 0 {
		return err
	}
	batch := &pgx.Batch{}
	changes := statusChanges(folded.steps)
	err = errors.Join(
		queueFigures(batch, folded), queueStatusChanges(batch, changes), queueStatusNets(batch, changes),
		queueSales(batch, folded.steps), queueCustomers(batch, folded.steps), queueDeliveryTimes(batch, folded.steps),
	)
	if err != nil {
		return err
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write the figures of a batch: %w", err)
	}
	return nil
}

const selectFigures = `
	SELECT order_id, version, tenant, customer_id, currency, channel, placed_at, status, status_since, total, captured, refunded, parcels
	FROM order_figures`

// loadFigures gives the figures of the orders of a batch, by their numbers.
func loadFigures(ctx context.Context, tx pgx.Tx, orders projection.Streams) ([]figures, error) {
	const query = selectFigures + ` WHERE order_id = ANY($1)`
	rows, err := tx.Query(ctx, query, orders.IDs)
	if err != nil {
		return nil, fmt.Errorf("load the figures of a batch: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanFigures)
	if err != nil {
		return nil, fmt.Errorf("load the figures of a batch: %w", err)
	}
	have := make([]figures, len(orders.IDs))
	for number, id := range orders.IDs {
		have[number] = newFigures(id)
	}
	for _, f := range found {
		have[orders.Numbers[f.OrderID]] = f
	}
	return have, nil
}

func scanFigures(row pgx.CollectableRow) (figures, error) {
	f, err := pgx.RowToStructByName[figures](row)
	f.PlacedAt, f.StatusSince = f.PlacedAt.UTC(), f.StatusSince.UTC()
	return f, err
}

// foldedFigures are what events make of the figures of orders.
type foldedFigures struct {
	// added are those of orders that were not counted before, changed of others, both in the order of the orders' ids.
	added, changed []figures
	// steps has one for each event that has a rule, and for the first of each order, by which that is counted.
	steps []figuresStep
}

// foldFigures takes the figures of orders past the events that are not counted yet.
func foldFigures(orders projection.Streams, have []figures, events []eventstore.Event) (folded foldedFigures, err error) {
	before := make([]int, len(have)) // versions
	for number := range have {
		before[number] = have[number].Version
	}
	folded.steps = make([]figuresStep, 0, len(events))
	for i := range events {
		now := &have[orders.Of[i]]
		next, err := projection.Next(now.Version, events[i])
		if err != nil {
			return foldedFigures{}, err
		}
		if !next {
			continue
		}
		step := figuresStep{at: events[i].CreatedAt, order: now, version: events[i].Version, before: now.movingFigures}
		counted, err := now.evolve(&events[i])
		if err != nil {
			return foldedFigures{}, err
		}
		if counted || step.first() {
			step.after = now.movingFigures
			folded.steps = append(folded.steps, step)
		}
	}
	for _, number := range orders.ByID() {
		switch now := have[number]; {
		case now.Version == before[number]:
		case before[number] == 0:
			folded.added = append(folded.added, now)
		default:
			folded.changed = append(folded.changed, now)
		}
	}
	return folded, nil
}

func queueFigures(batch *pgx.Batch, folded foldedFigures) error {
	const add = `
		INSERT INTO order_figures AS f (order_id, version, tenant, customer_id, currency, channel, placed_at, status, status_since, total, captured, refunded, parcels)
		SELECT unnest($1::text[]), unnest($2::int[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]), unnest($6::text[]),
			unnest($7::timestamptz[]), unnest($8::text[]), unnest($9::timestamptz[]), unnest($10::bigint[]), unnest($11::bigint[]),
			unnest($12::bigint[]), unnest($13::text[])::jsonb`
	const replace = add + `
		ON CONFLICT (order_id) DO UPDATE SET
			version = excluded.version, status = excluded.status, status_since = excluded.status_since, total = excluded.total,
			captured = excluded.captured, refunded = excluded.refunded, parcels = excluded.parcels
		WHERE f.version < excluded.version`
	return errors.Join(queueRows(batch, add, folded.added), queueRows(batch, replace, folded.changed))
}
