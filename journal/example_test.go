package journal_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"orderly/eventstore"
	"orderly/internal/testkit"
	"orderly/journal"
	"orderly/order"
)

// A command that is sent again, because its answer was lost, appends nothing and has the result of the first time.
func ExampleJournal_Apply() {
	j, end := newExample() // journal.New(eventstore.New(pool, eventstore.Options{}), policy, journal.Options{})
	defer end()
	ctx := context.Background()

	place := order.Command{ID: "req-1", Actor: order.Actor{Type: "customer", ID: "cus_7"}, Source: "api", Body: placeOrder()}
	for range 2 {
		result, err := j.Apply(ctx, "ord_1", place)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s at version %d, replayed: %t, next: %s\n", result.State.Status, result.Version, result.Replayed, result.Plan.Steps[0].Name)
	}
	// Output:
	// created at version 1, replayed: false, next: ScreenFraud
	// created at version 1, replayed: true, next: ScreenFraud
}

// Every state in which an order ever was can be shown again.
func ExampleJournal_LoadVersion() {
	j, end := newExample() // journal.New(eventstore.New(pool, eventstore.Options{}), policy, journal.Options{})
	defer end()
	ctx := context.Background()

	for id, body := range []order.Body{placeOrder(), order.HoldOrder{Code: "manual"}, order.ReleaseOrder{Code: "manual"}} {
		if _, err := j.Apply(ctx, "ord_1", order.Command{ID: fmt.Sprint(id), Body: body}); err != nil {
			fmt.Println(err)
			return
		}
	}
	for version := 1; version <= 3; version++ {
		state, err := j.LoadVersion(ctx, "ord_1", version)
		fmt.Println(state.Version, state.Status, len(state.Holds), err)
	}
	// Output:
	// 1 created 0 <nil>
	// 2 created 1 <nil>
	// 3 created 0 <nil>
}

// What happened to an order, in today's shape, whichever version of the program wrote it.
func ExampleJournal_Events() {
	j, end := newExample() // journal.New(eventstore.New(pool, eventstore.Options{}), policy, journal.Options{})
	defer end()
	ctx := context.Background()

	for id, body := range []order.Body{placeOrder(), order.CancelOrder{}} {
		if _, err := j.Apply(ctx, "ord_1", order.Command{ID: fmt.Sprint(id), Body: body}); err != nil {
			fmt.Println(err)
			return
		}
	}
	entries, err := j.Events(ctx, "ord_1", journal.Upcast)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, entry := range entries {
		fmt.Println(entry.Version, entry.EventType)
	}
	// Output:
	// 1 OrderCreated
	// 2 CancellationRequested
	// 3 OrderCancelled
}

// example is a test to testkit, for examples have none.
type example struct {
	testing.TB
	cleanups []func()
}

// newExample gives an example a journal on a database of its own, and what is to be done at its end.
func newExample() (j *journal.Journal, end func()) {
	e := &example{}
	store := eventstore.New(testkit.Database(e), eventstore.Options{})
	return journal.New(store, policy, journal.Options{}), func() {
		for _, cleanup := range slices.Backward(e.cleanups) {
			cleanup()
		}
	}
}

func (e *example) Helper()                           {}
func (e *example) Context() context.Context          { return context.Background() }
func (e *example) Cleanup(cleanup func())            { e.cleanups = append(e.cleanups, cleanup) }
func (e *example) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (e *example) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (e *example) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
