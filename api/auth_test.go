package api

import (
	"errors"
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

func TestEveryRoute_IsForbiddenToAKeyWithoutItsRole(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	keys := map[string]string{}
	for role := range rolePermissions {
		keys[role] = h.newKey(t, "acme", role)
	}
	for _, c := range []struct {
		method, path string
		roles        string
	}{
		{http.MethodGet, "/v1/orders", "admin operator integrator viewer"},
		{http.MethodGet, "/v1/orders/ord_9", "admin operator integrator viewer"},
		{http.MethodGet, "/v1/attention", "admin operator integrator viewer"},
		{http.MethodPost, "/v1/orders", "admin operator integrator"},
		{http.MethodPost, "/v1/orders/ord_9/cancel", "admin operator integrator"},
		{http.MethodPost, "/v1/orders/ord_9/attention/a/retry", "admin operator"},
		{http.MethodPost, "/v1/orders/ord_9/shipments/s/reroute", "admin operator"},
		{http.MethodGet, "/metrics", "admin monitor"},
	} {
		for role, key := range keys {
			answer := h.do(t, ask{method: c.method, path: c.path, headers: []string{"Authorization", "Bearer " + key}})
			may := strings.Contains(" "+c.roles+" ", " "+role+" ")
			if got := answer.Code != http.StatusForbidden; got != may {
				t.Errorf("%s %s as %s: allowed %v, want %v", c.method, c.path, role, got, may)
			}
			if !may {
				wantProblem(t, answer, codeForbidden)
			}
		}
	}
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

func TestKeys_AreMadeListedAndRevoked(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	plain := h.newKey(t, "acme", "viewer")
	if !strings.HasPrefix(plain, "ord_") || len(plain) != 47 {
		t.Errorf("key is %q", plain)
	}
	keys, err := ListKeys(t.Context(), h.pool)
	if err != nil || len(keys) != 2 {
		t.Fatalf("keys are %v, error %v", keys, err)
	}
	made := keys[1]
	if made.LastFour != plain[len(plain)-4:] || made.Tenant != "acme" || made.Roles[0] != "viewer" || made.RevokedAt != nil {
		t.Errorf("key is listed as %+v", made)
	}
	if err := RevokeKey(t.Context(), h.pool, made.ID); err != nil {
		t.Fatal(err)
	}
	answer := h.do(t, ask{method: http.MethodGet, path: "/v1/orders/x", headers: []string{"Authorization", "Bearer " + plain}})
	wantProblem(t, answer, codeUnauthenticated)
	if err := RevokeKey(t.Context(), h.pool, "nope"); !errors.Is(err, ErrNoKey) {
		t.Errorf("revoking no key: %v", err)
	}
	for _, roles := range [][]string{nil, {"root"}} {
		if _, err := CreateKey(t.Context(), h.pool, "x", "acme", roles); err == nil {
			t.Errorf("a key with the roles %v was made", roles)
		}
	}
}

func TestKeys_ExpiredOnesAreRefused(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	plain := h.newKey(t, "acme", "admin")
	if _, err := h.pool.Exec(t.Context(), `update api_keys set expires_at = now() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, h.do(t, ask{method: http.MethodGet, path: "/v1/orders/x", headers: []string{"Authorization", "Bearer " + plain}}), codeUnauthenticated)
}

func TestKeyring_RemembersForAMoment(t *testing.T) {
	t.Parallel()
	k := newKeyring(nil)
	who, now := &principal{tenant: "acme"}, time.Now()
	k.remember([32]byte{1}, who, now)
	if found, ok := k.recall([32]byte{1}, now.Add(keyMemory-1)); !ok || found != who {
		t.Error("the key was forgotten at once")
	}
	if _, ok := k.recall([32]byte{1}, now.Add(keyMemory)); ok {
		t.Error("the key is remembered for ever")
	}
	for i := range maxRemembered {
		k.remember([32]byte{byte(i), byte(i >> 8), 9}, nil, now)
	}
	if len(k.known) > maxRemembered {
		t.Errorf("%d keys are remembered", len(k.known))
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
