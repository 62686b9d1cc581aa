package api

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// as asks with another credential than the harness's.
func as(credential string, question ask) ask {
	question.headers = append(question.headers, "Authorization", "Bearer "+credential)
	return question
}

var anyList = ask{method: http.MethodGet, path: "/v1/orders"}

func TestKeys_AreShownOnceListedAndRevoked(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	plain := h.newKey(t, "acme", "auditor")
	if !strings.HasPrefix(plain, "ord_") || len(plain) != 47 {
		t.Errorf("key is %q", plain)
	}
	keys, err := ListKeys(t.Context(), h.pool, "acme")
	if err != nil || len(keys) != 2 {
		t.Fatalf("keys are %v, error %v", keys, err)
	}
	made := keys[1]
	if made.LastFour != plain[len(plain)-4:] || made.Tenant != "acme" || made.Roles[0] != "auditor" || made.RevokedAt != nil || made.LastUsedAt != nil {
		t.Errorf("key is listed as %+v", made)
	}
	if none, err := ListKeys(t.Context(), h.pool, "rival"); err != nil || len(none) != 0 {
		t.Errorf("another tenant's keys are %v, error %v", none, err)
	}
	if err := RevokeKey(t.Context(), h.pool, "", made.ID); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, h.do(t, as(plain, anyList)), codeUnauthenticated)
	if err := RevokeKey(t.Context(), h.pool, "", "nope"); !errors.Is(err, ErrNoKey) {
		t.Errorf("revoking no key: %v", err)
	}
	for _, bad := range []NewKey{
		{Name: "x", Tenant: "acme"},
		{Name: "x", Tenant: "acme", Roles: []string{"root"}},
		{Name: "x", Tenant: "acme", Roles: []string{"admin"}, Scopes: []string{"everything"}},
		{Name: "x", Roles: []string{"admin"}},
		{Tenant: "acme", Roles: []string{"admin"}},
	} {
		if _, err := CreateKey(t.Context(), h.pool, bad); err == nil {
			t.Errorf("the key %+v was made", bad)
		}
	}
}

func TestKeys_OnlyTheHashIsStored(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var rows string
	if err := h.pool.QueryRow(t.Context(), `select string_agg(k::text, '') from api_keys k`).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(rows, h.key) || strings.Contains(rows, strings.TrimPrefix(h.key, keyPrefix)) || !strings.Contains(rows, h.key[len(h.key)-4:]) {
		t.Errorf("the table holds %s", rows)
	}
}

