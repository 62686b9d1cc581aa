package api

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// provider is an OpenID Connect provider: discovery, keys and the code flow over HTTP.
type provider struct {
	*httptest.Server

	t       *testing.T
	key     *rsa.PrivateKey
	keyID   string
	fetched atomic.Int64 // how often its keys were asked for
	down    atomic.Bool

	mu sync.Mutex
	// logins are the parameters of logins that have been given a code, and claims what the tokens for them say.
	logins map[string]url.Values
	claims map[string]any
}

const (
	ourAudience = "orderly-api"
	ourClient   = "orderly-console"
)

func newProvider(t *testing.T) *provider {
	t.Helper()
	p := &provider{t: t, key: newRSAKey(t), keyID: "k1", logins: map[string]url.Values{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.answer(w, map[string]any{
			"issuer": p.URL, "jwks_uri": p.URL + "/keys", "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.fetched.Add(1)
		p.answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: p.keyID, Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func newRSAKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (p *provider) answer(w http.ResponseWriter, value any) {
	if p.down.Load() {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		p.t.Errorf("answer as a provider: %v", err)
	}
}

// authorize logs everybody in and sends them back with a code.
func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	code := randomSecret()
	p.mu.Lock()
	p.logins[code] = r.URL.Query()
	p.mu.Unlock()
	back := r.URL.Query().Get("redirect_uri") + "?" + url.Values{"code": {code}, "state": {r.URL.Query().Get("state")}}.Encode()
	http.Redirect(w, r, back, http.StatusFound)
}

// token takes each code once, from who can show the verifier of its challenge.
func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	login, known := p.logins[r.FormValue("code")]
	delete(p.logins, r.FormValue("code"))
	claims := p.claims
	p.mu.Unlock()
	hash := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	_, secret, _ := r.BasicAuth()
	if !known || base64.RawURLEncoding.EncodeToString(hash[:]) != login.Get("code_challenge") || secret != "client-secret" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	all := map[string]any{"aud": ourClient, "nonce": login.Get("nonce")}
	maps.Copy(all, claims)
	p.answer(w, map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": p.sign(all)})
}

// sign makes a token of good claims and those given.
func (p *provider) sign(claims map[string]any) string {
	return signed(p.t, jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.key, KeyID: p.keyID}}, p.with(claims))
}

func (p *provider) with(claims map[string]any) map[string]any {
	all := map[string]any{
		"iss": p.URL, "aud": ourAudience, "sub": "alice", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
		"tenant": "acme", "realm": map[string]any{"roles": []string{"supervisor", "offline_access"}},
	}
	for name, value := range claims {
		if value == nil {
			delete(all, name)
			continue
		}
		all[name] = value
	}
	return all
}

func signed(t *testing.T, key jose.SigningKey, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	object, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// trusting makes an API trust the provider.
func trusting(p *provider) func(*Options) {
	return func(o *Options) {
		o.Identity = Identity{
			Issuer: p.URL, Audience: ourAudience, RolesClaim: "realm.roles", TenantClaim: "tenant", ClientID: ourClient, ClientSecret: "client-secret",
		}
	}
}
