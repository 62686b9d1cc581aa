package simulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"orderly/gateway"
	"orderly/gateway/simulator"
)

// world is a running simulator and a client of it.
type world struct {
	*gateway.HTTP

	t    *testing.T
	url  string
	stop func()
}

func start(t *testing.T, opts simulator.Options) *world {
	t.Helper()

	return startWith(t, opts, gateway.Options{Timeout: 5 * time.Second})
}

func startWith(t *testing.T, opts simulator.Options, client gateway.Options) *world {
	t.Helper()

	sim, err := simulator.New(opts)
	if err != nil {
		t.Fatalf("New: %v", err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)

	go func() { ran <- sim.Run(ctx) }()

	server := httptest.NewServer(sim.Handler())
	w := &world{HTTP: gateway.NewHTTP(server.URL, client), t: t, url: server.URL}
	stopped := false
	w.stop = func() {
		if stopped {
			return
		}

		stopped = true

		cancel()

		if err := errors.Join(<-ran, sim.Close()); err != nil {
			t.Errorf("stop: %v", err)
		}

		w.Close()
		server.Close()
	}
	t.Cleanup(w.stop)

	return w
}

// call makes a request to a control endpoint and returns status and body.
func (w *world) call(method, path, body string) (int, string) {
	w.t.Helper()

	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, bytes.NewBufferString(body))
	if err != nil {
		w.t.Fatal(err)
	}

	req.Header.Set("Idempotency-Key", "direct")

	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = resp.Body.Close() }()

	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}

	return resp.StatusCode, string(answer)
}

func (w *world) get(path string, into any) {
	w.t.Helper()

	status, body := w.call(http.MethodGet, path, "")
	if status != http.StatusOK {
		w.t.Fatalf("GET %s: %d %s", path, status, body)
	}

	if err := json.Unmarshal([]byte(body), into); err != nil {
		w.t.Fatalf("GET %s: %v in %s", path, err, body)
	}
}

// effects lists a ledger as "operation key amount".
func (w *world) effects(ledger, orderID string) []string {
	w.t.Helper()

	var entries []simulator.Entry
	w.get("/ledger/"+ledger+"?order_id="+orderID, &entries)

	list := []string{}

	for _, e := range entries {
		if e.At.IsZero() || e.OrderID == "" {
			w.t.Errorf("incomplete entry %+v", e)
		}

		list = append(list, e.Operation+" "+e.Key+" "+itoa(e.Amount))
	}

	return list
}

func (w *world) fault(body string) {
	w.t.Helper()

	if status, answer := w.call(http.MethodPost, "/faults", body); status != http.StatusCreated {
		w.t.Fatalf("POST /faults %s: %d %s", body, status, answer)
	}
}

func (w *world) authorize(key, token string, amount int64) (gateway.PaymentResult, error) {
	return w.Authorize(w.t.Context(), gateway.AuthorizeRequest{
		Key: key, OrderID: "o", Amount: amount, Currency: "USD", Method: "card", Token: token,
	})
}

func (w *world) capture(key, ref string, amount int64) (gateway.PaymentResult, error) {
	return w.Capture(w.t.Context(), gateway.CaptureRequest{
		Key: key, OrderID: "o", ProviderRef: ref, Amount: amount, Currency: "USD",
	})
}

func (w *world) refund(key, ref string, amount int64) (gateway.PaymentResult, error) {
	return w.Refund(w.t.Context(), gateway.RefundRequest{
		Key: key, OrderID: "o", ProviderRef: ref, Amount: amount, Currency: "USD",
	})
}

func (w *world) void(key, authorizeKey string) error {
	_, err := w.Void(w.t.Context(), gateway.VoidRequest{Key: key, OrderID: "o", AuthorizeKey: authorizeKey})

	return err
}

func (w *world) reserve(key string, lines ...gateway.StockLine) (gateway.Reservation, error) {
	return w.Reserve(w.t.Context(), gateway.ReserveRequest{Key: key, OrderID: "o", Lines: lines})
}

func (w *world) release(key, reserveKey string, lines ...gateway.StockLine) error {
	return w.Release(w.t.Context(), gateway.ReleaseRequest{Key: key, OrderID: "o", ReserveKey: reserveKey, Lines: lines})
}

func (w *world) commit(key, reserveKey string, lines ...gateway.StockLine) error {
	return w.Commit(w.t.Context(), gateway.CommitRequest{Key: key, OrderID: "o", ReserveKey: reserveKey, Lines: lines})
}

func (w *world) book(key, carrier, shipmentID, postalCode string) (gateway.Booking, error) {
	return w.Book(w.t.Context(), gateway.BookRequest{
		Key: key, OrderID: "o", ShipmentID: shipmentID, Carrier: carrier, Service: "standard", Warehouse: "wh-1",
		Lines: []gateway.StockLine{line("l1", "SKU-1", 1)}, ShipTo: gateway.Address{PostalCode: postalCode},
	})
}

func (w *world) cancel(key, carrier, bookKey string) error {
	return w.CancelBooking(w.t.Context(), gateway.CancelBookingRequest{
		Key: key, OrderID: "o", Carrier: carrier, BookKey: bookKey,
	})
}

func line(id, sku string, quantity int64) gateway.StockLine {
	return gateway.StockLine{LineID: id, SKU: sku, Quantity: quantity}
}

// said names what an error says: "ok", "declined card_declined", "unavailable" or "unknown".
func said(err error) string {
	if err == nil {
		return "ok"
	}

	if e, ok := errors.AsType[*gateway.Refusal](err); ok {
		return string(e.Class) + " " + e.Code
	}

	if _, ok := errors.AsType[*gateway.Unavailable](err); ok {
		return "unavailable"
	}

	if _, ok := errors.AsType[*gateway.UnknownOutcome](err); ok {
		return "unknown"
	}

	return "untyped: " + err.Error()
}

func expect(t *testing.T, what string, err error, want string) {
	t.Helper()

	if got := said(err); got != want {
		t.Errorf("%s: %s (%v), want %s", what, got, err, want)
	}
}

// eventually waits for a condition, without guessing how long it takes.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()

	deadline := time.Now().Add(10 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 10 s", what)
		}

		time.Sleep(2 * time.Millisecond)
	}
}
