package api

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestToken_OfTheProvider_IsTaken_AndNamesWhoInTheEvents(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	h := newHarness(t, trusting(p))
	h.place(t, "ord_1")
	token := p.sign(nil)
	note := ask{http.MethodPost, "/v1/orders/ord_1/notes", `{"text": "a"}`, []string{"Idempotency-Key", "k1"}}
	wantStatus(t, h.do(t, as(token, note)), http.StatusOK)
	events := decode[Events](t, h.get(t, "/v1/orders/ord_1/events")).Events
	var metadata struct {
		Actor struct {
			Type, ID string
			Roles    []string
		}
	}
	if err := json.Unmarshal(events[1].Metadata, &metadata); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(metadata.Actor); got != "{operator user:alice [supervisor]}" {
		t.Errorf("the event says it was %s", got)
	}
	who := decode[Session](t, h.do(t, as(token, ask{method: http.MethodGet, path: "/session"})))
	if who.ID != "user:alice" || who.Tenant != "acme" || len(who.Roles) != 1 || who.CSRFToken != "" {
		t.Errorf("who asks: %+v", who)
	}
	wantProblem(t, h.do(t, as(p.sign(map[string]any{"tenant": "rival"}), ask{method: http.MethodGet, path: "/v1/orders/ord_1"})), codeOrderNotFound)
	refund := ask{http.MethodPost, "/v1/orders/ord_1/refunds", `{"amount": 1, "reason": "x"}`, []string{"Idempotency-Key", "k2"}}
	wantProblem(t, h.do(t, as(token, refund)), codeForbidden)
	wantProblem(t, h.do(t, as(p.sign(map[string]any{"realm": nil}), anyList)), codeForbidden)
	wantStatus(t, h.do(t, as(p.sign(map[string]any{"realm": map[string]any{"roles": "auditor other"}}), anyList)), http.StatusOK)
}

func TestToken_ThatIsNotGood_IsRefused(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	h := newHarness(t, trusting(p))
	public, err := x509.MarshalPKIXPublicKey(p.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	good := p.with(nil)
	claims, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	plain := base64.RawURLEncoding.EncodeToString
	for name, token := range map[string]string{
		"other issuer":               p.sign(map[string]any{"iss": "https://elsewhere.test"}),
		"other audience":             p.sign(map[string]any{"aud": "another-api"}),
		"audience of a login":        p.sign(map[string]any{"aud": ourClient}),
		"no audience":                p.sign(map[string]any{"aud": nil}),
		"expired":                    p.sign(map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}),
		"no end":                     p.sign(map[string]any{"exp": nil}),
		"not yet":                    p.sign(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}),
		"no tenant":                  p.sign(map[string]any{"tenant": nil}),
		"empty tenant":               p.sign(map[string]any{"tenant": ""}),
		"tenant is a list":           p.sign(map[string]any{"tenant": []string{"acme"}}),
		"no subject":                 p.sign(map[string]any{"sub": nil}),
		"other key":                  signed(t, jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: newRSAKey(t), KeyID: "k1"}}, good),
		"unknown key":                signed(t, jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: newRSAKey(t), KeyID: "k2"}}, good),
		"signed with the public key": signed(t, jose.SigningKey{Algorithm: jose.HS256, Key: public}, good),
		"unsigned":                   plain([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + plain(claims) + ".",
		"no token":                   "a.b.c",
	} {
		problem := wantProblem(t, h.do(t, as(token, anyList)), codeUnauthenticated)
		if problem.TraceID == "" {
			t.Errorf("%s: refused without a trace id", name)
		}
	}
	wantStatus(t, h.do(t, as(p.sign(nil), anyList)), http.StatusOK)
}

func TestToken_ProviderRotatesItsKeys_NewTokensAreTaken(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	h := newHarness(t, trusting(p))
	wantStatus(t, h.do(t, as(p.sign(nil), anyList)), http.StatusOK)
	old := p.sign(map[string]any{"sub": "carol"})
	p.key, p.keyID = newRSAKey(t), "k2"
	wantStatus(t, h.do(t, as(p.sign(nil), anyList)), http.StatusOK)
	wantProblem(t, h.do(t, as(old, anyList)), codeUnauthenticated)
}

func TestToken_WithoutAProvider_IsRefused(t *testing.T) {
	t.Parallel()
	wantProblem(t, newHarness(t).do(t, as("a.b.c", anyList)), codeUnauthenticated)
}

func TestToken_ProviderDown_Is503_AndKeysAreTakenMeanwhile(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	h := newHarness(t, trusting(p))
	p.down.Store(true)
	answer := h.do(t, as(p.sign(nil), anyList))
	wantProblem(t, answer, codeIdentityDown)
	if answer.Header().Get("Retry-After") == "" {
		t.Error("the answer does not say when to try again")
	}
	wantStatus(t, h.get(t, "/v1/orders"), http.StatusOK)
	p.down.Store(false)
	wantStatus(t, h.do(t, as(p.sign(nil), anyList)), http.StatusOK)
	// Down again: whose keys are known already is known still.
	p.down.Store(true)
	wantStatus(t, h.do(t, as(p.sign(map[string]any{"sub": "bob"}), anyList)), http.StatusOK)
}

func TestToken_InventedKeys_DoNotMakeUsAskForever(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	h := newHarness(t, trusting(p))
	wantStatus(t, h.do(t, as(p.sign(nil), anyList)), http.StatusOK)
	key := newRSAKey(t)
	for i := range 100 {
		h.do(t, as(signed(t, jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: fmt.Sprint(i)}}, p.with(nil)), anyList))
	}
	if n := p.fetched.Load(); n > 50 {
		t.Errorf("the provider was asked for its keys %d times", n)
	}
	wantStatus(t, h.do(t, as(p.sign(map[string]any{"sub": "bob"}), anyList)), http.StatusOK)
}
