// Command firstorder places an order as a shop would, and waits until it is paid.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"orderly/client"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	err := buy(ctx)
	cancel()
	if err != nil {
		log.Fatal(err)
	}
}

func buy(ctx context.Context) error {
	api, err := client.New(os.Getenv("ORDERLY_URL"), os.Getenv("ORDERLY_API_KEY"), client.Options{})
	if err != nil {
		return err
	}
	// The key belongs to the cart: whoever places this cart again, after whatever crash, places the same order.
	placed, err := api.PlaceOrderWithResponse(ctx, &client.PlaceOrderParams{IdempotencyKey: "cart-17"}, client.NewOrder{
		CustomerID: "cust_456", Currency: "USD", ShippingFee: 500, Total: 10498,
		Lines:   []client.NewLine{{SKU: "SKU-1", Name: "Mug", Quantity: 2, UnitPrice: 4999}},
		ShipTo:  client.Address{Name: "A. Buyer", Line1: "1 Main St", City: "Austin", Region: "TX", PostalCode: "78701", Country: "US"},
		Payment: client.NewPayment{Method: "card", Token: "tok_visa"},
	})
	if problem, ok := errors.AsType[*client.Problem](err); ok && problem.Code == "invalid_request" {
		return fmt.Errorf("the shop has a mistake: %v", problem.Errors)
	}
	if err != nil {
		return err
	}
	fmt.Println("placed", placed.JSON201.OrderID)

	for ; ; time.Sleep(100 * time.Millisecond) {
		order, err := api.GetOrderWithResponse(ctx, placed.JSON201.OrderID, nil)
		if err != nil {
			return err
		}
		if order.JSON200.Captured == order.JSON200.Total {
			fmt.Println("paid", order.JSON200.Captured)
			return nil
		}
	}
}