func TestKeys_ExpiredOnesAreRefused(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	plain := h.newKey(t, "acme", "admin")
	if _, err := h.pool.Exec(t.Context(), `update api_keys set expires_at = now() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, h.do(t, as(plain, anyList)), codeUnauthenticated)
}

func TestKeys_UseIsWrittenDownCoarsely(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	used := func() time.Time {
		keys, err := ListKeys(t.Context(), h.pool, "")
		if err != nil || keys[0].LastUsedAt == nil {
			t.Fatalf("keys are %+v, error %v", keys, err)
		}
		return *keys[0].LastUsedAt
	}
	h.do(t, anyList)
	first := used()
	h.keys.forget()
	h.do(t, anyList)
	if again := used(); !again.Equal(first) {
		t.Errorf("written down at %s and at %s", first, again)
	}
	if _, err := h.pool.Exec(t.Context(), `update api_keys set last_used_at = now() - interval '6 minutes'`); err != nil {
		t.Fatal(err)
	}
	h.keys.forget()
	h.do(t, anyList)
	if later := used(); later.Before(first) {
		t.Errorf("last used at %s, was at %s before", later, first)
	}
}

func TestCreateKey_MakesOneThatMayDoWhatItSays(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	const body = `{"name": "shop", "roles": ["integrator"], "scopes": ["read"], "expires_at": "2030-01-01T00:00:00Z"}`
	answer := h.post(t, "/v1/keys", "k1", body)
	wantStatus(t, answer, http.StatusOK)
	made := decode[KeyMade](t, answer)
	if made.Tenant != "acme" || !strings.HasPrefix(made.CreatedBy, "key:") || made.ExpiresAt.Year() != 2030 || !strings.HasSuffix(made.APIKey, made.LastFour) {
		t.Errorf("made %s", answer.Body)
	}
	wantStatus(t, h.do(t, as(made.APIKey, anyList)), http.StatusOK)
	wantProblem(t, h.do(t, as(made.APIKey, ask{http.MethodPost, "/v1/orders", usualOrder, []string{"Idempotency-Key", "k"}})), codeForbidden)

	again := h.post(t, "/v1/keys", "k1", body)
	if got := decode[KeyMade](t, again); got.ID != made.ID || got.APIKey != "" || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("sent again: %s", again.Body)
	}
	wantProblem(t, h.post(t, "/v1/keys", "k1", strings.Replace(body, "shop", "other", 1)), codeKeyReused)
	wantProblem(t, h.post(t, "/v1/keys", "k2", strings.Replace(body, "2030", "2020", 1)), codeInvalid, "/expires_at")
	wantProblem(t, h.post(t, "/v1/keys", "k2", strings.Replace(body, "integrator", "root", 1)), codeInvalid, "/roles/0")
	list := decode[KeyList](t, h.get(t, "/v1/keys"))
	if len(list.Keys) != 2 || strings.Contains(h.get(t, "/v1/keys").Body.String(), made.APIKey) {
		t.Errorf("keys are %+v", list)
	}
}

func TestCreateKey_NeverGivesMoreThanItsMakerHas(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	narrow, err := CreateKey(t.Context(), h.pool, NewKey{Name: "n", Tenant: "acme", Roles: []string{"admin"}, Scopes: []string{"keys", "read"}})
	if err != nil {
		t.Fatal(err)
	}
	all := decode[KeyList](t, h.get(t, "/v1/keys")).Keys
	h.key = narrow
	wantProblem(t, h.post(t, "/v1/keys", "k1", `{"name": "x", "roles": ["admin"]}`), codeForbidden)
	wantStatus(t, h.post(t, "/v1/keys", "k2", `{"name": "x", "roles": ["admin"], "scopes": ["read"]}`), http.StatusOK)
	wantProblem(t, h.post(t, "/v1/keys/"+all[0].ID+"/rotate", "k3", `{}`), codeForbidden)
}

func TestRotateKey_BothAreValidForTheOverlap(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	old := decode[KeyMade](t, h.post(t, "/v1/keys", "k1", `{"name": "shop", "roles": ["integrator"], "expires_at": "2030-01-01T00:00:00Z"}`))
	path := "/v1/keys/" + old.ID + "/rotate"
	next := decode[KeyMade](t, h.post(t, path, "k2", `{"overlap_seconds": 3600}`))
	if next.Name != "shop" || next.Roles[0] != "integrator" || *next.Replaces != old.ID || next.ExpiresAt == nil || next.ExpiresAt.Before(*old.ExpiresAt) {
		t.Errorf("the successor is %+v", next)
	}
	for _, each := range []string{old.APIKey, next.APIKey} {
		wantStatus(t, h.do(t, as(each, anyList)), http.StatusOK)
	}
	if again := decode[KeyMade](t, h.post(t, path, "k2", `{"overlap_seconds": 3600}`)); again.ID != next.ID || again.APIKey != "" {
		t.Errorf("sent again: %+v", again)
	}
	wantProblem(t, h.post(t, path, "k3", `{}`), codeNotAllowed)
	// The overlap is over.
	if _, err := h.pool.Exec(t.Context(), `update api_keys set expires_at = expires_at - interval '2 hours' where id::text = $1`, old.ID); err != nil {
		t.Fatal(err)
	}
	h.keys.forget()
	wantProblem(t, h.do(t, as(old.APIKey, anyList)), codeUnauthenticated)
	wantStatus(t, h.do(t, as(next.APIKey, anyList)), http.StatusOK)
	if _, err := RotateKey(t.Context(), h.pool, old.ID, time.Hour, "test"); !errors.Is(err, ErrKeyOver) {
		t.Errorf("rotating what is over: %v", err)
	}
	if _, err := RotateKey(t.Context(), h.pool, "nope", time.Hour, "test"); !errors.Is(err, ErrNoKey) {
		t.Errorf("rotating nothing: %v", err)
	}
}

func TestRotateKey_WithoutOverlap_EndsTheOldOneAtOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	old := decode[KeyMade](t, h.post(t, "/v1/keys", "k1", `{"name": "leaked", "roles": ["integrator"]}`))
	wantStatus(t, h.do(t, as(old.APIKey, anyList)), http.StatusOK)
	next := decode[KeyMade](t, h.post(t, "/v1/keys/"+old.ID+"/rotate", "k2", `{"overlap_seconds": 0}`))
	wantProblem(t, h.do(t, as(old.APIKey, anyList)), codeUnauthenticated)
	wantStatus(t, h.do(t, as(next.APIKey, anyList)), http.StatusOK)
	answer := h.do(t, ask{method: http.MethodDelete, path: "/v1/keys/" + next.ID})
	wantStatus(t, answer, http.StatusNoContent)
	wantProblem(t, h.do(t, as(next.APIKey, anyList)), codeUnauthenticated)
}

func TestKeysOfAnotherTenant_AreNotFound(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	mine := decode[KeyMade](t, h.post(t, "/v1/keys", "k1", `{"name": "shop", "roles": ["integrator"]}`))
	h.key = h.newKey(t, "rival", "admin")
	wantProblem(t, h.do(t, ask{method: http.MethodDelete, path: "/v1/keys/" + mine.ID}), codeNotFound)
	wantProblem(t, h.post(t, "/v1/keys/"+mine.ID+"/rotate", "k1", `{}`), codeNotFound)
	if keys := decode[KeyList](t, h.get(t, "/v1/keys")).Keys; len(keys) != 1 || keys[0].Tenant != "rival" {
		t.Errorf("keys are %+v", keys)
	}
	wantStatus(t, h.do(t, as(mine.APIKey, anyList)), http.StatusOK)
}
