package order_test

import (
	"fmt"
	"time"

	"orderly/order"
)

// The policy of the examples.
var examplePolicy = order.Policy{Carriers: []string{"fedex"}, CloseAfter: 14 * 24 * time.Hour, ShortageAnswerWithin: 72 * time.Hour}

// A command is decided on a state; the events that follow are folded into the next one. Nothing else changes an order.
func ExampleDecide() {
	state := order.State{OrderID: "ord_1"}
	commands := []order.Body{
		order.PlaceOrder{OrderCreated: order.OrderCreated{
			CustomerID: "cus_7", Currency: "EUR", Lines: []order.Line{{LineID: "l1", SKU: "SKU-1", Quantity: 2, UnitPrice: 1250}}, Total: 2500,
		}},
		order.RecordScreening{Decision: "review", Score: 71},
		order.ReleaseOrder{Code: "fraud_review"},
	}
	for i, body := range commands {
		command := order.Command{ID: fmt.Sprint("cmd-", i), At: time.Date(2026, 7, 1, 12, i, 0, 0, time.UTC), Body: body}
		events, err := order.Decide(state, command, examplePolicy)
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, event := range events {
			state = order.Evolve(state, order.Recorded{Version: state.Version + 1, At: command.At, CommandID: command.ID, Event: event})
			fmt.Printf("%d %s: %s, holds %d\n", state.Version, event.EventType(), state.Status, len(state.Holds))
		}
	}
	// Output:
	// 1 OrderCreated: created, holds 0
	// 2 FraudScreened: created, holds 0
	// 3 OrderHeld: created, holds 1
	// 4 OrderReleased: created, holds 0
}

// A refusal says what the order would admit instead.
func ExampleDecide_refused() {
	state := order.Fold("ord_1", []order.Recorded{
		{Version: 1, Event: &order.OrderCreated{CustomerID: "cus_7", Currency: "EUR"}},
		{Version: 2, Event: &order.CancellationRequested{Reason: "changed my mind"}},
	})
	_, err := order.Decide(state, order.Command{ID: "cmd-3", Body: order.HoldOrder{Code: "manual"}}, examplePolicy)
	fmt.Println(err)
	fmt.Println(order.Allowed(state))
	// Output:
	// HoldOrder is not allowed now (status cancelling, version 2): the order is cancelling
	// [AddNote]
}

// A plan says what an order needs next. It is data: whoever carries the steps out knows no rules.
func ExamplePlanFor() {
	events := []order.Recorded{
		{Version: 1, Event: &order.OrderCreated{CustomerID: "cus_7", Currency: "EUR", Total: 2500}},
		{Version: 2, Event: &order.FraudScreened{Decision: "clear"}},
		{Version: 3, Event: &order.StockReserved{Key: "ord_1/reserve/1"}},
	}
	for version := 1; version <= len(events); version++ {
		plan := order.PlanFor(order.Fold("ord_1", events[:version]), examplePolicy)
		for _, step := range plan.Steps {
			fmt.Println(step.Name, step.Key, "in lane", step.Lane)
		}
	}
	// Output:
	// ScreenFraud ord_1/fraud/1 in lane fraud
	// ReserveStock ord_1/reserve/1 in lane stock
	// AuthorizePayment ord_1/auth/1 in lane payment
}

// An event that was stored years ago reads in today's shape; the stored row is never changed.
func ExampleDecodeEvent() {
	event, err := order.DecodeEvent("OrderCreated", 1, []byte(`{"customer_id":"cus_7","total":1250}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	created := event.(*order.OrderCreated)
	fmt.Println(created.Currency, created.Total, len(created.Lines))
	// Output: USD 1250 1
}
