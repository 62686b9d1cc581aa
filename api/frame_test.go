package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"orderly/order"
)

func pretty(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// watched is a harness whose log can be read.
func watched(t *testing.T) (*harness, *observer.ObservedLogs) {
	t.Helper()
	h := newHarness(t)
	core, logs := observer.New(zapcore.DebugLevel)
	h.log = zap.New(core)
	return h, logs
}

func TestFrame_TraceID_IsTheCallersAndInEveryLogLine(t *testing.T) {
	t.Parallel()
	h, logs := watched(t)
	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	answer := h.do(t, ask{http.MethodGet, "/v1/orders/ord_9", "", []string{"Traceparent", "00-" + traceID + "-00f067aa0ba902b7-01"}})
	if got := wantProblem(t, answer, codeOrderNotFound).TraceID; got != traceID || answer.Header().Get("X-Trace-Id") != traceID {
		t.Errorf("trace id is %s, header %s, want %s", got, answer.Header().Get("X-Trace-Id"), traceID)
	}
	if logs.Len() == 0 {
		t.Error("nothing was logged")
	}
	for _, line := range logs.All() {
		if line.ContextMap()["trace_id"] != traceID {
			t.Errorf("line %v lacks the trace id", line)
		}
	}
	for _, bad := range []string{"", "x", "00-0-0-0", "00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01", "ff-" + traceID + "-00f067aa0ba902b7-01"} {
		if got := traceIDOf(bad); !isTraceID(got) || got == traceID {
			t.Errorf("%q gives the trace id %q", bad, got)
		}
	}
}

func TestFrame_Logs_HaveNoPersonalDataAndNoSecrets(t *testing.T) {
	t.Parallel()
	h, logs := watched(t)
	h.post(t, "/v1/orders", "my-key", with(t, "order_id", "ord_1"))
	h.post(t, "/v1/orders", "my-key2", with(t, "ship_to.country", "XX"))
	h.get(t, "/v1/orders?customer_id=cust_456&q=a@example.com")
	h.orders.answer = func(order.Command) error { return errors.New("boom") }
	h.post(t, "/v1/orders/ord_1/address", "my-key3", `{"line1": "1 Main St", "city": "Austin", "postal_code": "78701", "country": "US"}`)
	text := &bytes.Buffer{}
	for _, line := range logs.All() {
		text.Write(pretty(t, line.ContextMap()))
	}
	if !strings.Contains(text.String(), "boom") {
		t.Error("the cause of a 500 is not in the log")
	}
	for _, secret := range []string{h.key, "my-key", "tok_visa", "A. Buyer", "1 Main St", "a@example.com", "cust_456"} {
		if strings.Contains(text.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

func TestFrame_Panic_IsInternalAndLogged(t *testing.T) {
	t.Parallel()
	h, logs := watched(t)
	h.engine.GET("/v1/panic", func(*gin.Context) { panic("secret detail") })
	answer := h.get(t, "/v1/panic")
	wantProblem(t, answer, codeInternal)
	if strings.Contains(answer.Body.String(), "secret") || strings.Contains(answer.Body.String(), ".go") {
		t.Errorf("the client is told %s", answer.Body)
	}
	if logs.FilterMessage("panic").Len() != 1 {
		t.Error("the panic was not logged")
	}
}

func TestFrame_HeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, path := range []string{"/livez", "/v1/orders", "/v1/orders/ord_9", "/nowhere", "/docs"} {
		header := h.get(t, path).Header()
		for _, name := range []string{"X-Content-Type-Options", "Referrer-Policy", "Content-Security-Policy", "Cache-Control", "X-Trace-Id"} {
			if header.Get(name) == "" {
				t.Errorf("%s lacks %s", path, name)
			}
		}
	}
	if got := h.do(t, ask{method: http.MethodDelete, path: "/v1/orders"}).Header().Get("Allow"); !strings.Contains(got, "GET") || !strings.Contains(got, "POST") {
		t.Errorf("Allow is %q", got)
	}
}

func TestHealthAndMetrics(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	wantStatus(t, h.get(t, "/livez"), http.StatusOK)
	wantStatus(t, h.get(t, "/readyz"), http.StatusOK)
	h.get(t, "/v1/orders/ord_9")
	answer := h.get(t, "/metrics")
	if want := `orderly_http_request_duration_seconds_count{method="GET",route="/v1/orders/:order_id",status="404"} 1`; !strings.Contains(answer.Body.String(), want) {
		t.Errorf("metrics lack %s:\n%s", want, answer.Body)
	}
	h.options.Ready = func(context.Context) error { return errors.New("version 3 of 4") }
	answer = h.get(t, "/readyz")
	wantProblem(t, answer, codeNotReady, "/schema")
	if strings.Contains(answer.Body.String(), "version 3") {
		t.Error("the answer tells the error")
	}
	h.pool.Close()
	wantProblem(t, h.get(t, "/readyz"), codeNotReady, "/database", "/schema")
	wantStatus(t, h.get(t, "/livez"), http.StatusOK)
}

func TestOpenAPI_IsAsCommitted(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	answer := h.do(t, ask{method: http.MethodGet, path: "/openapi.json", headers: []string{"Authorization", ""}})
	wantStatus(t, answer, http.StatusOK)
	golden(t, "openapi.json", answer.Body.Bytes())
}

func TestDocs_NeedNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	page := h.do(t, ask{method: http.MethodGet, path: "/docs", headers: []string{"Authorization", ""}})
	wantStatus(t, page, http.StatusOK)
	if body := page.Body.String(); strings.Contains(body, "http") || strings.Contains(body, "<script>") {
		t.Errorf("the page has inline scripts or foreign addresses:\n%s", body)
	}
	for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png", "start.js"} {
		if answer := h.get(t, "/docs/"+name); answer.Code != http.StatusOK || answer.Body.Len() < 50 || answer.Header().Get("Content-Type") == "" {
			t.Errorf("%s: status %d, %d bytes", name, answer.Code, answer.Body.Len())
		}
	}
	wantProblem(t, h.get(t, "/docs/embed.go"), codeNotFound)
	wantProblem(t, h.get(t, "/docs/..%2f..%2fetc%2fpasswd"), codeNotFound)
}

func TestServe_FinishesWhatItHasBegun(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	begun, finish := make(chan struct{}), make(chan struct{})
	server := NewServer("", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		_, _ = io.WriteString(w, "done")
	}))
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, server, listener, 5*time.Second) }()
	answer := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + listener.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(response.Body)
		answer <- string(body)
	}()
	<-begun
	stop()
	close(finish)
	if got := <-answer; got != "done" {
		t.Errorf("answer is %q", got)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestServer_SlowBody_IsRefused_AndALongCommandIsNot(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	server := &http.Server{Handler: h.Handler(), ReadHeaderTimeout: time.Second}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, server, listener, time.Second) }()
	t.Cleanup(func() { stop(); <-served })
	h.orders.answer = func(order.Command) error { time.Sleep(100 * time.Millisecond); return nil }
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+listener.Addr().String()+"/v1/orders", strings.NewReader(usualOrder))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + h.key, "Content-Type": "application/json", "Idempotency-Key": "k1"} {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusCreated {
		t.Errorf("status %d", response.StatusCode)
	}
}
