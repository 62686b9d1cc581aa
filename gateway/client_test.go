package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orderly/gateway"
)

// outcome names what an error says, in one comparable string.
func outcome(err error) string {
	if err == nil {
		return "ok"
	}

	if e, ok := errors.AsType[*gateway.Refusal](err); ok {
		return fmt.Sprintf("refusal %s %s", e.Class, e.Code)
	}

	if e, ok := errors.AsType[*gateway.Unavailable](err); ok {
		return fmt.Sprintf("unavailable (%s) %s", e.Code, e.RetryAfter)
	}

	if e, ok := errors.AsType[*gateway.UnknownOutcome](err); ok {
		return "unknown " + e.Key
	}

	return "untyped: " + err.Error()
}

func serve(t *testing.T, handler http.HandlerFunc) *gateway.HTTP {
	t.Helper()

	server := httptest.NewServer(handler)
	client := gateway.NewHTTP(server.URL+"/", gateway.Options{Timeout: 5 * time.Second})

	t.Cleanup(func() {
		client.Close()
		server.Close()
	})

	return client
}

func authorize(ctx context.Context, h *gateway.HTTP) (gateway.PaymentResult, error) {
	return h.Authorize(ctx, gateway.AuthorizeRequest{Key: "ord_1/authorize/1", OrderID: "ord_1", Amount: 5})
}

func TestAuthorize_AnswerMapsToError(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		status int
		header [2]string
		body   string
		want   string
	}{
		"ok":                  {status: 200, body: `{"provider_ref":"p1","amount":5}`, want: "ok"},
		"created":             {status: 201, body: `{"provider_ref":"p1"}`, want: "ok"},
		"not JSON":            {status: 200, body: `<html>`, want: "unknown ord_1/authorize/1"},
		"empty":               {status: 200, want: "unknown ord_1/authorize/1"},
		"no content":          {status: 204, want: "unknown ord_1/authorize/1"},
		"no reference":        {status: 200, body: `{}`, want: "unknown ord_1/authorize/1"},
		"other JSON":          {status: 200, body: `[1]`, want: "unknown ord_1/authorize/1"},
		"too long":            {status: 200, body: `{"provider_ref":"` + strings.Repeat("x", 2<<20) + `"}`, want: "unknown ord_1/authorize/1"},
		"internal error":      {status: 500, body: `{"class":"declined","code":"x"}`, want: "unknown ord_1/authorize/1"},
		"bad gateway":         {status: 502, want: "unknown ord_1/authorize/1"},
		"gateway timeout":     {status: 504, want: "unknown ord_1/authorize/1"},
		"redirect":            {status: 302, header: [2]string{"Location", "/elsewhere"}, want: "unknown ord_1/authorize/1"},
		"unavailable":         {status: 503, want: "unavailable (unavailable) 0s"},
		"unavailable, code":   {status: 503, body: `{"code":"maintenance"}`, want: "unavailable (maintenance) 0s"},
		"unavailable, wait":   {status: 503, header: [2]string{"Retry-After", "7"}, want: "unavailable (unavailable) 7s"},
		"rate limit":          {status: 429, header: [2]string{"Retry-After", "1"}, want: "unavailable (rate_limited) 1s"},
		"rate limit, past":    {status: 429, header: [2]string{"Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT"}, want: "unavailable (rate_limited) 0s"},
		"rate limit, garbage": {status: 429, header: [2]string{"Retry-After", "-soon"}, want: "unavailable (rate_limited) 0s"},
		"rate limit, forever": {status: 429, header: [2]string{"Retry-After", "2000000000"}, want: "unavailable (rate_limited) 1h0m0s"},
		"declined":            {status: 402, body: `{"class":"declined","code":"card_declined","message":"no"}`, want: "refusal declined card_declined"},
		"expired":             {status: 409, body: `{"class":"expired","code":"late"}`, want: "refusal expired late"},
		"address":             {status: 422, body: `{"class":"address","code":"a"}`, want: "refusal address a"},
		"capacity":            {status: 409, body: `{"class":"capacity","code":"full"}`, want: "refusal capacity full"},
		"unknown class":       {status: 409, body: `{"class":"mood","code":"x"}`, want: "refusal rejected http_409"},
		"no class":            {status: 400, body: `{"code":"x"}`, want: "refusal rejected http_400"},
		"no code":             {status: 400, body: `{"class":"declined"}`, want: "refusal rejected http_400"},
		"refusal not JSON":    {status: 404, body: `<html>`, want: "refusal rejected http_404"},
		"empty refusal":       {status: 401, want: "refusal rejected http_401"},
	}

	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if tt.header[0] != "" {
					w.Header().Set(tt.header[0], tt.header[1])
				}

				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})

			_, err := authorize(t.Context(), client)
			if diff := cmp.Diff(tt.want, outcome(err)); diff != "" {
				t.Errorf("outcome (-want +got):\n%s\nerror: %v", diff, err)
			}
		})
	}
}

