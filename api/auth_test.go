package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestEveryRoute_ButTheOpenOnes_NeedsAKey(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	open := map[string]bool{}
	for _, route := range h.engine.Routes() {
		if openRoutes[route.Path] {
			open[route.Path] = true
			continue
		}
		for _, key := range []string{"", "Bearer ", "Bearer ord_guessed", "bearer\tx"} {
			answer := h.do(t, ask{method: route.Method, path: concrete(route.Path), headers: []string{"Authorization", key}})
			wantProblem(t, answer, codeUnauthenticated)
			if answer.Header().Get("WWW-Authenticate") == "" {
				t.Errorf("%s %s does not say how to authenticate", route.Method, route.Path)
			}
		}
	}
	if len(open) != len(openRoutes) {
		t.Errorf("open routes %v, want all of %v to exist", open, openRoutes)
	}
	wantProblem(t, h.do(t, ask{method: http.MethodGet, path: "/nowhere", headers: []string{"Authorization", ""}}), codeUnauthenticated)
}

// concrete puts something into the parameters of a route.
func concrete(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ":") || strings.HasPrefix(part, "*") {
			parts[i] = "x"
		}
	}
	return strings.Join(parts, "/")
}

func TestOrdersOfAnotherTenant_AreNotFound(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	h.key = h.newKey(t, "rival", "admin")
	sent := h.orders.count()
	for _, path := range []string{
		"/v1/orders/ord_1", "/v1/orders/ord_1?version=1", "/v1/orders/ord_1?version=0", "/v1/orders/ord_1?min_version=1",
		"/v1/orders/ord_1?at=2020-01-01T00:00:00Z", "/v1/orders/ord_1/events", "/v1/commands/ord_1/place-ord_1",
	} {
		wantProblem(t, h.get(t, path), codeOrderNotFound)
	}
	wantProblem(t, h.post(t, "/v1/orders/ord_1/cancel", "k", `{"reason": "mine now"}`), codeOrderNotFound)
	if h.orders.count() != sent {
		t.Error("a command reached another tenant's order")
	}
}

func TestMemory_RemembersForAMoment(t *testing.T) {
	t.Parallel()
	m := newMemory(nil)
	who, now := &principal{tenant: "acme"}, time.Now()
	m.remember([32]byte{1}, found{who: who}, now)
	if got, ok := m.recall([32]byte{1}, now.Add(rememberFor-1)); !ok || got != who {
		t.Error("the key was forgotten at once")
	}
	if _, ok := m.recall([32]byte{1}, now.Add(rememberFor)); ok {
		t.Error("the key is remembered for ever")
	}
	m.remember([32]byte{1}, found{who, now.Add(time.Second)}, now)
	if _, ok := m.recall([32]byte{1}, now.Add(time.Second)); ok {
		t.Error("the key is remembered after it has expired")
	}
	for i := range maxRemembered {
		m.remember([32]byte{byte(i), byte(i >> 8), 9}, found{}, now)
	}
	if len(m.known) > maxRemembered {
		t.Errorf("%d keys are remembered", len(m.known))
	}
}

func TestAuthenticate_StoreDown_Is503(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.pool.Close()
	answer := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/orders", nil)
	request.Header.Set("Authorization", "Bearer ord_x")
	h.Handler().ServeHTTP(answer, request)
	wantProblem(t, answer, codeStoreDown)
	if answer.Header().Get("Retry-After") == "" {
		t.Error("the answer does not say when to try again")
	}
}
