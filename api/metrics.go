package api

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what the API counts of itself.
type metrics struct {
	requests *prometheus.HistogramVec
	inFlight prometheus.Gauge
	replays  prometheus.Counter
	turned   *prometheus.CounterVec
	streams  prometheus.Gauge
}

func newMetrics(registry *prometheus.Registry) *metrics {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "orderly_http_request_duration_seconds",
			Help:    "How long requests took, by route, method and status.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20},
		}, []string{"route", "method", "status"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "orderly_http_requests_in_flight",
			Help: "How many requests are being served.",
		}),
		replays: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "orderly_http_commands_replayed_total",
			Help: "How many commands were answered with the result of the first time.",
		}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "orderly_http_streams",
			Help: "How many clients events are streamed to.",
		}),
		turned: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "orderly_http_requests_turned_away_total",
			Help: "How many requests were not served, by why: rate_limited, overloaded.",
		}, []string{"code"}),
	}
	registry.MustRegister(m.requests, m.inFlight, m.replays, m.turned, m.streams)
	return m
}

func metricsHandler(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// methodLabel keeps invented methods from becoming time series of their own.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodHead, http.MethodOptions:
		return method
	default:
		return "other"
	}
}