func TestAuthorize_RetryAfterDate_IsHonoured(t *testing.T) {
	t.Parallel()

	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(time.Minute).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	})

	_, err := authorize(t.Context(), client)

	e, ok := errors.AsType[*gateway.Unavailable](err)
	if !ok || e.RetryAfter < 50*time.Second || e.RetryAfter > time.Minute {
		t.Errorf("error = %#v, want *Unavailable with about a minute", err)
	}
}

func TestAuthorize_SendsKeyAndBody(t *testing.T) {
	t.Parallel()

	var key, path, body string

	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		key, path, body = r.Header.Get("Idempotency-Key"), r.URL.Path, string(raw)
		_, _ = io.WriteString(w, `{"provider_ref":"p1","amount":5}`)
	})

	got, err := authorize(t.Context(), client)
	if err != nil {
		t.Fatalf("Authorize: %v", err)
	}

	want := `{"order_id":"ord_1","amount":5,"currency":"","method":"","token":""}`
	if key != "ord_1/authorize/1" || path != "/payments/authorize" || body != want {
		t.Errorf("sent key %q to %q: %s", key, path, body)
	}

	if diff := cmp.Diff(gateway.PaymentResult{ProviderRef: "p1", Amount: 5}, got); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
}

func TestAuthorize_NeverSent_IsUnavailable(t *testing.T) {
	t.Parallel()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	refusing := "http://" + listener.Addr().String()
	_ = listener.Close()

	ended, cancel := context.WithCancel(t.Context())
	cancel()

	tests := map[string]struct {
		ctx context.Context
		url string
	}{
		"connection refused": {t.Context(), refusing},
		"unknown host":       {t.Context(), "http://nobody.invalid"},
		"malformed address":  {t.Context(), "http://%zz"},
		"context ended":      {ended, refusing},
	}

	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			client := gateway.NewHTTP(tt.url, gateway.Options{})
			defer client.Close()

			_, err := authorize(tt.ctx, client)
			if got := outcome(err); got != "unavailable (not_sent) 0s" {
				t.Errorf("outcome = %s (%v), want unavailable not_sent", got, err)
			}
		})
	}
}

