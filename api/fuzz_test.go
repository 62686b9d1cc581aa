package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/client"
	"pgregory.net/rapid"

	"orderly/internal/testkit"
	"orderly/internal/webhook"
)

// TestEveryOperation_WhateverIsSent makes requests out of the description of the API, most of them nearly right. None of
// them may be answered with an error of ours, and none that is refused may change the database.
func TestEveryOperation_WhateverIsSent(t *testing.T) {
	t.Parallel()
	temporal, err := client.Dial(client.Options{HostPort: os.Getenv("TEMPORAL_ADDRESS"), Namespace: testkit.Namespace(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(temporal.Close)
	h := newHarness(t, func(o *Options) { o.Temporal = temporal })
	g := newGenerator(t, h)
	answered := map[string]map[int]int{}
	h.project(t)
	rapid.Check(t, func(rt *rapid.T) {
		for range 8 {
			op := g.operations[int(rapid.Uint16().Draw(rt, "operation"))%len(g.operations)]
			request := g.request(rt, op)
			if op.OperationID == "erase-customer" {
				h.project(t) // else it waits for the read model of orders
			}
			before := h.fingerprint(rt)
			recorder := httptest.NewRecorder()
			h.Handler().ServeHTTP(recorder, request)
			if recorder.Code >= http.StatusInternalServerError {
				rt.Fatalf("%s %s is answered with %d: %s", request.Method, request.URL, recorder.Code, recorder.Body)
			}
			if recorder.Code >= http.StatusBadRequest {
				wantUnchanged(rt, before, h.fingerprint(rt), recorder)
			}
			if answered[op.OperationID] == nil {
				answered[op.OperationID] = map[int]int{}
			}
			answered[op.OperationID][recorder.Code]++
		}
	})
	for _, op := range g.operations {
		if len(answered[op.OperationID]) == 0 {
			t.Errorf("%s was never called", op.OperationID)
		}
		t.Logf("%s: %v", op.OperationID, answered[op.OperationID])
	}
}

// fingerprint is that of the tables that tell what has happened, and of all the others.
func (h *harness) fingerprint(t rapid.TB) [2]string {
	t.Helper()
	all := h.tables(t)
	return [2]string{all["idempotency_keys"], fmt.Sprint(all)}
}

// wantUnchanged lets a refusal by the rules be remembered, so that it is given again, and nothing else.
func wantUnchanged(t *rapid.T, before, after [2]string, answer *httptest.ResponseRecorder) {
	t.Helper()
	if before == after {
		return
	}
	var problem Problem
	if err := json.Unmarshal(answer.Body.Bytes(), &problem); err != nil {
		t.Fatal(err)
	}
	ruled := []Code{codeNotAllowed, codeVersionMismatch, codeOrderExists, codeInvalid}
	if !slices.Contains(ruled, problem.Code) || strings.Replace(after[1], after[0], before[0], 1) != before[1] {
		t.Errorf("%s has changed the database: %s", answer.Body, cmp.Diff(before, after))
	}
}

// generator makes requests.
type generator struct {
	h          *harness
	operations []*huma.Operation
	// known are ids that there are, for parameters of these names.
	known map[string][]string
}

func newGenerator(t *testing.T, h *harness) *generator {
	t.Helper()
	g := &generator{h: h}
	paths := h.huma.OpenAPI().Paths
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for _, op := range operationsOf(paths[path]) {
			g.operations = append(g.operations, op)
		}
	}
	h.place(t, "ord_1")
	shipment := h.ship(t, "ord_2")
	key := decode[KeyMade](t, h.post(t, "/v1/keys", "k1", `{"name": "spare", "roles": ["auditor"]}`))
	bulk := decode[BulkOperation](t, h.post(t, "/v1/bulk", "k1", `{"command": "cancel", "filter": {"order_ids": ["ord_9"]}, "reason": "x"}`))
	g.known = map[string][]string{
		"order_id": {"ord_1", "ord_2", "ord_9"}, "shipment_id": {shipment, "shp_ord_1_1"}, "attention_id": {"att_1"},
		"key_id": {key.ID}, "bulk_id": {bulk.BulkID}, "idempotency_key": {"k1", "place-ord_1"}, "api_key": {h.key}, "currency": {"USD"}, "country": {"US"},
	}
	return g
}

// oddTexts are what nobody should send and somebody will.
var oddTexts = []string{
	"", " ", "0", "-1", "null", "true", "NaN", "1e9", "9223372036854775808", "../../etc/passwd", "%00", "\x00", "a\nb", "'; drop table order_events; --",
	"🙂", "\u202e", "\xff\xfe", "{}", "[]", "<script>", "${jndi:x}", "2026-13-45T99:99:99Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", strings.Repeat("a", 5000),
}

// oddly says now and then that something is to be wrong.
func oddly(t *rapid.T, what string) bool { return one(t, 15, what) }

// one is true in one of n cases. The library draws small numbers far more often than others: so it is not one of those.
func one(t *rapid.T, n int, what string) bool {
	return rapid.Uint16().Draw(t, what)%uint16(n) == uint16(n-1)
}

func (g *generator) request(t *rapid.T, op *huma.Operation) *http.Request {
	path, query, headers := op.Path, url.Values{}, http.Header{}
	for _, p := range op.Parameters {
		value := g.text(t, p.Name, p.Schema)
		switch p.In {
		case "path":
			path = strings.Replace(path, "{"+p.Name+"}", url.PathEscape(value), 1)
		case "query":
			if one(t, 4, "with "+p.Name) {
				query.Set(p.Name, value)
			}
		case "header":
			if p.Name == "Idempotency-Key" || oddly(t, "with "+p.Name) {
				headers[http.CanonicalHeaderKey(p.Name)] = []string{value}
			}
		}
	}
	if oddly(t, "another query") {
		query.Set(rapid.SampledFrom(oddTexts).Draw(t, "parameter"), "1")
	}
	body := g.body(t, op)
	request := httptest.NewRequest(op.Method, "/", bytes.NewReader(body))
	request.URL, _ = url.Parse("/")
	request.URL.Path, request.URL.RawPath = unescaped(path), path
	request.URL.RawQuery = query.Encode()
	request.Header = headers
	request.Header.Set("Authorization", "Bearer "+g.h.key)
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	if op.Path == "/v1/webhooks/carrier" {
		_ = webhook.SetHeaders(request.Header, testSecret, "msg_1", time.Now(), body)
	}
	return request
}

func unescaped(path string) string {
	plain, err := url.PathUnescape(path)
	if err != nil {
		return path
	}
	return plain
}

// body is JSON as the operation wants it, or nearly.
func (g *generator) body(t *rapid.T, op *huma.Operation) []byte {
	if op.RequestBody == nil {
		return nil
	}
	text, err := json.Marshal(g.value(t, "body", op.RequestBody.Content["application/json"].Schema))
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case one(t, 30, "cut"):
		return text[:rapid.IntRange(0, len(text)).Draw(t, "cut at")]
	case one(t, 30, "lengthened"):
		return append(text, rapid.SampledFrom(oddTexts).Draw(t, "more")...)
	case one(t, 30, "damaged"):
		text[rapid.IntRange(0, len(text)-1).Draw(t, "where")] = rapid.Byte().Draw(t, "byte")
	}
	return text
}

// text is a parameter's value.
func (g *generator) text(t *rapid.T, name string, s *huma.Schema) string {
	if oddly(t, "odd "+name) {
		return rapid.SampledFrom(oddTexts).Draw(t, name)
	}
	if name == "Idempotency-Key" {
		return rapid.OneOf(rapid.StringMatching(`[!-~]{8,20}`), rapid.Just("k1")).Draw(t, name)
	}
	if name == "If-Match" || name == "If-None-Match" {
		return rapid.SampledFrom([]string{`"1"`, `"2"`, `"7"`, "*", `W/"1"`, "1", ""}).Draw(t, name)
	}
	if value, ok := g.value(t, name, s).(string); ok {
		return value
	}
	return strconv.Itoa(rapid.IntRange(-1, 300).Draw(t, name))
}

// value is one that the schema admits, or nearly.
func (g *generator) value(t *rapid.T, name string, s *huma.Schema) any {
	if s.Ref != "" {
		s = g.h.huma.OpenAPI().Components.Schemas.SchemaFromRef(s.Ref)
	}
	if name != "body" && one(t, 80, "spoil "+name) {
		return rapid.SampledFrom([]any{nil, true, -1, 1.5, 1e300, "", "🙂", []any{}, map[string]any{}, []any{nil}, "a\x00b"}).Draw(t, name)
	}
	if known := g.known[name]; known != nil && s.Type == huma.TypeString {
		return rapid.SampledFrom(known).Draw(t, name)
	}
	switch s.Type {
	case huma.TypeObject:
		return g.object(t, s)
	case huma.TypeArray:
		least := 0
		if s.MinItems != nil {
			least = *s.MinItems
		}
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) any { return g.value(t, name, s.Items) }), least, least+2).Draw(t, name)
	case huma.TypeString:
		return g.string(t, name, s)
	case huma.TypeBoolean:
		return rapid.Bool().Draw(t, name)
	default:
		return g.number(t, name, s)
	}
}

