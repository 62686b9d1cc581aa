package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestWebhookEndpoints_BadInput(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	const one = "/v1/webhook-endpoints/whe_00000000000000000000000000000000"
	for _, c := range []struct {
		name, method, path, body string
		code                     Code
		pointer                  string
	}{
		{"no URL", http.MethodPost, "/v1/webhook-endpoints", `{}`, codeInvalid, "/url"},
		{"no TLS", http.MethodPost, "/v1/webhook-endpoints", `{"url":"http://shop.example.com/"}`, codeInvalid, "/url"},
		{"another scheme", http.MethodPost, "/v1/webhook-endpoints", `{"url":"file:///etc/passwd"}`, codeInvalid, "/url"},
		{"credentials", http.MethodPost, "/v1/webhook-endpoints", `{"url":"https://a:b@shop.example.com/"}`, codeInvalid, "/url"},
		{"this host", http.MethodPost, "/v1/webhook-endpoints", `{"url":"https://127.0.0.1/"}`, codeInvalid, "/url"},
		{"a private address", http.MethodPost, "/v1/webhook-endpoints", `{"url":"https://[fd00::1]/"}`, codeInvalid, "/url"},
		{"the metadata service", http.MethodPost, "/v1/webhook-endpoints", `{"url":"https://169.254.169.254/"}`, codeInvalid, "/url"},
		{"a URL that is too long", http.MethodPost, "/v1/webhook-endpoints", `{"url":"https://shop.example.com/` + strings.Repeat("x", 2000) + `"}`, codeInvalid, "/url"},
		{"an unknown event", http.MethodPost, "/v1/webhook-endpoints", `{"url":"https://shop.example.com/","event_types":["OrderCreated","OrderEaten"]}`, codeInvalid, "/event_types/1"},
		{"an unknown field", http.MethodPost, "/v1/webhook-endpoints", `{"url":"https://shop.example.com/","colour":"red"}`, codeInvalid, "/colour"},
		{"no such endpoint", http.MethodGet, one, "", codeNotFound, none},
		{"no id of an endpoint", http.MethodGet, "/v1/webhook-endpoints/x", "", codeNotFound, none},
		{"deleting none", http.MethodDelete, one, "", codeNotFound, none},
		{"rotating none", http.MethodPost, one + "/rotate-secret", "", codeNotFound, none},
		{"enabling none", http.MethodPost, one + "/enable", "", codeNotFound, none},
		{"deliveries to none", http.MethodGet, one + "/deliveries", "", codeNotFound, none},
		{"deliveries of an unknown status", http.MethodGet, one + "/deliveries?status=eaten", "", codeInvalid, "/status"},
		{"replaying at none", http.MethodPost, one + "/deliveries/msg_1/replay", "", codeNotFound, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			var pointers []string
			if c.pointer != none {
				pointers = []string{c.pointer}
			}
			wantProblem(t, h.do(t, ask{c.method, c.path, c.body, []string{"Idempotency-Key", "bad"}}), c.code, pointers...)
		})
	}
	var count int
	if err := h.pool.QueryRow(t.Context(), `SELECT count(*) FROM webhook_endpoints`).Scan(&count); err != nil || count != 0 {
		t.Errorf("%d endpoints were stored, %v", count, err)
	}
}

func TestWebhookEndpoints_NeedAKeyThatMayCommand(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.key = h.newKey(t, "acme", "auditor")
	wantProblem(t, h.do(t, ask{http.MethodPost, "/v1/webhook-endpoints", `{"url":"https://shop.example.com/"}`, []string{"Idempotency-Key", "k"}}), codeForbidden)
	wantStatus(t, h.get(t, "/v1/webhook-endpoints"), http.StatusOK)
	wantProblem(t, h.do(t, ask{method: http.MethodDelete, path: fmt.Sprintf("/v1/webhook-endpoints/whe_%032d", 0)}), codeForbidden)
}
