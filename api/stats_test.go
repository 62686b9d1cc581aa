package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/order"
	"orderly/projection"
	"orderly/readmodel"
)

// project runs the projections until they have everything.
func (h *harness) project(t *testing.T) {
	t.Helper()
	const level = `
		SELECT count(*) = $1 FROM projections WHERE (checkpoint_tx, checkpoint_position)
			= (SELECT tx, position FROM order_events ORDER BY tx DESC, position DESC LIMIT 1)`
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	pool := h.projectors(t)
	projections := readmodel.Projections()
	ended := make(chan error, len(projections))
	for _, p := range projections {
		runner := projection.NewRunner(pool, eventstore.New(pool, eventstore.Options{}), nil, p, 0)
		go func() {
			ended <- runner.Run(ctx, func(projection.Progress) {
				var done bool
				if err := pool.QueryRow(ctx, level, len(projections)).Scan(&done); err == nil && done {
					cancel()
				}
			})
		}()
	}
	for range projections {
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	pool.Close()
	h.awaitGone(t, projectors)
}

// projectors names the sessions of the runners in the server.
const projectors = "projectors"

// projectors are connections of the runners alone, so that it can be seen when the last of them has ended.
func (h *harness) projectors(t *testing.T) *pgxpool.Pool {
	t.Helper()
	config := h.pool.Config()
	config.ConnConfig.RuntimeParams["application_name"] = projectors
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// awaitGone returns when the server has ended all sessions of a name: it may still carry out what a client has broken off.
func (h *harness) awaitGone(t *testing.T, name string) {
	t.Helper()
	const query = `SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1)`
	for gone := false; !gone; time.Sleep(time.Millisecond) {
		if err := h.pool.QueryRow(t.Context(), query, name).Scan(&gone); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFigures_AreOfTheKeysTenant(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	h.project(t)
	today := time.Now().UTC()
	days := "from=" + today.AddDate(0, 0, -1).Format(time.DateOnly) + "&to=" + today.AddDate(0, 0, 1).Format(time.DateOnly)

	status := h.get(t, "/v1/stats/status")
	wantStatus(t, status, http.StatusOK)
	if got := decode[StatusCounts](t, status); got.Counts[order.Created] != 1 || len(got.Counts) != len(order.Statuses) || got.Position == "" {
		t.Errorf("statuses: %+v", got)
	}
	before := h.get(t, "/v1/stats/status?at="+url.QueryEscape(today.Add(-time.Hour).Format(time.RFC3339)))
	if got := decode[StatusCounts](t, before); got.Counts[order.Created] != 0 {
		t.Errorf("an hour before: %+v", got)
	}
	if got := decode[SalesList](t, h.get(t, "/v1/stats/sales?"+days)); len(got.Sales) != 1 || got.Sales[0].Orders != 1 || got.Sales[0].Ordered != 10498 {
		t.Errorf("sales: %+v", got)
	}
	if got := decode[Customer](t, h.get(t, "/v1/customers/cust_456")); len(got.Totals) != 1 || got.Totals[0].Orders != 1 || got.Totals[0].Currency != "USD" {
		t.Errorf("customer: %+v", got)
	}
	if got := decode[OrderList](t, h.get(t, "/v1/orders?sku=SKU-1")); len(got.Orders) != 1 {
		t.Errorf("orders with the article: %+v", got)
	}

	h.key = h.newKey(t, "other", "auditor")
	if got := decode[StatusCounts](t, h.get(t, "/v1/stats/status")); got.Counts[order.Created] != 0 {
		t.Errorf("another tenant's statuses: %+v", got)
	}
	if got := decode[SalesList](t, h.get(t, "/v1/stats/sales?"+days)); len(got.Sales) != 0 {
		t.Errorf("another tenant's sales: %+v", got)
	}
	wantStatus(t, h.get(t, "/v1/customers/cust_456"), http.StatusNotFound)
}

func TestFigures_BadQuestions_AreRefusedWithTheirParameter(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for path, pointer := range map[string]string{
		"/v1/stats/status?at=yesterday":                                                        "/at",
		"/v1/stats/status?at=2999-01-01T00:00:00Z":                                             "/at",
		"/v1/stats/status/history?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&step=1m":   "/step",
		"/v1/stats/status/history?from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z&step=0s":   "/step",
		"/v1/stats/status/history?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z&step=24h":  "/to",
		"/v1/stats/sales?from=2026-01-01&to=today":                                             "/to",
		"/v1/stats/delivery?from=2024-01-01&to=2026-01-01":                                     "/to",
		"/v1/stats/status?at=2026-01-01T00:00:00":                                              "/at",
		"/v1/stats/status/history?to=2026-02-01T00:00:00Z&step=1m":                             "/from",
		"/v1/stats/status/history?from=2026-02-01T00:00:00Z&to=2026-02-01T00:00:00Z&step=day":  "/step",
		"/v1/stats/status/intervals?from=2024-01-01T00:00:00Z&to=2026-01-01T00:00:00Z":         "/to",
		"/v1/stats/status/intervals?from=2026-01-01T00:00:00Z":                                 "/to",
		"/v1/stats/sales?from=2026-02-30&to=2026-03-01":                                        "/from",
		"/v1/stats/sales?from=2026-03-02&to=2026-03-01":                                        "/to",
		"/v1/stats/sales?from=2026-03-02T00:00:00Z&to=2026-03-03":                              "/from",
		"/v1/stats/delivery?from=2026-01-01&to=2026-01-02&carrier=" + strings.Repeat("x", 101): "/carrier",
		"/v1/shipments?cursor=x":                                                               "/cursor",
		"/v1/shipments?status=broken":                                                          "/status",
		"/v1/shipments?limit=0":                                                                "/limit",
		"/v1/shipments?limit=many":                                                             "/limit",
		"/v1/customers/" + strings.Repeat("x", 101):                                            "/customer_id",
	} {
		answer := h.get(t, path)
		if answer.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", path, answer.Code, answer.Body)
			continue
		}
		wantProblem(t, answer, codeInvalid, pointer)
	}
}
