package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/journal"
	"orderly/order"
)

// template is the order of which the history is made: its id is in everything that is derived from it.
const template = "benchorder"

// interleaved is how many orders are under way at a time in the history: their events stand mixed in the feed.
const interleaved = 50

// history is of orders that went the plain road, from placing to closing, one every ten seconds.
type history struct {
	pool     *pgxpool.Pool
	store    *eventstore.Store
	progress io.Writer
	// begins is how long ago its first order was placed.
	begins time.Duration

	// each is how many events an order has, orders how many orders there are.
	each, orders int
}

// begin carries out the order of which the others are copies.
func (h *history) begin(ctx context.Context) error {
	road := &road{book: journal.New(h.store, roadPolicy, journal.Options{SnapshotEvery: -1}), id: template}
	if err := road.travel(ctx); err != nil {
		return err
	}
	h.each = road.last.Version
	return nil
}

// growTo writes events until there are so many; the last order may be cut short.
func (h *history) growTo(ctx context.Context, events int) error {
	const query = `
		INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		SELECT order_id || '_' || n, version, gen_random_uuid(), event_type, schema_version,
			replace(replace(data::text, order_id, order_id || '_' || n), 'benchcustomer', 'cust_' || n % 5000)::jsonb,
			replace(metadata::text, order_id, order_id || '_' || n)::jsonb, created_at - $7::interval + n * interval '10 seconds', hash
		FROM order_events CROSS JOIN generate_series($2::int, $3::int) AS n
		WHERE order_id = $1 AND version <= $4 - n * $5
		ORDER BY n / $6::int, version, n`
	const ordersAtOnce = 10_000
	began := time.Now()
	for ; h.orders*h.each < events; h.orders += ordersAtOnce {
		if err := unlimited(ctx, h.pool, query, template, h.orders, h.orders+ordersAtOnce-1, events, h.each, interleaved, h.begins); err != nil {
			return err
		}
		fmt.Fprintf(h.progress, "history: %d of %d events, %s\n", min((h.orders+ordersAtOnce)*h.each, events), events, time.Since(began).Round(time.Second))
	}
	h.orders = (events + h.each - 1) / h.each
	return nil
}

// pastOrder is the id of the nth order of the history.
func pastOrder(n int) string { return fmt.Sprintf("%s_%d", template, n) }

// removeTemplate takes the template away: its events are the first ones of the feed, and nothing more happens to it. Only the
// owner of a benchmark's own database can do this.
func (h *history) removeTemplate(ctx context.Context) error {
	tx, err := h.pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	for _, statement := range []string{
		`ALTER TABLE order_events DISABLE TRIGGER USER`, `DELETE FROM order_events WHERE order_id = '` + template + `'`,
		`ALTER TABLE order_events ENABLE TRIGGER USER`,
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

// roadPolicy is one by which nothing waits on purpose.
var roadPolicy = order.Policy{
	Carriers: []string{"fedex"}, BookTries: 1, AttentionGiveUpAfter: time.Hour, PickupWithin: time.Hour, TransitWithin: time.Hour,
}

// road takes an order along the plain road by the outcomes of its steps, without anything outside.
type road struct {
	book *journal.Journal
	id   string
	// last is the order after the last command.
	last journal.Result
	// commands is how many there were; after hears of each.
	commands int
	after    func(journal.Result)
}

// travel takes the order from being placed to being closed.
func (r *road) travel(ctx context.Context) error {
	lines := []order.Line{{LineID: "l1", SKU: "SKU-1", Name: "Mug", Quantity: 2, UnitPrice: 4999}, {LineID: "l2", SKU: "SKU-2", Name: "Plate", Quantity: 1, UnitPrice: 1999}}
	total, err := order.Total(lines, 500)
	if err != nil {
		return err
	}
	err = r.apply(ctx, order.PlaceOrder{OrderCreated: order.OrderCreated{
		Tenant: "default", CustomerID: "benchcustomer", Currency: "USD", Channel: "web", Lines: lines, ShippingFee: 500, Total: total, Method: "card", Token: "tok_visa",
		ShipTo:   order.ShipTo{Country: "US", Sealed: &order.Sealed{KeyID: "benchkey", Content: make([]byte, 150)}},
		Shipping: order.Shipping{Service: "standard", Carrier: "fedex"},
	}})
	for err == nil && r.last.State.Status != order.Closed {
		err = r.apply(ctx, next(r.last))
	}
	return err
}

// next is what happens to an order on the plain road: its steps succeed, its parcel is on its way, arrives, and that was all.
func next(last journal.Result) order.Body {
	s := last.State
	if len(last.Plan.Steps) > 0 {
		return outcome(s, last.Plan.Steps[0])
	}
	for _, parcel := range s.Shipments {
		switch parcel.Status {
		case order.ShipmentIsBooked:
			return order.RecordCarrierUpdate{ShipmentID: parcel.ShipmentID, Status: "dispatched", At: s.UpdatedAt}
		case order.ShipmentIsDispatched:
			return order.RecordCarrierUpdate{ShipmentID: parcel.ShipmentID, Status: "delivered", At: s.UpdatedAt}
		}
	}
	return order.PassDeadline{}
}

func (r *road) apply(ctx context.Context, body order.Body) error {
	r.commands++
	result, err := r.book.Apply(ctx, r.id, order.Command{
		ID: fmt.Sprintf("%s/%d", r.id, r.commands), Actor: order.Actor{Type: "system", ID: "bench"}, Source: "bench", Body: body,
	})
	if err != nil {
		return fmt.Errorf("%s to %s: %w", body.CommandName(), r.id, err)
	}
	if result.Version == r.last.Version {
		return fmt.Errorf("%s to %s changes nothing: it waits for %s", body.CommandName(), r.id, result.Plan.WaitingFor)
	}
	r.last = result
	if r.after != nil {
		r.after(result)
	}
	return nil
}

// outcome is the good outcome of a step.
func outcome(s order.State, step order.Step) order.Body {
	switch step.Name {
	case order.ScreenFraud:
		return order.RecordScreening{Decision: "clear"}
	case order.ReserveStock:
		allocations := make([]order.Allocation, len(s.Lines))
		for i, line := range s.Lines {
			allocations[i] = order.Allocation{LineID: line.LineID, SKU: line.SKU, Quantity: line.Quantity, Warehouse: "east"}
		}
		return order.RecordReservation{Key: step.Key, ReservationID: "res-" + s.OrderID, Allocations: allocations}
	case order.AuthorizePayment:
		return order.RecordAuthorization{Key: step.Key, ProviderRef: "pay-" + s.OrderID, Amount: s.Total}
	case order.CapturePayment:
		return order.RecordCapture{Key: step.Key, ProviderRef: "pay-" + s.OrderID, Amount: s.Payment.Authorized}
	case order.BookShipment:
		return order.RecordBooking{ShipmentID: step.ShipmentID, Key: step.Key, Carrier: "fedex", TrackingNumber: "T-" + s.OrderID}
	case order.CommitStock:
		return order.RecordCommit{Key: step.Key, ShipmentID: step.ShipmentID}
	default:
		return order.ReportStepFailure{Step: step, Class: order.ClassUnavailable, Code: "bench", Message: "not on the plain road", Attempts: 1}
	}
}
