package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"orderly/client"
)

// answering is an API that gives one answer to everything.
func answering(r reply) string {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { r(w) })).URL
}

func ExampleNew() {
	api, err := client.New(answering(answer(http.StatusCreated, `{"order_id":"ord_123","status":"created","version":1}`)), "ord_key", client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	key := client.NewKey() // stored beside the cart, so that it is the same when this program starts again
	placed, err := api.PlaceOrderWithResponse(context.Background(), &client.PlaceOrderParams{IdempotencyKey: key}, client.NewOrder{
		CustomerID: "cust_456", Currency: "USD", Lines: []client.NewLine{{SKU: "SKU-1", Quantity: 2, UnitPrice: 4999}}, ShippingFee: 500,
		ShipTo:  client.Address{Name: "A. Buyer", Line1: "1 Main St", City: "Austin", Region: "TX", PostalCode: "78701", Country: "US"},
		Payment: client.NewPayment{Method: "card", Token: "tok_visa"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(placed.JSON201.OrderID, placed.JSON201.Status)
	// Output: ord_123 created
}

func ExampleProblem() {
	api, err := client.New(answering(problem(http.StatusConflict, "not_allowed_now")), "ord_key", client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	_, err = api.CancelOrderWithResponse(context.Background(), "ord_123", &client.CancelOrderParams{IdempotencyKey: client.NewKey()},
		client.Cancellation{Reason: "changed their mind"})
	if problem, ok := errors.AsType[*client.Problem](err); ok && problem.Code == "not_allowed_now" {
		fmt.Println("too late to cancel")
	}
	// Output: too late to cancel
}
