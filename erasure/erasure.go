// Package erasure forgets customers: it finds every order of one, has the key of their personal data deleted, and that
// recorded in each order. What is derived from the events follows by itself, because it holds the data only under that key.
//
// It promises to miss no order: it waits until the read model that knows the orders of a customer is not behind, and refuses
// when that does not come.
package erasure

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/journal"
	"orderly/order"
	"orderly/projection"
	"orderly/readmodel"
	"orderly/vault"
)

// freshWithin is how long an erasure waits for the read model that tells it a customer's orders.
const freshWithin = 10 * time.Second

// BehindError says that the orders of a customer are not all known yet. Nothing was erased.
type BehindError struct{ Events int }

func (e *BehindError) Error() string {
	return fmt.Sprintf("the read models are %d events behind, so the customer's orders are not all known: is `orderly serve --projector` running?", e.Events)
}

// Eraser erases. All fields are needed, and the journal's vault is.
type Eraser struct {
	Pool    *pgxpool.Pool
	Store   *eventstore.Store
	Journal *journal.Journal
}

// Erase erases a customer's personal data, and returns how many orders the customer has. Sent again it does nothing that is
// done, and finishes what is not. The command says who erases and why; its body is set here.
//
// Errors: [*BehindError], [*order.NotAllowedError] while an order still needs its address.
func (e Eraser) Erase(ctx context.Context, customer vault.Owner, command order.Command) (orders int, err error) {
	if err := e.awaitFresh(ctx); err != nil {
		return 0, err
	}
	ids, err := e.ordersOf(ctx, customer)
	if err != nil {
		return 0, err
	}
	return len(ids), e.Journal.EraseCustomer(ctx, customer, ids, command)
}

// awaitFresh waits until the read model of orders is not behind, so that it knows every order of a customer. Others may be:
// what they hold of a customer, they hold under the key.
func (e Eraser) awaitFresh(ctx context.Context) error {
	for deadline := time.Now().Add(freshWithin); ; {
		statuses, err := projection.Statuses(ctx, e.Pool, e.Store)
		if err != nil {
			return err
		}
		behind, kept := 0, false
		for _, status := range statuses {
			if status.Name == readmodel.Orders().Name {
				behind, kept = behind+status.LagEvents, true
			}
		}
		switch {
		case !kept:
			return &BehindError{}
		case behind == 0:
			return nil
		case time.Now().After(deadline):
			return &BehindError{Events: behind}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (e Eraser) ordersOf(ctx context.Context, customer vault.Owner) ([]string, error) {
	filter := readmodel.Filter{Tenant: customer.Tenant, CustomerID: customer.CustomerID, Limit: 1000}
	var ids []string
	for {
		page, err := readmodel.New(e.Pool).Orders(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, found := range page.Orders {
			ids = append(ids, found.OrderID)
		}
		if filter.Cursor = page.NextCursor; filter.Cursor == "" {
			return ids, nil
		}
	}
}
