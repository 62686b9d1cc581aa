package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// operation is one of the API's, as its description has it.
type operation struct {
	path, method string
	// roles are who may call it: everybody, authenticated, or the names of roles.
	roles []string
	// body is a small one that the operation takes.
	body string
}

func (o operation) is(who string) bool { return slices.Contains(o.roles, who) }

// operations reads the description that the API serves, and who may call what. An operation that has no line in
// access.txt has not been decided on.
func (s shop) operations() []operation {
	s.t.Helper()
	text, err := os.ReadFile("../api/testdata/access.txt")
	if err != nil {
		s.t.Fatal(err)
	}
	decided := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		decided[words[1]+" "+words[0]] = words[2:]
	}
	document := s.get("/openapi.json").body
	paths := document["paths"].(map[string]any)
	var all []operation
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for method, described := range paths[path].(map[string]any) {
			o := operation{path: path, method: strings.ToUpper(method)}
			name := o.method + " " + path
			if o.roles = decided[name]; o.roles == nil {
				s.t.Errorf("nobody has said who may %s", name)
			}
			delete(decided, name)
			if body, ok := described.(map[string]any)["requestBody"].(map[string]any); ok {
				schema := body["content"].(map[string]any)["application/json"].(map[string]any)["schema"]
				o.body = s.example(document, path, schema.(map[string]any))
			}
			all = append(all, o)
		}
	}
	if len(decided) > 0 {
		s.t.Errorf("there is no %v any more", decided)
	}
	return all
}

// bodies stand in for those that a description alone does not make.
var bodies = map[string]string{
	"/v1/bulk": `{"command":"cancel","filter":{"order_ids":["none"]},"reason":"x"}`,
	"/v1/orders/{order_id}/shipments/{shipment_id}/reroute": `{"carrier":"ups","reason":"x"}`,
}

