package readmodel

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
	"orderly/journal"
	"orderly/order"
	"orderly/projection"
)

// Projections keep the tables that this package reads.
func Projections() []projection.Projection {
	return []projection.Projection{Orders(), Figures()}
}

// Orders keeps the rows of single orders: what each is, what is in it, what it waits for, where its parcels are.
func Orders() projection.Projection {
	return projection.Projection{
		Name: "orders", Version: 5, Tables: []string{"order_views", "order_skus", "attention_queue", "shipment_index"}, Apply: applyOrders,
	}
}

// change is an order before and after the events of a batch.
type change struct {
	before, after order.State
}

// applyOrders reads the orders of a batch once, folds the events in memory, and writes each order once.
func applyOrders(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error {
	states, err := loadStates(ctx, tx, events)
	if err != nil {
		return err
	}
	changes, err := fold(states, events)
	if err != nil || len(changes) == 0 {
		return err
	}
	return writeOrders(ctx, tx, changes)
}

func loadStates(ctx context.Context, tx pgx.Tx, events []eventstore.Event) (map[string]order.State, error) {
	const query = `SELECT state::text FROM order_views WHERE order_id = ANY($1)`
	states := map[string]order.State{}
	for _, event := range events {
		states[event.StreamID] = order.State{OrderID: event.StreamID}
	}
	ids := make([]string, 0, len(states))
	for id := range states {
		ids = append(ids, id)
	}
	rows, err := tx.Query(ctx, query, ids)
	if err != nil {
		return nil, fmt.Errorf("load the orders of a batch: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanState)
	if err != nil {
		return nil, fmt.Errorf("load the orders of a batch: %w", err)
	}
	for _, state := range found {
		states[state.OrderID] = state
	}
	return states, nil
}

// fold gives the orders that the events change, in the order of their ids: whoever writes rows in the same order as
// everybody else meets nobody crosswise.
func fold(states map[string]order.State, events []eventstore.Event) ([]change, error) {
	news := map[string][]order.Recorded{}
	for _, event := range events {
		have := states[event.StreamID].Version + len(news[event.StreamID])
		next, err := projection.Next(have, event)
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
		news[event.StreamID] = append(news[event.StreamID], recorded)
	}
	changes := make([]change, 0, len(news))
	for _, id := range slices.Sorted(maps.Keys(news)) {
		changes = append(changes, change{before: states[id], after: order.FoldOnto(states[id], news[id]).WithoutCommands()})
	}
	return changes, nil
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
