package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"orderly/journal"
	"orderly/order"
)

// replayed is how long the order is that is rebuilt.
const replayed = 500

// rebuilds compares the reading of a long order from its snapshot with its replay from the first event.
func (b *storeBench) rebuilds(ctx context.Context) (Row, error) {
	writing, stop := context.WithCancel(ctx)
	defer stop()
	id, fromSnapshot, err := b.writeRebuilt(ctx, writing)
	if err != nil {
		return Row{}, err
	}
	replay := journal.New(b.store, benchPolicy, journal.Options{SnapshotEvery: -1})
	read := func(from *journal.Journal, times int) (float64, error) {
		begin := time.Now()
		for range times {
			if _, err := from.Read(ctx, id); err != nil {
				return 0, err
			}
		}
		return float64(times) / time.Since(begin).Seconds(), nil
	}
	floors, figures, err := inTurns(b.Rounds,
		func() (float64, error) { return read(replay, 100) }, func() (float64, error) { return read(fromSnapshot, 1000) })
	if err != nil {
		return Row{}, err
	}
	return newRow(fmt.Sprintf("order of %d events from its snapshot / replay", replayed), "reads/s", 13, figures, floors), nil
}

// benchPolicy is all that the orders here need.
var benchPolicy = order.Policy{Carriers: []string{"fedex"}}

// writeRebuilt writes a long order with a snapshot at its end, and gives the journal that reads it from there. Snapshots
// are written until the second context ends.
func (b *storeBench) writeRebuilt(ctx, writing context.Context) (string, *journal.Journal, error) {
	id := "long_" + uuid.NewString()
	fromSnapshot := journal.New(b.store, benchPolicy, journal.Options{SnapshotEvery: replayed / 10})
	go fromSnapshot.Run(writing)
	if err := writeLongOrder(ctx, fromSnapshot, id); err != nil {
		return "", nil, err
	}
	return id, fromSnapshot, b.awaitSnapshot(ctx, id)
}

func writeLongOrder(ctx context.Context, book *journal.Journal, id string) error {
	lines := []order.Line{{LineID: "l1", SKU: "SKU-1", Quantity: 2, UnitPrice: 4999}}
	commands := []order.Body{order.PlaceOrder{OrderCreated: order.OrderCreated{
		Tenant: "bench", CustomerID: "cust_1", Currency: "USD", Lines: lines, Total: 9998, Method: "card", Token: "tok_visa",
	}}}
	for len(commands) < replayed {
		commands = append(commands, order.AddNote{Text: "the customer has called again"})
	}
	for i, body := range commands {
		command := order.Command{ID: fmt.Sprintf("%s/%d", id, i), Actor: order.Actor{Type: "operator", ID: "bench"}, Source: "bench", Body: body}
		if _, err := book.Apply(ctx, id, command); err != nil {
			return err
		}
	}
	return nil
}

// awaitSnapshot waits for the snapshot of the last event.
func (b *storeBench) awaitSnapshot(ctx context.Context, id string) error {
	for {
		snapshot, _, _, err := b.store.LoadFromSnapshot(ctx, id, order.StateSchema)
		if err != nil || snapshot != nil && snapshot.Version == replayed {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}
