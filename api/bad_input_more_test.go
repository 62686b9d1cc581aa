package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// badFrames are requests whose headers, path or method are wrong.
func badFrames() []badInput {
	order := func(headers ...string) ask {
		return ask{http.MethodPost, "/v1/orders", usualOrder, append([]string{"Idempotency-Key", "bad"}, headers...)}
	}
	return []badInput{
		{"no key", ask{http.MethodPost, "/v1/orders", usualOrder, nil}, codeKeyMissing, none},
		{"key with a space", order("Idempotency-Key", "a b"), codeKeyInvalid, none},
		{"key with an umlaut", order("Idempotency-Key", "ä"), codeKeyInvalid, none},
		{"key too long", order("Idempotency-Key", strings.Repeat("k", 256)), codeKeyInvalid, none},
		{"no content type", order("Content-Type", ""), codeMediaType, none},
		{"form", order("Content-Type", "application/x-www-form-urlencoded"), codeMediaType, none},
		{"text", order("Content-Type", "text/json"), codeMediaType, none},
		{"utf-16", order("Content-Type", "application/json; charset=utf-16"), codeMediaType, none},
		{"gzip", order("Content-Encoding", "gzip"), codeMediaType, none},
		{"If-Match without quotes", order("If-Match", "7"), codeInvalid, "/If-Match"},
		{"If-Match weak", order("If-Match", `W/"7"`), codeInvalid, "/If-Match"},
		{"If-Match with a text", order("If-Match", `"x"`), codeInvalid, "/If-Match"},
		{"If-Match negative", order("If-Match", `"-1"`), codeInvalid, "/If-Match"},
		{"no API key", ask{http.MethodGet, "/v1/orders", "", []string{"Authorization", ""}}, codeUnauthenticated, none},
		{"basic auth", ask{http.MethodGet, "/v1/orders", "", []string{"Authorization", "Basic YTpi"}}, codeUnauthenticated, none},
		{"wrong API key", ask{http.MethodGet, "/v1/orders", "", []string{"Authorization", "Bearer ord_nope"}}, codeUnauthenticated, none},
		{"unknown path", ask{method: http.MethodGet, path: "/v2/orders"}, codeNotFound, none},
		{"path with a slash at the end", ask{method: http.MethodGet, path: "/v1/orders/"}, codeNotFound, none},
		{"wrong method", ask{method: http.MethodDelete, path: "/v1/orders/ord_1"}, codeMethod, none},
		{"invented method", ask{method: "BREW", path: "/v1/orders"}, codeMethod, none},
		{"later endpoint", ask{http.MethodPost, "/v1/orders/ord_1/teleport", "{}", []string{"Idempotency-Key", "k"}}, codeNotFound, none},
	}
}