func (s shop) example(document map[string]any, path string, schema map[string]any) string {
	s.t.Helper()
	if body, ok := bodies[path]; ok {
		return body
	}
	text, err := json.Marshal(exampleOf(document, schema))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// exampleOf is a value with all that a schema requires, and no more.
func exampleOf(document, schema map[string]any) any {
	if ref, ok := schema["$ref"].(string); ok {
		schemas := document["components"].(map[string]any)["schemas"].(map[string]any)
		return exampleOf(document, schemas[strings.TrimPrefix(ref, "#/components/schemas/")].(map[string]any))
	}
	for _, given := range []string{"examples", "enum"} {
		if values, ok := schema[given].([]any); ok {
			return values[0]
		}
	}
	switch schema["type"] {
	case "object":
		object := map[string]any{}
		required, _ := schema["required"].([]any)
		for _, name := range required {
			object[name.(string)] = exampleOf(document, schema["properties"].(map[string]any)[name.(string)].(map[string]any))
		}
		return object
	case "array":
		return []any{exampleOf(document, schema["items"].(map[string]any))}
	case "integer":
		return 1
	case "boolean":
		return false
	default:
		return "x1"
	}
}

// world is what operations are tried on.
type world struct {
	shop

	// parts are the parameters of paths.
	parts map[string]string
}

func newWorld(t *testing.T) world {
	t.Helper()
	s := open(t, everything)
	id := s.place(wish{})
	closed := s.until(id, "closed")
	key := s.command(http.StatusOK, "/v1/keys", `{"name":"spare","roles":["auditor"]}`).body
	bulk := s.command(http.StatusCreated, "/v1/bulk", `{"command":"cancel","filter":{"order_ids":["none"]},"reason":"x"}`).body
	endpoint := s.command(http.StatusCreated, "/v1/webhook-endpoints", `{"url":"https://shop.example.com/orderly"}`).body
	return world{s, map[string]string{
		"endpoint_id": endpoint["endpoint_id"].(string), "delivery_id": "msg_1", "customer_id": "cust_456", "name": "figures", "id": uuid.Nil.String(),
		"order_id": id, "shipment_id": list(closed["shipments"])[0]["shipment_id"].(string), "attention_id": "att_1", "rma_id": "rma_1",
		"key_id": key["id"].(string), "bulk_id": bulk["bulk_id"].(string), "idempotency_key": "k",
	}}
}

// try calls an operation with a key; headers come in pairs.
func (w world) try(o operation, key string, headers ...string) answer {
	w.t.Helper()
	path := o.path
	for name, value := range w.parts {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	if strings.Contains(path, "{") {
		w.t.Fatalf("%s: say in newWorld what stands there", path)
	}
	request, err := http.NewRequestWithContext(w.t.Context(), o.method, w.URL+path, strings.NewReader(o.body))
	if err != nil {
		w.t.Fatal(err)
	}
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", uuid.NewString())
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := readAll(response)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, raw: string(text)}
	_ = json.Unmarshal(text, &a.body) // an answer without a body has no code
	return a
}

// TestServe_TakesWhoMayAndHowMuchFromItsConfiguration: a token needs the provider, who is not there; limits are those that were set.
func TestServe_TakesWhoMayAndHowMuchFromItsConfiguration(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_OIDC_ISSUER=http://127.0.0.1:1", "ORDERLY_OIDC_AUDIENCE=orderly", "ORDERLY_OIDC_CLIENT_ID=console",
		"ORDERLY_RATE_LIMIT=1", "ORDERLY_RATE_BURST=3", "ORDERLY_MAX_READS=50")
	w := world{shop: s}
	list := operation{path: "/v1/orders", method: http.MethodGet}
	if a := w.try(list, "a.b.c"); a.status != http.StatusServiceUnavailable || a.body["code"] != "identity_unavailable" {
		t.Errorf("a token: got %d %s", a.status, a.raw)
	}
	if a := w.try(operation{path: "/session/oidc", method: http.MethodGet}, ""); a.status != http.StatusServiceUnavailable || a.body["code"] != "identity_unavailable" {
		t.Errorf("a login: got %d %s", a.status, a.raw)
	}
	if a := w.try(list, s.Key); a.status != http.StatusOK || a.header.Get("RateLimit-Policy") != `"caller";q=3;w=3` {
		t.Errorf("a key: got %d %v", a.status, a.header)
	}
	s.Await("the limit is reached", func() bool { return w.try(list, s.Key).body["code"] == "rate_limited" })
	s.Await("it is not any more", func() bool { return w.try(list, s.Key).status == http.StatusOK })
}

var allRoles = []string{"integrator", "support", "supervisor", "warehouse", "finance", "auditor", "monitor", "admin"}

// TestAccess_EveryOperation_EveryRole_OwnAndForeign tries everything that the description names with a key of every role, of
// the tenant that owns what is asked for and of another.
func TestAccess_EveryOperation_EveryRole_OwnAndForeign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operations := w.operations()
	own, foreign := w.keys("default"), w.keys("rival")
	before := w.get("/v1/orders/" + w.parts["order_id"] + "/events").raw
	for _, o := range operations {
		w.wantClosed(o)
		for _, role := range allRoles {
			w.wantForeign(o, role, w.try(o, foreign[role]))
		}
	}
	if after := w.get("/v1/orders/" + w.parts["order_id"] + "/events").raw; after != before {
		t.Errorf("another tenant has changed the order:\n%s\n%s", before, after)
	}
	for _, o := range operations {
		for _, role := range allRoles {
			w.wantOwn(o, role, w.try(o, own[role]))
		}
	}
}

// keys makes a key of each role for a tenant.
func (w world) keys(tenant string) map[string]string {
	w.t.Helper()
	keys := map[string]string{}
	for _, role := range allRoles {
		keys[role] = strings.TrimSpace(w.cli(0, "keys", "create", role, "--tenant", tenant, "--role", role).stdout)
	}
	return keys
}