// hang answers nothing until the client has gone.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// reset drops the connection without a word, after reading the request.
func reset(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

// breakOff promises more than it sends.
func breakOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"provider_ref":`)
}

func TestAuthorize_SentWithoutAnswer_IsUnknown(t *testing.T) {
	t.Parallel()

	for name, handler := range map[string]http.HandlerFunc{"timeout": hang, "reset": reset, "broken off": breakOff} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			server := httptest.NewServer(handler)
			defer server.Close()

			client := gateway.NewHTTP(server.URL, gateway.Options{Timeout: 200 * time.Millisecond})
			defer client.Close()

			_, err := authorize(t.Context(), client)
			if got := outcome(err); got != "unknown ord_1/authorize/1" {
				t.Errorf("outcome = %s (%v), want unknown", got, err)
			}
		})
	}
}

func TestAuthorize_ContextDeadline_CountsToo(t *testing.T) {
	t.Parallel()

	client := serve(t, hang)

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()

	_, err := authorize(ctx, client)
	if !errors.Is(err, context.DeadlineExceeded) || outcome(err) != "unknown ord_1/authorize/1" {
		t.Errorf("error = %v, want unknown by deadline", err)
	}
}

// TestAuthorize_LostAfterReuse_IsUnknown: net/http repeats a request when a kept connection breaks. Here the first
// try is read by the server and the second finds nobody, which alone would look as if nothing was ever sent.
func TestAuthorize_LostAfterReuse_IsUnknown(t *testing.T) {
	t.Parallel()

	var (
		server *httptest.Server
		calls  atomic.Int32
	)

	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)

		if calls.Add(1) == 1 {
			_, _ = io.WriteString(w, `{"provider_ref":"p1"}`)

			return
		}

		_ = server.Listener.Close()

		panic(http.ErrAbortHandler)
	}))
	defer server.Close()

	client := gateway.NewHTTP(server.URL, gateway.Options{})
	defer client.Close()

	if _, err := authorize(t.Context(), client); err != nil {
		t.Fatalf("first call: %v", err)
	}

	_, err := authorize(t.Context(), client)
	if got := outcome(err); got != "unknown ord_1/authorize/1" {
		t.Errorf("outcome = %s (%v), want unknown", got, err)
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		status int
		body   string
		wantOK bool
		want   string
	}{
		"found":          {200, `{"provider_ref":"p1","amount":5}`, true, "ok"},
		"not found":      {404, `{"code":"not_found"}`, false, "ok"},
		"another's 404":  {404, `page not found`, false, "refusal rejected http_404"},
		"server error":   {500, ``, false, "unavailable (no_answer) 0s"},
		"garbage":        {200, `<html>`, false, "unavailable (no_answer) 0s"},
		"unavailable":    {503, ``, false, "unavailable (unavailable) 0s"},
		"refused":        {403, `{"class":"rejected","code":"forbidden"}`, false, "refusal rejected forbidden"},
		"404, not found": {404, `{"class":"rejected","code":"other"}`, false, "refusal rejected other"},
	}

	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("key") != "ord_1/a b&c/1" {
					t.Errorf("key = %q", r.URL.Query().Get("key"))
				}

				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})

			_, ok, err := client.LookupPayment(t.Context(), "ord_1/a b&c/1")
			if ok != tt.wantOK || outcome(err) != tt.want {
				t.Errorf("ok, outcome = %v, %s, want %v, %s", ok, outcome(err), tt.wantOK, tt.want)
			}
		})
	}
}

func TestScreen_Garbage_IsUnavailable(t *testing.T) {
	t.Parallel()

	client := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"decision":"maybe"}`) })

	_, err := client.Screen(t.Context(), gateway.ScreenRequest{Key: "ord_1/screen/1"})
	if got := outcome(err); got != "unavailable (no_answer) 0s" {
		t.Errorf("outcome = %s, want unavailable", got)
	}
}

func TestEffect_WithoutKeyOrCarrier_IsRefusedHere(t *testing.T) {
	t.Parallel()

	client := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })

	if err := client.Release(t.Context(), gateway.ReleaseRequest{}); outcome(err) != "refusal rejected idempotency_key_missing" {
		t.Errorf("Release without a key: %v", err)
	}

	for _, carrier := range []string{"", ".", ".."} {
		_, err := client.Book(t.Context(), gateway.BookRequest{Key: "k", Carrier: carrier})
		if outcome(err) != "refusal rejected unknown_carrier" {
			t.Errorf("Book with carrier %q: %v", carrier, err)
		}
	}
}