// badCommands are commands to an order whose body or path is wrong, or that there is no such order for.
func badCommands() []badInput {
	to := func(path, body string, headers ...string) ask {
		return ask{http.MethodPost, "/v1/orders/" + path, body, append([]string{"Idempotency-Key", "bad"}, headers...)}
	}
	const reason = `{"reason": "because"}`
	const address = `{"line1": "1 Main St", "city": "Austin", "postal_code": "78701", "country": "US"}`
	return []badInput{
		{"cancel without a reason", to("ord_1/cancel", `{}`), codeInvalid, "/reason"},
		{"cancel with an empty reason", to("ord_1/cancel", `{"reason": ""}`), codeInvalid, "/reason"},
		{"cancel without a body", to("ord_1/cancel", ""), codeMediaType, none},
		{"cancel an unknown order", to("ord_2/cancel", reason), codeOrderNotFound, none},
		{"cancel a path", to("..%2F..%2Fetc/cancel", reason), codeOrderNotFound, none},
		{"cancel an emoji", to("%F0%9F%99%82/cancel", reason), codeOrderNotFound, none},
		{"cancel a NUL", to("ord_1%00/cancel", reason), codeOrderNotFound, none},
		{"cancel with a bad If-Match", to("ord_1/cancel", reason, "If-Match", "1"), codeInvalid, "/If-Match"},
		{"return nothing", to("ord_1/returns", `{"lines": [], "reason": "x", "resolution": "refund"}`), codeInvalid, "/lines"},
		{"return without a reason", to("ord_1/returns", `{"lines": [{"line_id": "l1", "quantity": 1}], "resolution": "refund"}`), codeInvalid, "/reason"},
		{"return for a voucher", to("ord_1/returns", `{"lines": [{"line_id": "l1", "quantity": 1}], "reason": "x", "resolution": "voucher"}`), codeInvalid, "/resolution"},
		{"return no pieces", to("ord_1/returns", `{"lines": [{"line_id": "l1", "quantity": 0}], "reason": "x", "resolution": "refund"}`), codeInvalid, "/lines/0/quantity"},
		{"return half a piece", to("ord_1/returns", `{"lines": [{"line_id": "l1", "quantity": 0.5}], "reason": "x", "resolution": "refund"}`), codeInvalid, "/lines/0/quantity"},
		{"receive in no condition", to("ord_1/returns/rma_1/receive", `{"lines": [{"line_id": "l1", "quantity": 1, "condition": "eaten"}]}`), codeInvalid, "/lines/0/condition"},
		{"approve a path", to("ord_1/returns/..%2Frma_1/approve", "{}"), codeInvalid, "/rma_id"},
		{"hold without a code", to("ord_1/hold", reason), codeInvalid, "/code"},
		{"hold until the past", to("ord_1/hold", `{"code": "manual", "reason": "x", "until": "2020-01-01T00:00:00Z"}`), codeInvalid, "/until"},
		{"hold until the end of time", to("ord_1/hold", `{"code": "manual", "reason": "x", "until": "9999-12-31T23:59:59Z"}`), codeInvalid, "/until"},
		{"hold without a zone", to("ord_1/hold", `{"code": "manual", "reason": "x", "until": "2999-01-01T00:00:00"}`), codeInvalid, "/until"},
		{"hold until a leap second", to("ord_1/hold", `{"code": "manual", "reason": "x", "until": "2999-12-31T23:59:60Z"}`), codeInvalid, "/until"},
		{"release without a code", to("ord_1/release", reason), codeInvalid, "/code"},
		{"address without a city", to("ord_1/address", strings.Replace(address, "Austin", "", 1)), codeInvalid, "/city"},
		{"address in no country", to("ord_1/address", strings.Replace(address, "US", "ZZ", 1)), codeInvalid, "/country"},
		{"payment without a token", to("ord_1/payment-method", `{"method": "card"}`), codeInvalid, "/token"},
		{"respond without a choice", to("ord_1/respond", `{"action_id": "act_1"}`), codeInvalid, "/choice"},
		{"note without a text", to("ord_1/notes", `{"text": ""}`), codeInvalid, "/text"},
		{"note too long", to("ord_1/notes", `{"text": "`+strings.Repeat("x", 2001)+`"}`), codeInvalid, "/text"},
		{"retry with a bad id", to("ord_1/attention/a%20b/retry", ""), codeInvalid, "/attention_id"},
		{"retry an unknown order", to("ord_2/attention/att_1/retry", ""), codeOrderNotFound, none},
		{"resolve with a number", to("ord_1/attention/att_1/resolve", `{"external_ref": 7}`), codeInvalid, "/external_ref"},
		{"reroute without a carrier", to("ord_1/shipments/shp_ord_1_1/reroute", reason), codeInvalid, "/carrier"},
	}
}

// badKeys are requests about API keys and logins that are wrong.
func badKeys() []badInput {
	to := func(path, body string) ask {
		return ask{http.MethodPost, path, body, []string{"Idempotency-Key", "bad"}}
	}
	remove := func(id string) ask { return ask{method: http.MethodDelete, path: "/v1/keys/" + id} }
	const id = "00000000-0000-0000-0000-000000000000"
	return []badInput{
		{"key without a name", to("/v1/keys", `{"roles": ["admin"]}`), codeInvalid, "/name"},
		{"key with a long name", to("/v1/keys", `{"name": "`+strings.Repeat("x", 101)+`", "roles": ["admin"]}`), codeInvalid, "/name"},
		{"key with a NUL", to("/v1/keys", `{"name": "a\u0000", "roles": ["admin"]}`), codeMalformed, none},
		{"key without roles", to("/v1/keys", `{"name": "x"}`), codeInvalid, "/roles"},
		{"key with no role", to("/v1/keys", `{"name": "x", "roles": []}`), codeInvalid, "/roles"},
		{"key with an unknown role", to("/v1/keys", `{"name": "x", "roles": ["admin", "root"]}`), codeInvalid, "/roles/1"},
		{"key with an unknown scope", to("/v1/keys", `{"name": "x", "roles": ["admin"], "scopes": ["*"]}`), codeInvalid, "/scopes/0"},
		{"key of another tenant", to("/v1/keys", `{"name": "x", "roles": ["admin"], "tenant": "rival"}`), codeInvalid, "/tenant"},
		{"key that is over", to("/v1/keys", `{"name": "x", "roles": ["admin"], "expires_at": "2020-01-01T00:00:00Z"}`), codeInvalid, "/expires_at"},
		{"key until the end of time", to("/v1/keys", `{"name": "x", "roles": ["admin"], "expires_at": "9999-12-31T23:59:59Z"}`), codeInvalid, "/expires_at"},
		{"key with an end that is no time", to("/v1/keys", `{"name": "x", "roles": ["admin"], "expires_at": "tomorrow"}`), codeInvalid, "/expires_at"},
		{"rotate an unknown key", to("/v1/keys/"+id+"/rotate", `{}`), codeNotFound, none},
		{"rotate a path", to("/v1/keys/..%2Fx/rotate", `{}`), codeNotFound, none},
		{"rotate a NUL", to("/v1/keys/a%00b/rotate", `{}`), codeNotFound, none},
		{"rotate with a negative overlap", to("/v1/keys/"+id+"/rotate", `{"overlap_seconds": -1}`), codeInvalid, "/overlap_seconds"},
		{"rotate with an endless overlap", to("/v1/keys/"+id+"/rotate", `{"overlap_seconds": 2592001}`), codeInvalid, "/overlap_seconds"},
		{"revoke an unknown key", remove(id), codeNotFound, none},
		{"revoke a name", remove("shop"), codeNotFound, none},
		{"log in without a key", to("/session/key", `{}`), codeInvalid, "/api_key"},
		{"log in with a number", to("/session/key", `{"api_key": 7}`), codeInvalid, "/api_key"},
		{"log in with a guess", to("/session/key", `{"api_key": "ord_guess"}`), codeUnauthenticated, none},
		{"go on to another server", ask{method: http.MethodGet, path: "/session/oidc?return_to=//evil.test"}, codeInvalid, "/return_to"},
	}
}

