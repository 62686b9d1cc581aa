package projection

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"orderly/eventstore"
)

// scrapeWithin bounds how long a scrape may keep a connection.
const scrapeWithin = 2 * time.Second

var (
	lagEventsMetric = prometheus.NewDesc("orderly_projection_lag_events",
		"How many committed events a projection has not applied yet.", []string{"name", "shard"}, nil)
	lagSecondsMetric = prometheus.NewDesc("orderly_projection_lag_seconds",
		"How old the oldest event is that a projection has not applied yet.", []string{"name", "shard"}, nil)
	parkedMetric = prometheus.NewDesc("orderly_projection_parked_events",
		"How many events are parked because they, or earlier ones of their orders, could not be applied.", []string{"name", "shard"}, nil)
	heldEventsMetric = prometheus.NewDesc("orderly_feed_held_events",
		"How many committed events the feed holds back because of a transaction that is still running.", nil, nil)
	heldSecondsMetric = prometheus.NewDesc("orderly_feed_held_seconds",
		"How long the transaction has been running that holds the feed back.", nil, nil)
)

// Collector measures the projections and the feed whenever it is asked for their metrics. The database's troubles show as
// missing metrics.
type Collector struct {
	pool  *pgxpool.Pool
	store *eventstore.Store
}

// NewCollector makes a Collector.
func NewCollector(pool *pgxpool.Pool, store *eventstore.Store) *Collector {
	return &Collector{pool, store}
}

// Describe names the metrics.
func (c *Collector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, each := range []*prometheus.Desc{lagEventsMetric, lagSecondsMetric, parkedMetric, heldEventsMetric, heldSecondsMetric} {
		descriptions <- each
	}
}

// Collect measures.
func (c *Collector) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
	defer cancel()
	gauge := func(description *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, value, labels...)
	}
	head, err := c.store.FeedHead(ctx)
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(heldEventsMetric, err)
		return
	}
	gauge(heldEventsMetric, float64(head.Held))
	gauge(heldSecondsMetric, head.HeldFor(time.Now()).Seconds())
	statuses, err := Statuses(ctx, c.pool, c.store)
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(lagEventsMetric, err)
		return
	}
	for _, status := range statuses {
		shard := strconv.Itoa(status.Shard)
		gauge(lagEventsMetric, float64(status.LagEvents), status.Name, shard)
		gauge(lagSecondsMetric, status.LagSeconds, status.Name, shard)
		gauge(parkedMetric, float64(status.ParkedEvents), status.Name, shard)
	}
}
