package testkit_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"orderly/internal/testkit"
)

func TestContract_FindsWhatTheDocumentDoesNotSay(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	contract, err := testkit.NewContract(document)
	if err != nil {
		t.Fatal(err)
	}
	const (
		pending = `{"status":"pending","order_id":"ord_1","command_url":"/v1/commands/ord_1/k"}`
		problem = `{"type":"urn:orderly:problem:not_found","title":"t","status":404,"code":"not_found","trace_id":"x"}`
		hold    = `{"code":"manual","reason":"look at it"}`
		json    = "application/json"
	)
	for _, c := range []struct {
		name, path, body    string
		status              int
		contentType, answer string
		fine                bool
	}{
		{"as it should be", "/v1/orders/ord_1/hold", hold, 202, json, pending, true},
		{"a problem", "/v1/orders/ord_1/hold", hold, 404, "application/problem+json", problem, true},
		{"a status that is not documented", "/v1/orders/ord_1/hold", hold, 418, "application/problem+json", problem, false},
		{"a content type that is not documented", "/v1/orders/ord_1/hold", hold, 202, "text/plain", pending, false},
		{"a problem as plain JSON", "/v1/orders/ord_1/hold", hold, 404, json, problem, false},
		{"an unknown value of an enum", "/v1/orders/ord_1/hold", hold, 202, json, strings.Replace(pending, "pending", "perhaps", 1), false},
		{"a field that is not documented", "/v1/orders/ord_1/hold", hold, 202, json, strings.Replace(pending, "{", `{"more":1,`, 1), false},
		{"a field that is missing", "/v1/orders/ord_1/hold", hold, 202, json, `{"status":"pending","order_id":"ord_1"}`, false},
		{"no body", "/v1/orders/ord_1/hold", hold, 202, json, "", false},
		{"a request with a field too many", "/v1/orders/ord_1/hold", strings.Replace(hold, "{", `{"more":1,`, 1), 202, json, pending, false},
		{"a request that breaks a pattern", "/v1/orders/ord_1/hold", `{"code":"Manual Hold","reason":"r"}`, 202, json, pending, false},
		{"a request that was refused, and may be anything", "/v1/orders/ord_1/hold", `{"nonsense":1}`, 404, "application/problem+json", problem, true},
		{"a route that is not documented", "/v1/orders/ord_1/eat", hold, 202, json, pending, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, c.path, strings.NewReader(c.body))
			request.Header.Set("Content-Type", json)
			request.Header.Set("Idempotency-Key", "k")
			request.Header.Set("Authorization", "Bearer ord_x")
			response := &http.Response{
				StatusCode: c.status, Header: http.Header{"Content-Type": {c.contentType}}, Body: io.NopCloser(strings.NewReader(c.answer)),
			}
			err := contract.Check(request, response)
			if fine := err == nil; fine != c.fine {
				t.Errorf("got %v, want it to be found fine: %v", err, c.fine)
			}
			if left, _ := io.ReadAll(response.Body); string(left) != c.answer {
				t.Errorf("the answer's body reads %q afterwards", left)
			}
		})
	}
}
