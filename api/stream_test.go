package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tmaxmax/go-sse"
)

// listener is a client that events are streamed to.
type listener struct {
	t      *testing.T
	events <-chan sse.Event // closed when the stream has ended
	raw    *http.Response
}

// listen opens a stream with the key of the harness, or with another one.
func listen(t *testing.T, addr, key, path string, headers ...string) *listener {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s: %s, %s", path, response.Status, response.Header.Get("Content-Type"))
	}
	events := make(chan sse.Event)
	go func() {
		defer close(events)
		for event, err := range sse.Read(response.Body, nil) {
			if err != nil {
				return
			}
			if event.Data == "" { // a sign of life
				continue
			}
			select {
			case events <- event:
			case <-t.Context().Done():
				return
			}
		}
	}()
	return &listener{t, events, response}
}

// take reads so many events, and names them as in OrderCreated.
func (l *listener) take(n int) (types []string, last sse.Event) {
	l.t.Helper()
	for len(types) < n {
		select {
		case event, open := <-l.events:
			if !open {
				l.t.Fatalf("the stream ended after %v, want %d events", types, n)
			}
			types, last = append(types, event.Type), event
		case <-time.After(time.Minute):
			l.t.Fatalf("waited in vain for %d events; there were %v", n, types)
		}
	}
	return types, last
}

// ends waits until the stream ends.
func (l *listener) ends() {
	l.t.Helper()
	select {
	case event, open := <-l.events:
		if open {
			l.t.Fatalf("there is one more event: %+v", event)
		}
	case <-time.After(time.Minute):
		l.t.Fatal("the stream does not end")
	}
}

func keepServer(*http.Server) {}

func TestStream_OrdersOfTheTenantOnly_ResumableByLastEventID(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	addr := h.serving(t, keepServer)
	foreign := listen(t, addr, h.newKey(t, "other", "admin"), "/v1/stream?after=0.0")
	own := listen(t, addr, h.key, "/v1/stream?after=0.0")
	h.place(t, "ord_1")
	h.post(t, "/v1/orders/ord_1/notes", "k1", `{"text": "one"}`)
	types, last := own.take(2)
	if !slices.Equal(types, []string{"OrderCreated", "OrderNoteAdded"}) || !strings.Contains(last.Data, `"order_id":"ord_1"`) {
		t.Fatalf("got %v, the last one %s", types, last.Data)
	}
	h.post(t, "/v1/orders/ord_1/notes", "k2", `{"text": "two"}`)
	again := listen(t, addr, h.key, "/v1/stream?after=0.0", "Last-Event-ID", last.LastEventID)
	if _, next := again.take(1); !strings.Contains(next.Data, "two") {
		t.Errorf("behind the last event comes %s", next.Data)
	}
	notes := listen(t, addr, h.key, "/v1/stream?after=0.0&types=OrderNoteAdded")
	if types, _ := notes.take(2); slices.Contains(types, "OrderCreated") {
		t.Errorf("got %v of OrderNoteAdded alone", types)
	}
	select {
	case event := <-foreign.events:
		t.Errorf("another tenant was told %s", event.Data)
	default:
	}
}

func TestStreamOrder_FromItsFirstEvent(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	addr := h.serving(t, keepServer)
	h.place(t, "ord_1")
	h.place(t, "ord_2")
	stream := listen(t, addr, h.key, "/v1/orders/ord_1/stream")
	stream.take(1)
	h.post(t, "/v1/orders/ord_2/notes", "k1", `{"text": "of another order"}`)
	h.post(t, "/v1/orders/ord_1/notes", "k2", `{"text": "mine"}`)
	if types, last := stream.take(1); types[0] != "OrderNoteAdded" || !strings.Contains(last.Data, "mine") {
		t.Errorf("got %s", last.Data)
	}
}

func TestStream_BadQuestions(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	for path, pointer := range map[string]string{
		"/v1/stream?after=x": "/after", "/v1/stream?after=1.-1": "/after", "/v1/stream?types=OrderTeleported": "/types",
		"/v1/stream?types=,": "/types", "/v1/stream?other=1": "/other",
	} {
		wantProblem(t, h.get(t, path), codeInvalid, pointer)
	}
	wantProblem(t, h.do(t, ask{method: "GET", path: "/v1/stream", headers: []string{"Last-Event-ID", "x"}}), codeInvalid, "/Last-Event-ID")
	wantProblem(t, h.get(t, "/v1/orders/none/stream"), codeOrderNotFound)
}

func TestStream_KeyRevoked_Ends(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.pulseEvery = 50 * time.Millisecond
	key := h.newKey(t, "acme", "integrator")
	stream := listen(t, h.serving(t, keepServer), key, "/v1/stream")
	if _, err := h.pool.Exec(t.Context(), `UPDATE api_keys SET revoked_at = now() WHERE key_hash = $1`, hashBytes(key)); err != nil {
		t.Fatal(err)
	}
	stream.ends()
}

func hashBytes(key string) []byte {
	hash := hashOf(key)
	return hash[:]
}

func TestStream_OutlivesTheLimitsOfRequests(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	addr := h.serving(t, func(s *http.Server) { s.ReadTimeout, s.WriteTimeout = 300*time.Millisecond, 300*time.Millisecond })
	stream := listen(t, addr, h.key, "/v1/stream?after=0.0")
	time.Sleep(time.Second)
	h.place(t, "ord_1")
	stream.take(1)
}

func TestStream_ProcessIsStopped_Ends(t *testing.T) {
	t.Parallel()
	draining, drain := context.WithCancel(t.Context())
	h := newHarness(t, func(o *Options) { o.Draining = draining.Done() })
	stream := listen(t, h.serving(t, keepServer), h.key, "/v1/stream")
	drain()
	stream.ends()
}

func TestStream_TooManyClients_AreTurnedAway(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.streams = newPlaces(1)
	addr := h.serving(t, keepServer)
	first := listen(t, addr, h.key, "/v1/stream")
	wantProblem(t, h.get(t, "/v1/stream"), codeOverloaded)
	_ = first.raw.Body.Close()
	for deadline := time.Now().Add(time.Minute); len(h.streams) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the place of a client that has gone is never free again")
		}
	}
}

func TestStream_ShowsThatItLives_WithThePlaceItHasComeTo(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.pulseEvery = 20 * time.Millisecond
	stream := listen(t, h.serving(t, keepServer), h.key, "/v1/stream?after=0.0&types=OrderNoteAdded")
	h.place(t, "ord_1") // left out
	var place string
	text := make([]byte, 4096)
	for deadline := time.Now().Add(time.Minute); place == ""; {
		n, err := stream.raw.Body.Read(text)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("no sign of life with a place: %v", err)
		}
		for line := range strings.Lines(string(text[:n])) {
			if id, ok := strings.CutPrefix(strings.TrimSpace(line), "id: "); ok && id != "0.0" {
				place = id
			}
		}
	}
	h.post(t, "/v1/orders/ord_1/notes", "k1", `{"text": "one"}`)
	again := listen(t, h.serving(t, keepServer), h.key, "/v1/stream", "Last-Event-ID", place)
	if types, _ := again.take(1); types[0] != "OrderNoteAdded" {
		t.Errorf("behind %s comes %v, want what was not left out", fmt.Sprint(place), types)
	}
}
