package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"orderly/client"
)

// reply is what a scripted server answers to a request.
type reply func(w http.ResponseWriter)

func answer(status int, body string, headers ...string) reply {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func problem(status int, code string, headers ...string) reply {
	body := fmt.Sprintf(`{"type":"urn:orderly:problem:%s","title":"No","status":%d,"code":%q,"trace_id":"abc","errors":[{"pointer":"/code","detail":"is odd"}]}`, code, status, code)
	return answer(status, body, headers...)
}

// hangUp ends the connection without an answer.
func hangUp(http.ResponseWriter) { panic(http.ErrAbortHandler) }

// script is a server that gives its replies one after the other, the last one for ever, and remembers what it was asked.
type script struct {
	replies []reply

	mu    sync.Mutex
	asked []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	next := s.replies[min(len(s.asked), len(s.replies)-1)]
	s.asked = append(s.asked, fmt.Sprintf("%s %s %s %s", r.Method, r.URL.Path, r.Header.Get("Idempotency-Key"), body))
	s.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer ord_key" {
		next = problem(http.StatusUnauthorized, "unauthenticated")
	}
	next(w)
}

func (s *script) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func newClient(t *testing.T, replies ...reply) (*client.ClientWithResponses, *script) {
	t.Helper()
	s := &script{replies: replies}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, "ord_key", client.Options{Tries: 4, FirstPause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func hold(ctx context.Context, c *client.ClientWithResponses) (*client.HoldOrderResponse, error) {
	return c.HoldOrderWithResponse(ctx, "ord_1", &client.HoldOrderParams{IdempotencyKey: "key-1"}, client.HoldRequest{Code: "manual", Reason: "look"})
}

const (
	held    = `{"order_id":"ord_1","status":"paid","version":7}`
	pending = `{"status":"pending","order_id":"ord_1","command_url":"/v1/commands/ord_1/key-1"}`
	command = `POST /v1/orders/ord_1/hold key-1 {"code":"manual","reason":"look"}`
	polling = `GET /v1/commands/ord_1/key-1  `
)

func TestClient_SendsACommandUntilItIsAnswered_UnderOneKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		replies []reply
		asked   []string
	}{
		"at once":                {[]reply{answer(200, held)}, []string{command}},
		"the answer is lost":     {[]reply{hangUp, hangUp, answer(200, held)}, []string{command, command, command}},
		"it has to wait":         {[]reply{problem(503, "orchestrator_unavailable"), problem(429, "rate_limited"), answer(200, held)}, []string{command, command, command}},
		"a proxy is in trouble":  {[]reply{answer(502, "<html>"), answer(504, ""), answer(200, held)}, []string{command, command, command}},
		"the first is under way": {[]reply{problem(409, "command_in_flight"), answer(200, held)}, []string{command, command}},
		"it takes long": {
			[]reply{answer(202, pending, "Location", "/v1/commands/ord_1/key-1"), answer(202, pending), problem(503, "store_unavailable"), answer(200, held), answer(200, held)},
			[]string{command, polling, polling, polling, command},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api, script := newClient(t, c.replies...)
			got, err := hold(t.Context(), api)
			if err != nil || got.JSON200 == nil || got.JSON200.Version != 7 {
				t.Errorf("got %+v, %v", got, err)
			}
			if asked := script.all(); !slices.Equal(asked, c.asked) {
				t.Errorf("asked %q, want %q", asked, c.asked)
			}
		})
	}
}

func TestClient_RefusalIsAProblem_AndNotRepeated(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]string{400: "malformed_json", 404: "order_not_found", 409: "not_allowed_now", 412: "version_mismatch", 422: "invalid_request", 500: "internal"} {
		api, script := newClient(t, problem(status, code))
		_, err := hold(t.Context(), api)
		found, ok := errors.AsType[*client.Problem](err)
		if !ok || found.Code != code || found.Status != int64(status) || len(found.Errors) != 1 {
			t.Errorf("%d: got %v", status, err)
		}
		if asked := script.all(); len(asked) != 1 {
			t.Errorf("%d: asked %d times", status, len(asked))
		}
	}
}

func TestClient_RefusedWhileUnderWay_IsAProblem(t *testing.T) {
	t.Parallel()
	refused := problem(409, "not_allowed_now")
	api, script := newClient(t, answer(202, pending, "Location", "/v1/commands/ord_1/key-1"), refused, refused)
	_, err := hold(t.Context(), api)
	if found, ok := errors.AsType[*client.Problem](err); !ok || found.Code != "not_allowed_now" || len(script.all()) != 3 {
		t.Errorf("got %v after %q", err, script.all())
	}
}

func TestClient_GivesUpAfterItsTries(t *testing.T) {
	t.Parallel()
	api, script := newClient(t, problem(503, "store_unavailable"))
	_, err := hold(t.Context(), api)
	if found, ok := errors.AsType[*client.Problem](err); !ok || found.Code != "store_unavailable" || len(script.all()) != 4 {
		t.Errorf("got %v after %d tries, want the last problem after 4", err, len(script.all()))
	}
}

func TestClient_WaitsAsLongAsItIsAskedTo(t *testing.T) {
	t.Parallel()
	api, _ := newClient(t, problem(429, "rate_limited", "Retry-After", "1"), answer(200, held))
	began := time.Now()
	if _, err := hold(t.Context(), api); err != nil || time.Since(began) < time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

func TestClient_WaitBeyondItsDeadline_EndsAtOnce(t *testing.T) {
	t.Parallel()
	api, script := newClient(t, problem(503, "store_unavailable", "Retry-After", "86400"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	_, err := hold(ctx, api)
	found, ok := errors.AsType[*client.Problem](err)
	if !errors.Is(err, context.DeadlineExceeded) || !ok || found.Code != "store_unavailable" || len(script.all()) != 1 {
		t.Errorf("got %v after %d tries", err, len(script.all()))
	}
}

func TestClient_CommandWithoutAKey_IsSentOnce(t *testing.T) {
	t.Parallel()
	api, script := newClient(t, hangUp)
	update := client.CarrierUpdate{EventID: "evt_1", ShipmentID: "shp_ord_1_1", Status: client.CarrierUpdateStatusDelivered, At: time.Now()}
	if _, err := api.RecordCarrierUpdateWithResponse(t.Context(), &client.RecordCarrierUpdateParams{}, update); err == nil || len(script.all()) != 1 {
		t.Errorf("got %v after %d tries, want an error after one", err, len(script.all()))
	}
}

func TestNew_RefusesWhatIsNoURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "orders.example.com", "ftp://orders.example.com", "http://", "http://a b/"} {
		if _, err := client.New(url, "ord_key", client.Options{}); err == nil {
			t.Errorf("%q: no error", url)
		}
	}
}
