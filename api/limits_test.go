package api

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"orderly/order"
)

func TestRateLimit_EachCallerHasItsOwn(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *Options) { o.Limits = Limits{PerSecond: 1, Burst: 3} })
	other := h.newKey(t, "acme", "auditor")
	var turned int
	for range 20 {
		answer := h.get(t, "/v1/orders")
		if answer.Header().Get("RateLimit-Policy") != `"caller";q=3;w=3` || answer.Header().Get("RateLimit") == "" {
			t.Errorf("headers are %v", answer.Header())
		}
		if answer.Code == http.StatusOK {
			continue
		}
		turned++
		wantProblem(t, answer, codeRateLimited)
		if answer.Header().Get("Retry-After") != "1" {
			t.Errorf("headers are %v", answer.Header())
		}
	}
	if turned == 0 {
		t.Error("nothing was turned away")
	}
	wantStatus(t, h.do(t, as(other, anyList)), http.StatusOK)
	wantStatus(t, h.get(t, "/livez"), http.StatusOK)
}

func TestRateLimit_NothingIsDoneForWhatIsTurnedAway(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *Options) { o.Limits = Limits{PerSecond: 1, Burst: 1} })
	h.get(t, "/v1/orders")
	for range 1000 {
		before, sent := h.stored(t), h.orders.count()
		if answer := h.post(t, "/v1/orders", "k1", usualOrder); answer.Code != http.StatusTooManyRequests {
			continue // a second has passed
		}
		if h.stored(t) != before || h.orders.count() != sent {
			t.Error("something was stored or sent")
		}
		return
	}
	t.Error("nothing was turned away")
}

func TestCallers_TokensComeBackWithTime(t *testing.T) {
	t.Parallel()
	c := newCallers(Limits{PerSecond: 10, Burst: 20})
	now := time.Now()
	for i := range 20 {
		allowed, left, _ := c.take("key:1", now)
		if !allowed || left != 19-i {
			t.Fatalf("request %d: %v, %d left", i, allowed, left)
		}
	}
	allowed, left, wait := c.take("key:1", now)
	if allowed || left != 0 || wait <= 0 || wait > 100*time.Millisecond {
		t.Errorf("the one too many: %v, %d left, wait %s", allowed, left, wait)
	}
	if allowed, _, _ := c.take("key:1", now.Add(wait)); !allowed {
		t.Error("refused after the wait")
	}
	for i := range 2 * maxIdleCallers {
		c.take(fmt.Sprint(i), now.Add(time.Duration(i)*time.Second))
	}
	if len(c.known) > maxIdleCallers {
		t.Errorf("%d callers are remembered", len(c.known))
	}
	if l := (Limits{PerSecond: 10, Burst: 25}); l.secondsToRefill(25) != 0 || l.secondsToRefill(24) != 1 || l.secondsToRefill(0) != 3 {
		t.Errorf("%d seconds from nothing to the whole burst", l.secondsToRefill(0))
	}
	if newCallers(Limits{}) != nil {
		t.Error("there is a limit where none was wanted")
	}
}

func TestOverload_CommandsAreTurnedAway_ReadsAndHealthAreNot(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *Options) { o.Limits = Limits{Commands: 2, Reads: 5} })
	finish := make(chan struct{})
	started := make(chan struct{}, 2)
	h.orders.answer = func(order.Command) error {
		started <- struct{}{}
		<-finish
		return nil
	}
	var group sync.WaitGroup
	for i := range 2 {
		group.Go(func() { h.post(t, "/v1/orders", fmt.Sprint(i), usualOrder) })
		<-started
	}
	answer := h.post(t, "/v1/orders", "k", usualOrder)
	wantProblem(t, answer, codeOverloaded)
	if answer.Header().Get("Retry-After") == "" || answer.Header().Get("X-Trace-Id") == "" {
		t.Errorf("headers are %v", answer.Header())
	}
	wantStatus(t, h.get(t, "/v1/orders"), http.StatusOK)
	for _, path := range []string{"/livez", "/readyz", "/metrics"} {
		wantStatus(t, h.get(t, path), http.StatusOK)
	}
	if metrics := h.get(t, "/metrics").Body.String(); !strings.Contains(metrics, `orderly_http_requests_turned_away_total{code="overloaded"} 1`) {
		t.Errorf("it was not counted: %s", metrics)
	}
	close(finish)
	group.Wait()
	wantStatus(t, h.post(t, "/v1/orders", "after", usualOrder), http.StatusCreated)
}

func TestOverload_ReadsHavePlacesOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *Options) { o.Limits = Limits{Commands: 1, Reads: 1} })
	h.admission.reads <- struct{}{}
	wantProblem(t, h.get(t, "/v1/orders"), codeOverloaded)
	for _, path := range []string{"/livez", "/readyz", "/metrics"} {
		wantStatus(t, h.get(t, path), http.StatusOK)
	}
	wantStatus(t, h.post(t, "/v1/orders", "k", usualOrder), http.StatusCreated)
	<-h.admission.reads
	wantStatus(t, h.get(t, "/v1/orders"), http.StatusOK)
}
