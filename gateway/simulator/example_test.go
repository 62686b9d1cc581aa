package simulator_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"orderly/gateway"
	"orderly/gateway/simulator"
)

// An effect is asked for twice with one key and happens once.
func ExampleSimulator() {
	sim, err := simulator.New(simulator.Options{})
	if err != nil {
		panic(err)
	}
	defer func() { _ = sim.Close() }()

	server := httptest.NewServer(sim.Handler())
	defer server.Close()

	world := gateway.NewHTTP(server.URL, gateway.Options{})
	defer world.Close()

	request := gateway.AuthorizeRequest{
		Key: "ord_1/authorize/1", OrderID: "ord_1", Amount: 4999, Currency: "USD", Token: "tok_visa",
	}
	first, _ := world.Authorize(context.Background(), request)
	again, _ := world.Authorize(context.Background(), request)
	fmt.Println(first == again, first.Amount)

	request.Key, request.Token = "ord_1/authorize/2", "tok_declined"
	_, err = world.Authorize(context.Background(), request)
	fmt.Println(err)
	// Output:
	// true 4999
	// refused (card_declined): the card was declined
}

func BenchmarkAuthorize_OnDisk(b *testing.B) {
	sim, err := simulator.New(simulator.Options{DataDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = sim.Close() }()

	handler := sim.Handler()
	n := 0

	for b.Loop() {
		n++
		req := httptest.NewRequest(http.MethodPost, "/payments/authorize",
			strings.NewReader(`{"order_id":"o","amount":1,"currency":"USD","token":"tok_visa"}`))
		req.Header.Set("Idempotency-Key", itoa(int64(n)))

		resp := httptest.NewRecorder()
		handler.ServeHTTP(resp, req)

		if resp.Code != 200 {
			b.Fatalf("%d %s", resp.Code, resp.Body)
		}
	}
}