// wantClosed: nobody gets in without a key.
func (w world) wantClosed(o operation) {
	w.t.Helper()
	for _, key := range []string{"", "ord_guessed", "a.b.c"} {
		a := w.try(o, key)
		if !o.is("everybody") && (a.status != http.StatusUnauthorized || a.body["code"] != "unauthenticated") || a.status >= http.StatusInternalServerError {
			w.t.Errorf("%s %s with the key %q: got %d %s", o.method, o.path, key, a.status, a.raw)
		}
	}
}

// denied says whether the operation is not for the role, and checks that it was told so.
func (w world) denied(o operation, role string, a answer) bool {
	w.t.Helper()
	if a.status >= http.StatusInternalServerError {
		w.t.Errorf("%s %s as %s: got %d %s", o.method, o.path, role, a.status, a.raw)
	}
	if o.is("everybody") || o.is("authenticated") || o.is(role) {
		if !o.is("everybody") && (a.status == http.StatusUnauthorized || a.status == http.StatusForbidden) {
			w.t.Errorf("%s %s as %s: got %d %s, which is theirs to do", o.method, o.path, role, a.status, a.raw)
		}
		return o.is("everybody")
	}
	if a.status != http.StatusForbidden || a.body["code"] != "forbidden" {
		w.t.Errorf("%s %s as %s: got %d %s, which is not theirs to do", o.method, o.path, role, a.status, a.raw)
	}
	return true
}

// wantOwn: who may, gets at what is theirs.
func (w world) wantOwn(o operation, role string, a answer) {
	w.t.Helper()
	if !w.denied(o, role, a) && a.body["code"] == "order_not_found" {
		w.t.Errorf("%s %s as %s: got %d %s of their own order", o.method, o.path, role, a.status, a.raw)
	}
}

// wantForeign: for another tenant nothing of it exists.
func (w world) wantForeign(o operation, role string, a answer) {
	w.t.Helper()
	if w.denied(o, role, a) {
		return
	}
	want := ""
	switch {
	case strings.Contains(o.path, "{order_id}"):
		want = "order_not_found"
	case strings.Contains(o.path, "{bulk_id}"), strings.Contains(o.path, "{key_id}"), strings.Contains(o.path, "{endpoint_id}"), o.path == "/v1/customers/{customer_id}":
		want = "not_found"
	}
	if want != "" && (a.status != http.StatusNotFound || a.body["code"] != want) {
		w.t.Errorf("%s %s as another tenant's %s: got %d %s, want %s", o.method, o.path, role, a.status, a.raw, want)
	}
	for name, part := range w.parts {
		if len(part) > 10 && strings.Contains(a.raw, part) {
			w.t.Errorf("%s %s as another tenant's %s shows %s %s: %s", o.method, o.path, role, name, part, a.raw)
		}
	}
}

// TestEveryCommand_NeedsAKey_AndHonoursIfMatch tries all commands that the description names on an order whose workflow has ended.
func TestEveryCommand_NeedsAKey_AndHonoursIfMatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.parts["order_id"]
	before := w.get("/v1/orders/" + id + "/events").raw
	commands := 0
	for _, o := range w.operations() {
		if o.method == http.MethodGet || o.method == http.MethodDelete || o.is("everybody") {
			continue
		}
		commands++
		for key, code := range map[string]string{"": "idempotency_key_missing", "a b": "idempotency_key_invalid"} {
			if a := w.try(o, w.Key, "Idempotency-Key", key); a.status != http.StatusBadRequest || a.body["code"] != code {
				t.Errorf("%s with the key %q: got %d %s", o.path, key, a.status, a.raw)
			}
		}
		if !strings.Contains(o.path, "{order_id}") {
			continue
		}
		a := w.try(o, w.Key, "If-Match", `"1"`)
		version := w.order(id)["version"]
		if a.status != http.StatusPreconditionFailed || a.body["code"] != "version_mismatch" || fmt.Sprint(a.body["current_version"]) != fmt.Sprint(version) {
			t.Errorf("%s on an old version: got %d %s", o.path, a.status, a.raw)
		}
	}
	if after := w.get("/v1/orders/" + id + "/events").raw; after != before || commands < 20 {
		t.Errorf("after %d commands that were refused:\n%s\n%s", commands, before, after)
	}
}