// badReads are questions that have no answer.
func badReads() []badInput {
	read := func(path string) ask { return ask{method: http.MethodGet, path: path} }
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	return []badInput{
		{"unknown order", read("/v1/orders/ord_2"), codeOrderNotFound, none},
		{"unknown order's events", read("/v1/orders/ord_2/events"), codeOrderNotFound, none},
		{"id with a path", read("/v1/orders/..%2Flivez"), codeOrderNotFound, none},
		{"id too long", read("/v1/orders/" + strings.Repeat("a", 5000)), codeOrderNotFound, none},
		{"version zero", read("/v1/orders/ord_1?version=0"), codeNotYetCreated, none},
		{"version negative", read("/v1/orders/ord_1?version=-1"), codeInvalid, "/version"},
		{"version beyond the end", read("/v1/orders/ord_1?version=99"), codeInvalid, "/version"},
		{"version a text", read("/v1/orders/ord_1?version=x"), codeInvalid, "/version"},
		{"version too large", read("/v1/orders/ord_1?version=9223372036854775808"), codeInvalid, "/version"},
		{"min_version negative", read("/v1/orders/ord_1?min_version=-1"), codeInvalid, "/min_version"},
		{"before the first event", read("/v1/orders/ord_1?at=2020-01-01T00:00:00Z"), codeNotYetCreated, none},
		{"year zero", read("/v1/orders/ord_1?at=0000-01-01T00:00:00Z"), codeNotYetCreated, none},
		{"in the future", read("/v1/orders/ord_1?at=" + later), codeInvalid, "/at"},
		{"year 9999", read("/v1/orders/ord_1?at=9999-12-31T23:59:59Z"), codeInvalid, "/at"},
		{"time without a zone", read("/v1/orders/ord_1?at=2026-01-01T00:00:00"), codeInvalid, "/at"},
		{"leap second", read("/v1/orders/ord_1?at=2016-12-31T23:59:60Z"), codeInvalid, "/at"},
		{"version and time", read("/v1/orders/ord_1?version=1&at=2026-01-01T00:00:00Z"), codeInvalid, "/version"},
		{"unknown parameter", read("/v1/orders/ord_1?colour=1"), codeInvalid, "/colour"},
		{"raw a text", read("/v1/orders/ord_1/events?raw=maybe"), codeInvalid, "/raw"},
		{"limit zero", read("/v1/orders?limit=0"), codeInvalid, "/limit"},
		{"limit negative", read("/v1/orders?limit=-1"), codeInvalid, "/limit"},
		{"limit huge", read("/v1/orders?limit=1000000000"), codeInvalid, "/limit"},
		{"limit a text", read("/v1/attention?limit=x"), codeInvalid, "/limit"},
		{"cursor", read("/v1/orders?cursor=nonsense"), codeInvalid, "/cursor"},
		{"attention cursor", read("/v1/attention?cursor=%25"), codeInvalid, "/cursor"},
		{"unknown status", read("/v1/orders?status=lost"), codeInvalid, "/status"},
		{"attention neither yes nor no", read("/v1/orders?needs_attention=perhaps"), codeInvalid, "/needs_attention"},
		{"placed after a day", read("/v1/orders?placed_after=2026-01-01"), codeInvalid, "/placed_after"},
		{"unknown command", read("/v1/commands/ord_1/never"), codeNotFound, none},
		{"command of an unknown order", read("/v1/commands/ord_2/never"), codeOrderNotFound, none},
	}
}

func TestBadInput_IsRefusedQuickly(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	took := func(do func()) time.Duration {
		began := time.Now()
		do()
		return time.Since(began)
	}
	const turns = 21
	var refused, placed []time.Duration
	for i := range turns {
		placed = append(placed, took(func() { h.place(t, fmt.Sprintf("ord_%d", i)) }))
		refused = append(refused, took(func() { h.do(t, placing(usualOrder+"x")) }))
	}
	slices.Sort(refused)
	slices.Sort(placed)
	if refused[turns/2] > placed[turns/2] {
		t.Errorf("bad input is refused in %s, an order is placed in %s", refused[turns/2], placed[turns/2])
	}
}
