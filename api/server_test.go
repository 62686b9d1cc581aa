package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// serving runs the harness behind the real server, whose limits can be made shorter.
func (h *harness) serving(t *testing.T, adjust func(*http.Server)) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer("", h.Handler())
	adjust(server)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, server, listener, time.Second) }()
	t.Cleanup(func() { stop(); <-served })
	return listener.Addr().String()
}

// send writes the beginning of a request and reads the answer, as somebody does who never writes the rest.
func send(t *testing.T, addr, text string) (*http.Response, string) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() { _, _ = io.WriteString(conn, text) }() // the server may close before it has read all
	_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	body, _ := io.ReadAll(answer.Body)
	return answer, string(body)
}

func (h *harness) head(length int) string {
	return fmt.Sprintf("POST /v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", h.key, length)
}

func TestServer_SlowHeaders_AreCutOff(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	addr := h.serving(t, func(s *http.Server) {
		if s.ReadHeaderTimeout == 0 || s.ReadTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 {
			t.Errorf("a time limit is missing: %+v", s)
		}
		s.ReadHeaderTimeout = 50 * time.Millisecond
	})
	if answer, text := send(t, addr, h.head(10)); answer != nil && answer.StatusCode < 400 || !strings.Contains(text, "EOF") && answer == nil {
		t.Errorf("got %v %s", answer, text)
	}
}

func TestServer_SlowBody_IsRefused_AndNothingIsStored(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.bodyWithin = 50 * time.Millisecond
	h.get(t, "/v1/orders")
	before := h.stored(t)
	addr := h.serving(t, func(*http.Server) {})
	answer, body := send(t, addr, h.head(len(usualOrder))+"\r\n"+usualOrder[:50])
	if answer == nil || answer.StatusCode != http.StatusRequestTimeout || !strings.Contains(body, string(codeBodyTimeout)) {
		t.Errorf("got %v %s", answer, body)
	}
	if h.stored(t) != before {
		t.Error("something was stored")
	}
}

func TestServer_HugeHeadersAndBodies_AreRefused(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	addr := h.serving(t, func(*http.Server) {})
	for name, c := range map[string]struct {
		text   string
		status int
	}{
		"headers":              {h.head(0) + "X-Padding: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"announced body":       {h.head(1<<40) + "\r\n" + strings.Repeat("x", maxBody+1), http.StatusRequestEntityTooLarge},
		"body in chunks":       {strings.Replace(h.head(0), "Content-Length: 0", "Transfer-Encoding: chunked", 1) + "\r\n200000\r\n" + strings.Repeat("x", 0x200000) + "\r\n0\r\n\r\n", http.StatusRequestEntityTooLarge},
		"two lengths":          {h.head(3) + "Content-Length: 4\r\n\r\nabcd", http.StatusBadRequest},
		"NUL in a header":      {h.head(0) + "X-Nul: a\x00b\r\n\r\n", http.StatusBadRequest},
		"gzip":                 {h.head(4) + "Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00", http.StatusUnsupportedMediaType},
		"broken request line":  {"GET\r\n\r\n", http.StatusBadRequest},
		"no host":              {"GET /v1/orders HTTP/1.1\r\n\r\n", http.StatusBadRequest},
		"HTTP of the next age": {"GET /v1/orders HTTP/9.9\r\nHost: x\r\n\r\n", http.StatusHTTPVersionNotSupported},
	} {
		answer, body := send(t, addr, c.text)
		if answer == nil || answer.StatusCode != c.status {
			t.Errorf("%s: got %v %s, want %d", name, answer, body, c.status)
		}
	}
	wantStatus(t, h.get(t, "/v1/orders"), http.StatusOK)
}

func TestServer_SecurityHeadersAreOnEveryAnswer(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *Options) { o.PublicURL = "https://orderly.test"; o.Limits = Limits{Commands: 1} })
	h.admission.commands <- struct{}{}
	for _, question := range []ask{
		anyList,
		{method: http.MethodGet, path: "/livez"},
		{method: http.MethodGet, path: "/docs"},
		{method: http.MethodGet, path: "/docs/start.js"},
		{method: http.MethodGet, path: "/openapi.json"},
		{method: http.MethodGet, path: "/metrics"},
		{method: http.MethodGet, path: "/session"},
		{method: http.MethodGet, path: "/nowhere"},
		{method: http.MethodPut, path: "/v1/orders"},
		{method: http.MethodGet, path: "/v1/orders/ord_9"},
		{method: http.MethodGet, path: "/v1/orders?limit=0"},
		{method: http.MethodGet, path: "/v1/orders", headers: []string{"Authorization", ""}},
		{method: http.MethodPost, path: "/v1/orders"},
	} {
		header := h.do(t, question).Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
		} {
			if header.Get(name) != want {
				t.Errorf("%s %s: %s is %q", question.method, question.path, name, header.Get(name))
			}
		}
		if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s %s: the policy is %q", question.method, question.path, policy)
		}
		if caching := header.Get("Cache-Control"); caching != "no-store" && question.path != "/docs/start.js" {
			t.Errorf("%s %s: Cache-Control is %q", question.method, question.path, caching)
		}
	}
	if header := newHarness(t).get(t, "/v1/orders").Header(); header.Get("Strict-Transport-Security") != "" {
		t.Error("TLS is demanded where there is none")
	}
}
