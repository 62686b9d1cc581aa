package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"orderly/client"
	"orderly/internal/config"
)

func loadCommand() *cobra.Command {
	var rate int
	var duration time.Duration
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Place orders at a constant rate, and tell how long they took",
		Long: "Place orders at a constant rate, whether earlier ones were answered or not, through the API at ORDERLY_URL with the\n" +
			"key ORDERLY_API_KEY. Each order is sent once: what is refused or lost is counted, not tried again. At the rate limit of the\n" +
			"API (ORDERLY_RATE_LIMIT, 429) nothing is sent for as long as Retry-After says; then what was turned away is sent again, and\n" +
			"the rate goes on from there. How often and how long that was is told, and counts as no order's latency.",
		Args: exactly(0),
	}
	cmd.Flags().IntVar(&rate, "rate", 10, "orders a second")
	cmd.Flags().DurationVar(&duration, "duration", 10*time.Second, "how long")
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if rate < 1 || duration <= 0 {
			return usageError{errors.New("--rate and --duration must be positive")}
		}
		c, err := config.Load()
		if err != nil {
			return usageError{err}
		}
		api, err := client.New(c.PublicURL, c.APIKey, client.Options{Tries: 1})
		if err != nil {
			return usageError{err}
		}
		report := place(cmd.Context(), api, rate, duration).report(rate, duration)
		if *format == asJSON {
			return printJSON(cmd.OutOrStdout(), report)
		}
		return report.print(cmd.OutOrStdout())
	}
	return cmd
}

// measured is what the orders of a load have taken, and how they were answered.
type measured struct {
	limit throttle

	mu       sync.Mutex
	took     []time.Duration
	statuses map[string]int
}

// place places orders at a constant rate until the duration is over or the context ends, and waits for all answers. While the
// API's rate limit holds it back its schedule stands still.
func place(ctx context.Context, api *client.ClientWithResponses, rate int, duration time.Duration) *measured {
	m := &measured{statuses: map[string]int{}}
	every := time.Second / time.Duration(rate)
	var answers sync.WaitGroup
	defer answers.Wait()
	began := time.Now()
	for due := time.Duration(0); due+m.limit.held < duration; due += every {
		if rest(ctx, time.Until(began.Add(due+m.limit.held))) != nil {
			return m
		}
		m.limit.held += m.limit.wait(ctx)
		answers.Go(func() { m.placeOne(ctx, api) })
	}
	return m
}

// placeOne sends an order, again only when the rate limit has turned it away.
func (m *measured) placeOne(ctx context.Context, api *client.ClientWithResponses) {
	key := client.NewKey()
	for {
		began := time.Now()
		response, err := api.PlaceOrder(ctx, &client.PlaceOrderParams{IdempotencyKey: key}, client.NewOrder{
			CustomerID: "load", Currency: "USD", Channel: "load", Lines: []client.NewLine{{SKU: "SKU-1", Quantity: 2, UnitPrice: 4999}}, ShippingFee: 500,
			ShipTo:  client.Address{Name: "A. Buyer", Line1: "1 Main St", City: "Austin", Region: "TX", PostalCode: "78701", Country: "US"},
			Payment: client.NewPayment{Method: "card", Token: "tok_visa"},
		})
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
		if !m.limit.turnedAway(response) || ctx.Err() != nil {
			m.count(response, err, time.Since(began))
			return
		}
		m.limit.wait(ctx)
	}
}

// count counts the answer to an order.
func (m *measured) count(response *http.Response, err error, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	problem, refused := errors.AsType[*client.Problem](err)
	switch {
	case refused:
		m.statuses[fmt.Sprintf("%d %s", problem.Status, problem.Code)]++
	case err != nil:
		m.statuses["no answer"]++
	default:
		m.statuses[response.Status]++
		m.took = append(m.took, took)
	}
}

// throttle is what the API's rate limit asks of us.
type throttle struct {
	// held is how long the schedule stood still. It belongs to who keeps the schedule.
	held time.Duration

	mu sync.Mutex
	// answers is how many requests were turned away, until is when the next may be sent.
	answers int
	until   time.Time
}

// turnedAway says whether an answer is that of the rate limit, and has all wait for as long as it asks.
func (t *throttle) turnedAway(response *http.Response) bool {
	if response == nil || response.StatusCode != http.StatusTooManyRequests {
		return false
	}
	seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if err != nil || seconds < 1 {
		seconds = 1
	}
	until := time.Now().Add(time.Duration(seconds) * time.Second)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.answers++
	if until.After(t.until) {
		t.until = until
	}
	return true
}

// wait waits until a request may be sent, and tells how long that was.
func (t *throttle) wait(ctx context.Context) (waited time.Duration) {
	for {
		t.mu.Lock()
		left := time.Until(t.until)
		t.mu.Unlock()
		if left <= 0 || rest(ctx, left) != nil {
			return waited
		}
		waited += left
	}
}

// rest waits, unless the context ends before.
func rest(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// loadReport tells how a load went. Latencies are of the orders that were acknowledged, from when they were sent last.
type loadReport struct {
	Rate         int            `json:"rate"`
	Seconds      float64        `json:"seconds"`
	Sent         int            `json:"sent"`
	Acknowledged int            `json:"acknowledged"`
	P50          float64        `json:"p50_ms"`
	P95          float64        `json:"p95_ms"`
	P99          float64        `json:"p99_ms"`
	Slowest      float64        `json:"max_ms"`
	Statuses     map[string]int `json:"statuses"`
	// RateLimited is how many requests the rate limit has turned away, HeldBack for how long nothing was sent because of that.
	RateLimited int     `json:"rate_limited"`
	HeldBack    float64 `json:"held_back_seconds"`
}

func (m *measured) report(rate int, duration time.Duration) loadReport {
	slices.Sort(m.took)
	r := loadReport{
		Rate: rate, Seconds: duration.Seconds(), Acknowledged: len(m.took), Statuses: m.statuses,
		RateLimited: m.limit.answers, HeldBack: m.limit.held.Seconds(),
		P50: m.quantile(0.50), P95: m.quantile(0.95), P99: m.quantile(0.99), Slowest: m.quantile(1),
	}
	for _, n := range m.statuses {
		r.Sent += n
	}
	return r
}

// quantile is the time, in milliseconds, within which that part of the sorted orders was acknowledged: the nearest rank.
func (m *measured) quantile(q float64) float64 {
	if len(m.took) == 0 {
		return 0
	}
	rank := max(int(float64(len(m.took))*q+0.999999), 1)
	return float64(m.took[min(rank, len(m.took))-1].Microseconds()) / 1000
}

func (r loadReport) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "orders sent\t%d in %.0f s, %d a second\n", r.Sent, r.Seconds, r.Rate)
	fmt.Fprintf(table, "acknowledged\t%d\n", r.Acknowledged)
	fmt.Fprintf(table, "p50\t%.1f ms\np95\t%.1f ms\np99\t%.1f ms\nslowest\t%.1f ms\n", r.P50, r.P95, r.P99, r.Slowest)
	for _, status := range slices.Sorted(maps.Keys(r.Statuses)) {
		fmt.Fprintf(table, "%s\t%d\n", status, r.Statuses[status])
	}
	if r.RateLimited > 0 {
		fmt.Fprintf(table, "held back\t%.1f s by the API's rate limit, which turned %d requests away: they were sent again\n", r.HeldBack, r.RateLimited)
	}
	return table.Flush()
}
