package readmodel

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
	"orderly/journal"
	"orderly/order"
	"orderly/projection"
)

// heeded are the keys of metadata that states are made of: see [journal.DecodeEffect]. All projections have the same, though figures
// need none, so that they share what they read.
var heeded = []string{"reason"}

// Projections keep the tables that this package reads.
func Projections() []projection.Projection {
	return []projection.Projection{Orders(), Figures()}
}

// Orders keeps the rows of single orders: what each is, what is in it, what it waits for, where its parcels are.
func Orders() projection.Projection {
	return projection.Projection{
		Name: "orders", Version: 5, Apply: applyOrders, Metadata: heeded,
		Tables: []string{"order_views", "order_skus", "attention_queue", "shipment_index"},
	}
}

// change is an order before and after the events of a batch.
type change struct {
	before, after order.State
}

// applyOrders reads the orders of a batch once, folds the events in memory, and writes each order once.
func applyOrders(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error {
	orders := projection.StreamsOf(events)
	states, err := loadStates(ctx, tx, orders)
	if err != nil {
		return err
	}
	changes, err := fold(orders, states, events)
	if err != nil || len(changes) == 0 {
		return err
	}
	return writeOrders(ctx, tx, changes)
}

// loadStates gives the states of the orders of a batch, by their numbers.
func loadStates(ctx context.Context, tx pgx.Tx, orders projection.Streams) ([]order.State, error) {
	const query = `SELECT state::text FROM order_views WHERE order_id = ANY($1)`
	rows, err := tx.Query(ctx, query, orders.IDs)
	if err != nil {
		return nil, fmt.Errorf("load the orders of a batch: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanState)
	if err != nil {
		return nil, fmt.Errorf("load the orders of a batch: %w", err)
	}
	states := make([]order.State, len(orders.IDs))
	for number, id := range orders.IDs {
		states[number].OrderID = id
	}
	for _, state := range found {
		if number, asked := orders.Numbers[state.OrderID]; asked {
			states[number] = state
		}
	}
	return states, nil
}

// fold gives the orders that the events change, in the order of their ids.
func fold(orders projection.Streams, states []order.State, events []eventstore.Event) ([]change, error) {
	news := newRecords(orders)
	for i := range events {
		number := orders.Of[i]
		next, err := projection.Next(states[number].Version+len(news[number]), events[i])
		if err != nil {
			return nil, err
		}
		if !next {
			continue
		}
		recorded, err := decode(events[i])
		if err != nil {
			return nil, err
		}
		news[number] = append(news[number], recorded)
	}
	changes := make([]change, 0, len(news))
	for _, number := range orders.ByID() {
		if len(news[number]) > 0 {
			before := states[number]
			changes = append(changes, change{before: before, after: order.FoldOnto(before, news[number]).WithoutCommands()})
		}
	}
	return changes, nil
}

// newRecords has room for the events of each order, and for all of them at once.
func newRecords(orders projection.Streams) [][]order.Recorded {
	room := make([]order.Recorded, len(orders.Of))
	records := make([][]order.Recorded, len(orders.IDs))
	for number, count := range orders.Events() {
		records[number], room = room[:0:count], room[count:]
	}
	return records
}

// decode reads an event; one that was left out by hand reads as a note, which changes nothing.
func decode(event eventstore.Event) (order.Recorded, error) {
	if event.Type == projection.Skipped {
		return order.Recorded{Version: event.Version, At: event.CreatedAt, Event: &order.OrderNoteAdded{}}, nil
	}
	return journal.DecodeEffect(event)
}

// writeOrders writes the changed orders: a statement for each kind of row, all in one round trip.
func writeOrders(ctx context.Context, tx pgx.Tx, changes []change) error {
	batch := &pgx.Batch{}
	for _, queue := range []func(*pgx.Batch, []change) error{queueViews, queueSKUs, queueAttention, queueShipments} {
		if err := queue(batch, changes); err != nil {
			return err
		}
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("write the orders of a batch: %w", err)
	}
	return nil
}
