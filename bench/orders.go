package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"

	"orderly/order"
	"orderly/workflows"
)

// System is a running Orderly whose orders close as soon as they are delivered, and whose parcels wait for what is told of them.
type System struct {
	// URLs are those of its processes, which share the work; Key is an API key for all of it.
	URLs []string
	Key  string
	// SimulatorURL reaches what plays its carriers.
	SimulatorURL string
	// Temporal is the server that it uses, with the keys to what is kept there.
	Temporal client.Client
	// Pool is on its database, as the owner, with a connection for each reader.
	Pool *pgxpool.Pool
}

// orders drives whole orders through Orderly's HTTP API, from the POST to the end of their workflow.
type orders struct {
	System

	http *http.Client
	// customer is whose an order is: the same whenever it is sent.
	customer func(orderID string) string
	asked    atomic.Int64
}

func newOrders(s System) *orders {
	return &orders{System: s, customer: func(string) string { return "cust_bench" }, http: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: 30 * time.Second,
	}}
}

// url is the next process's.
func (o *orders) url() string { return o.URLs[int(o.asked.Add(1))%len(o.URLs)] }

const placedOrder = `{"order_id":%q,"customer_id":%q,"currency":"USD",
"lines":[{"sku":"SKU-1","name":"Mug","quantity":2,"unit_price":4999}],"shipping_fee":500,"total":10498,
"ship_to":{"name":"A. Buyer","line1":"1 Main St","city":"Austin","region":"TX","postal_code":"78701","country":"US"},
"payment":{"method":"card","token":"tok_visa"},"shipping":{"service":"standard","carrier":"fedex"}}`

// life takes an order through the whole of its life.
func (o *orders) life(ctx context.Context) error {
	id := newOrderID()
	if err := o.place(ctx, id); err != nil {
		return err
	}
	return o.deliver(ctx, id)
}

// deliver has the carrier's two messages sent, and waits until the order's workflow has ended.
func (o *orders) deliver(ctx context.Context, id string) error {
	for _, status := range []string{"dispatched", "delivered"} {
		if err := o.carrierTells(ctx, id, status); err != nil {
			return fmt.Errorf("%s: tell that it is %s: %w", id, status, err)
		}
	}
	return o.closed(ctx, id)
}

// carrierTells has the simulator send a webhook of an order's only parcel, soon after that is booked, and again until it is taken. It
// asks less and less often: a carrier does not ask at all.
func (o *orders) carrierTells(ctx context.Context, id, status string) error {
	body := fmt.Sprintf(`{"shipment_id":%q,"status":%q}`, order.ShipmentID(id, 1), status)
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 500*time.Millisecond) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.SimulatorURL+"/webhooks/send", strings.NewReader(body))
		if err != nil {
			return err
		}
		code, answer, err := o.do(request)
		var taken struct {
			Status int `json:"receiver_status"`
		}
		switch {
		case err != nil:
			return err
		case code == http.StatusOK && json.Unmarshal(answer, &taken) == nil && taken.Status == http.StatusOK:
			return nil
		case code != http.StatusOK && code != http.StatusNotFound && code != http.StatusBadGateway:
			return fmt.Errorf("%d: %s", code, answer)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// closed waits until an order's workflow has ended.
func (o *orders) closed(ctx context.Context, id string) error {
	return o.Temporal.GetWorkflow(ctx, workflows.OrderWorkflowID(id), "").Get(ctx, nil)
}

func newOrderID() string { return "bench_" + strings.ReplaceAll(uuid.NewString(), "-", "") }

// place places an order. An overloaded service asks to send it again: that is part of how long it takes.
func (o *orders) place(ctx context.Context, id string) error {
	for {
		status, answer, err := o.post(ctx, id)
		switch {
		case err != nil:
			return fmt.Errorf("place %s: %w", id, err)
		case status == http.StatusCreated:
			return nil
		case status != http.StatusServiceUnavailable && status != http.StatusConflict && status != http.StatusTooManyRequests:
			return fmt.Errorf("place %s: %d: %s", id, status, answer)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("place %s: %d: %w", id, status, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (o *orders) post(ctx context.Context, id string) (status int, answer []byte, err error) {
	body := fmt.Sprintf(placedOrder, id, o.customer(id))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url()+"/v1/orders", bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+o.Key)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", id)
	return o.do(request)
}

func (o *orders) do(request *http.Request) (status int, answer []byte, err error) {
	response, err := o.http.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err = io.ReadAll(io.LimitReader(response.Body, 8<<20))
	return response.StatusCode, answer, err
}

// get reads a path and gives the answer's body.
func (o *orders) get(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url()+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+o.Key)
	status, answer, err := o.do(request)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", path, err)
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("get %s: %d: %s", path, status, answer)
	}
	return answer, nil
}

// caughtUp waits until no read model is behind.
func (o *orders) caughtUp(ctx context.Context) error {
	for {
		behind, err := o.lag(ctx)
		if err != nil || behind == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("read models are %d events behind: %w", behind, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (o *orders) lag(ctx context.Context) (int, error) {
	text, err := o.get(ctx, "/v1/projections")
	if err != nil {
		return 0, err
	}
	var answer struct {
		Projections []struct {
			LagEvents int `json:"lag_events"`
		} `json:"projections"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return 0, fmt.Errorf("ask for the lag: %w", err)
	}
	behind := 0
	for _, p := range answer.Projections {
		behind += p.LagEvents
	}
	return behind, nil
}

// rate runs n lives, inFlight of them at a time, and gives the lives per second.
func rate(ctx context.Context, n, inFlight int, life func(context.Context) error, after func(context.Context) error) (float64, error) {
	begin := time.Now()
	var next atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, inFlight)
	for range inFlight {
		group.Go(func() {
			for next.Add(1) <= int64(n) {
				if err := life(ctx); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
	}
	if err := after(ctx); err != nil {
		return 0, err
	}
	return float64(n) / time.Since(begin).Seconds(), nil
}
