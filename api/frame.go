package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"
)

// requestLimit is how long any request may take in all that does not stream. A command waits for its answer for less.
const requestLimit = 20 * time.Second

// statusClientGone stands in logs and metrics for an answer that nobody waited for.
const statusClientGone = 499

// frame stands around every request: it gives it a trace id, a log and a time limit, sets the headers that all
// answers have, turns a panic into a problem, and counts and logs what came of it.
func (a *API) frame(c *gin.Context) {
	started := time.Now()
	traceID := traceIDOf(c.GetHeader("Traceparent"))
	current := &request{traceID: traceID, log: a.log.With(zap.String("trace_id", traceID)), route: routeOf(c)}
	ctx := withRequest(c.Request.Context(), current)
	if !streamRoutes[c.FullPath()] {
		limited, cancel := context.WithTimeout(ctx, requestLimit)
		defer cancel()
		ctx = limited
	}
	c.Request = c.Request.WithContext(ctx)
	a.setCommonHeaders(c.Writer.Header(), traceID)
	if a.draining() {
		c.Header("Connection", "close") // the client's next request goes to another process
	}

	a.metrics.inFlight.Inc()
	defer a.metrics.inFlight.Dec()
	defer func() {
		if caught := recover(); caught != nil {
			if caught == http.ErrAbortHandler { //nolint:errorlint // net/http compares it like this, too
				panic(caught)
			}
			current.log.Error("panic", zap.Any("panic", caught), zap.Stack("stack"))
			writeProblem(c, newProblem(codeInternal, ""))
		}
		a.record(c, current, time.Since(started))
	}()
	c.Next()
}

func routeOf(c *gin.Context) string {
	if c.FullPath() == "" {
		return "none"
	}
	return c.FullPath()
}

func (a *API) setCommonHeaders(header http.Header, traceID string) {
	header.Set("X-Trace-Id", traceID)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	if a.tls {
		header.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
}

// record counts the request and writes its one line into the log: ids, never contents.
func (a *API) record(c *gin.Context, r *request, took time.Duration) {
	status := c.Writer.Status()
	if errors.Is(c.Request.Context().Err(), context.Canceled) {
		status = statusClientGone
	}
	a.metrics.requests.WithLabelValues(r.route, methodLabel(c.Request.Method), strconv.Itoa(status)).Observe(took.Seconds())
	if r.turnedAway {
		return
	}
	fields := []zap.Field{
		zap.String("method", c.Request.Method), zap.String("route", r.route), zap.Int("status", status), zap.Duration("took", took),
	}
	if id := c.Param("order_id"); isOrderID(id) {
		fields = append(fields, zap.String("order_id", id))
	}
	if r.principal != nil {
		fields = append(fields, zap.String("tenant", r.principal.tenant), zap.String("principal", r.principal.id))
	}
	if r.cause != nil {
		fields = append(fields, zap.Error(r.cause))
	}
	switch {
	case status >= http.StatusInternalServerError:
		r.log.Error("request", fields...)
	case r.principal == nil && status < http.StatusBadRequest:
		r.log.Debug("request", fields...) // probes
	default:
		r.log.Info("request", fields...)
	}
}

// unescapePath undoes the escaping of path parameters, as gin would do it for query parameters, where + is a space.
func unescapePath(c *gin.Context) {
	for i, param := range c.Params {
		value, err := url.PathUnescape(param.Value)
		if err != nil {
			abort(c, newProblem(codeNotFound, ""))
			return
		}
		c.Params[i].Value = value
	}
}

// abort ends the request with a problem.
func abort(c *gin.Context, problem *Problem) {
	writeProblem(c, problem)
	c.Abort()
}

func writeProblem(c *gin.Context, problem *Problem) {
	if c.Writer.Written() {
		return
	}
	current := requestOf(c.Request.Context())
	problem.TraceID = current.traceID
	if problem.cause != nil {
		current.cause = problem.cause
	}
	maps.Copy(c.Writer.Header(), problem.GetHeaders())
	c.Writer.Header().Del("Content-Length")
	c.Header("Content-Type", problemType)
	c.Status(problem.Status)
	if err := json.NewEncoder(c.Writer).Encode(problem); err != nil {
		current.log.Debug("a problem was not sent", zap.Error(err)) // the client has gone
	}
}
