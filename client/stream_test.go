package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"orderly/client"
)

// streaming is an API that streams events with ascending ids, so many over each connection, and remembers where those who came
// wanted to begin.
type streaming struct {
	each int
	// before answers each connection first; when it has, nothing is streamed.
	before func(w http.ResponseWriter, connection int) bool

	mu   sync.Mutex
	from []string
}

func (s *streaming) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.from = append(s.from, r.Header.Get("Last-Event-ID"))
	connection := len(s.from)
	s.mu.Unlock()
	if s.before != nil && s.before(w, connection) {
		return
	}
	last := 0
	_, _ = fmt.Sscanf(r.Header.Get("Last-Event-ID"), "1.%d", &last)
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "retry: 10\n\n")
	for i := last + 1; i <= last+s.each; i++ {
		fmt.Fprintf(w, "id: 1.%d\nevent: OrderNoteAdded\ndata: {\"order_id\":\"ord_1\",\"version\":%d,\"event_type\":\"OrderNoteAdded\",\"position\":\"1.%d\"}\n\n", i, i, i)
	}
	fmt.Fprintf(w, ": alive\nid: 1.%d\n\n", last+s.each+100) // what came since was not asked for
}

// follow follows all orders until so many events were handled, and gives their versions.
func follow(t *testing.T, s *streaming, n int) ([]int64, error) {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	api, err := client.New(server.URL, "ord_key", client.Options{Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	var versions []int64
	err = client.Follow(t.Context(), api, client.Following{}, func(event client.StreamedEvent) error {
		if event.OrderID != "ord_1" || event.EventType != "OrderNoteAdded" {
			t.Errorf("got %+v", event)
		}
		if versions = append(versions, event.Version); len(versions) == n {
			return enough
		}
		return nil
	})
	if errors.Is(err, enough) {
		return versions, nil
	}
	return versions, err
}

func TestFollow_ConnectionBreaks_GoesOnWhereItHasCome(t *testing.T) {
	t.Parallel()
	s := &streaming{each: 2}
	versions, err := follow(t, s, 5)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int64{1, 2, 103, 104, 205}; !slices.Equal(versions, want) {
		t.Errorf("got %v, want %v", versions, want)
	}
	if want := []string{"", "1.102", "1.204"}; !slices.Equal(s.from, want) {
		t.Errorf("began at %v, want %v", s.from, want)
	}
}

func TestFollow_APIIsDownForAWhile_ComesAgain(t *testing.T) {
	t.Parallel()
	s := &streaming{each: 1, before: func(w http.ResponseWriter, connection int) bool {
		if connection == 2 {
			problem(http.StatusServiceUnavailable, "not_ready")(w)
		}
		return connection == 2
	}}
	if versions, err := follow(t, s, 2); err != nil || len(versions) != 2 {
		t.Errorf("got %v, %v", versions, err)
	}
}

func TestFollow_Refused_SaysWhy(t *testing.T) {
	t.Parallel()
	s := &streaming{each: 1, before: func(w http.ResponseWriter, connection int) bool {
		if connection == 2 {
			problem(http.StatusUnauthorized, "unauthenticated")(w)
		}
		return connection == 2
	}}
	_, err := follow(t, s, 3)
	if problem, ok := errors.AsType[*client.Problem](err); !ok || problem.Code != "unauthenticated" {
		t.Errorf("got %v", err)
	}
}

func TestFollow_NobodyThere_SaysSo(t *testing.T) {
	t.Parallel()
	api, err := client.New("http://127.0.0.1:1", "ord_key", client.Options{Tries: 1})
	if err != nil {
		t.Fatal(err)
	}
	err = client.Follow(t.Context(), api, client.Following{}, func(client.StreamedEvent) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
}

func TestFollow_ContextEnds(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&streaming{each: 1})
	defer server.Close()
	api, err := client.New(server.URL, "ord_key", client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = client.Follow(ctx, api, client.Following{}, func(client.StreamedEvent) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
