package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"

	"go.uber.org/zap"
)

// request is what is known about a request while it is served.
type request struct {
	traceID string
	// log writes lines that carry the trace id.
	log *zap.Logger
	// route is the pattern that matched, for logs and metrics: paths have ids and idempotency keys in them.
	route string
	// principal is who asks; nil on the open routes.
	principal *principal
	// cause is the error behind a problem that is our fault, or our surroundings'.
	cause error
	// turnedAway is set when the request was not served because there are too many.
	turnedAway bool
}

type requestKey struct{}

func withRequest(ctx context.Context, r *request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// requestOf is the request that is being served.
func requestOf(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{log: zap.NewNop()}
}

// tenantOf is whose orders the request may see. It is empty on open routes, which no order has.
func tenantOf(ctx context.Context) string {
	if who := requestOf(ctx).principal; who != nil {
		return who.tenant
	}
	return ""
}

// traceIDOf is the trace id of a W3C traceparent header, or a new one when there is none that is valid.
func traceIDOf(traceparent string) string {
	parts := strings.Split(traceparent, "-")
	if len(parts) >= 4 && len(parts[0]) == 2 && parts[0] != "ff" && isTraceID(parts[1]) {
		return parts[1]
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

func isTraceID(text string) bool {
	if len(text) != 32 || text != strings.ToLower(text) || strings.Trim(text, "0") == "" {
		return false
	}
	_, err := hex.DecodeString(text)
	return err == nil
}