func (g *generator) object(t *rapid.T, s *huma.Schema) map[string]any {
	object := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if slices.Contains(s.Required, name) != one(t, 40, "otherwise "+name) {
			object[name] = g.value(t, name, s.Properties[name])
		}
	}
	if one(t, 30, "another field") {
		object[rapid.SampledFrom(oddTexts[2:]).Draw(t, "field")] = 1
	}
	return object
}

func (g *generator) string(t *rapid.T, name string, s *huma.Schema) string {
	switch {
	case len(s.Enum) > 0:
		return fmt.Sprint(rapid.SampledFrom(s.Enum).Draw(t, name))
	case s.Format == "date-time":
		return time.Now().Add(time.Duration(rapid.IntRange(-48, 48).Draw(t, name)) * time.Hour).Format(time.RFC3339)
	case len(s.Examples) > 0 && rapid.Bool().Draw(t, "example of "+name):
		return fmt.Sprint(s.Examples[0])
	case s.Pattern != "":
		return rapid.StringMatching(s.Pattern).Draw(t, name)
	default:
		return rapid.StringN(1, 20, 100).Draw(t, name)
	}
}

func (g *generator) number(t *rapid.T, name string, s *huma.Schema) int64 {
	least, most := int64(0), int64(100)
	if s.Minimum != nil {
		least = int64(*s.Minimum)
	}
	if s.Maximum != nil {
		most = int64(*s.Maximum)
	}
	if oddly(t, "odd "+name) {
		return rapid.SampledFrom([]int64{least - 1, most, most + 1}).Draw(t, name)
	}
	return rapid.Int64Range(least, min(most, least+50)).Draw(t, name)
}
