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
	"go.temporal.io/sdk/client"

	"orderly/workflows"
)

// orders drives whole orders through Orderly's HTTP API, from the POST to the end of their workflow.
type orders struct {
	url, key string
	temporal client.Client
	http     *http.Client
}

func newOrders(url, key string, temporal client.Client) *orders {
	return &orders{url: url, key: key, temporal: temporal, http: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 256}, Timeout: 30 * time.Second,
	}}
}

const placedOrder = `{"order_id":%q,"customer_id":"cust_bench","currency":"USD",
"lines":[{"sku":"SKU-1","name":"Mug","quantity":2,"unit_price":4999}],"shipping_fee":500,"total":10498,
"ship_to":{"name":"A. Buyer","line1":"1 Main St","city":"Austin","region":"TX","postal_code":"78701","country":"US"},
"payment":{"method":"card","token":"tok_visa"},"shipping":{"service":"standard","carrier":"fedex"}}`

// life places an order and waits until its workflow has ended, which is when it is delivered and closed.
func (o *orders) life(ctx context.Context) error {
	id := "bench_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := o.place(ctx, id); err != nil {
		return err
	}
	return o.temporal.GetWorkflow(ctx, workflows.OrderWorkflowID(id), "").Get(ctx, nil)
}

func (o *orders) place(ctx context.Context, id string) error {
	body := fmt.Sprintf(placedOrder, id)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url+"/v1/orders", bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+o.key)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", id)
	response, err := o.http.Do(request)
	if err != nil {
		return fmt.Errorf("place %s: %w", id, err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("place %s: %w", id, err)
	}
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("place %s: %s: %s", id, response.Status, answer)
	}
	return nil
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
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url+"/v1/projections", nil)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Authorization", "Bearer "+o.key)
	response, err := o.http.Do(request)
	if err != nil {
		return 0, fmt.Errorf("ask for the lag: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Projections []struct {
			LagEvents int `json:"lag_events"`
		} `json:"projections"`
	}
	if response.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("ask for the lag: %s", response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
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
