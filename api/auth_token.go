package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
)

// Identity says whose tokens are taken in place of API keys: those of an OpenID Connect provider. Without an issuer none
// are.
type Identity struct {
	// Issuer is the provider's address, as in its tokens; Audience what they must be made for.
	Issuer, Audience string
	// RolesClaim and TenantClaim name the claims that hold the roles and the tenant; a dot leads into an object.
	RolesClaim, TenantClaim string
	// ClientID and ClientSecret are ours at the provider, for people who log in with a browser; without an id nobody can.
	ClientID, ClientSecret string
}

// tokenAlgorithms are those whose keys can be public: a token cannot be signed with what everybody knows.
var tokenAlgorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}

// userCaller begins the ids of callers that the identity provider vouches for.
const userCaller = "user:"

// identityError says that the identity provider cannot be asked.
type identityError struct{ err error }

func (e *identityError) Error() string { return "ask the identity provider: " + e.err.Error() }
func (e *identityError) Unwrap() error { return e.err }

// issuer checks tokens with the keys that the provider publishes. It is first asked when it is first needed: who comes
// with an API key does not depend on it.
type issuer struct {
	Identity

	client *http.Client

	mu       sync.Mutex
	provider *oidc.Provider
	keys     oidc.KeySet
}

func newIssuer(identity Identity) *issuer {
	return &issuer{Identity: identity, client: &http.Client{
		Timeout: 5 * time.Second,
		// A token with an invented key id makes the library ask for new keys: not as often as somebody can invent some.
		Transport: &sparing{http.DefaultTransport, rate.NewLimiter(rate.Every(time.Second), 10)},
	}}
}

// isJWT tells a token from an API key, which has no dots.
func isJWT(credential string) bool { return strings.Count(credential, ".") == 2 }

// find is the principal of a token.
func (i *issuer) find(ctx context.Context, raw string) (found, error) {
	token, err := i.verify(ctx, raw, i.Audience)
	if err != nil {
		if _, trouble := errors.AsType[*identityError](err); trouble {
			return found{}, err
		}
		return found{}, nil // not valid
	}
	who, err := i.principal(token)
	return found{who, token.Expiry}, err
}

// verify checks a token's signature, issuer, audience and times. An *identityError says that it could not be checked.
func (i *issuer) verify(ctx context.Context, raw, audience string) (*oidc.IDToken, error) {
	if i.Issuer == "" {
		return nil, errors.New("no tokens are taken here")
	}
	if _, err := i.discover(ctx); err != nil {
		return nil, err
	}
	checked := &watchedKeys{keys: i.keys}
	verifier := oidc.NewVerifier(i.Issuer, checked, &oidc.Config{ClientID: audience, SupportedSigningAlgs: tokenAlgorithms})
	token, err := verifier.Verify(ctx, raw)
	if err != nil && checked.trouble != nil {
		return nil, checked.trouble
	}
	return token, err
}

// discover asks the provider where things are, once.
func (i *issuer) discover(ctx context.Context) (*oidc.Provider, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.provider != nil {
		return i.provider, nil
	}
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, i.client), i.Issuer)
	if err != nil {
		return nil, &identityError{err}
	}
	var where struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&where); err != nil {
		return nil, &identityError{err}
	}
	// The keys are fetched for later requests, too: not under the context of this one.
	i.keys = oidc.NewRemoteKeySet(oidc.ClientContext(context.WithoutCancel(ctx), i.client), where.Keys)
	i.provider = provider
	return provider, nil
}

// principal is whom a token stands for. Roles that are not ours are left out; without a tenant it stands for nobody.
func (i *issuer) principal(token *oidc.IDToken) (*principal, error) {
	var claims map[string]json.RawMessage
	if err := token.Claims(&claims); err != nil {
		return nil, fmt.Errorf("read the claims of a token: %w", err)
	}
	var tenant string
	_ = json.Unmarshal(claim(claims, i.TenantClaim), &tenant) // of another type: no tenant
	if tenant == "" || token.Subject == "" {
		return nil, nil
	}
	who := &principal{id: userCaller + token.Subject, tenant: tenant, roles: []string{}}
	for _, each := range texts(claim(claims, i.RolesClaim)) {
		if checkRoles([]string{each}) == nil {
			who.roles = append(who.roles, each)
		}
	}
	return who, nil
}

// claim is a claim by its name, or by the way to it through objects.
func claim(claims map[string]json.RawMessage, name string) json.RawMessage {
	if value, ok := claims[name]; ok {
		return value
	}
	first, rest, nested := strings.Cut(name, ".")
	var inside map[string]json.RawMessage
	if !nested || json.Unmarshal(claims[first], &inside) != nil {
		return nil
	}
	return claim(inside, rest)
}

// texts reads a list of texts, or one text with several words.
func texts(value json.RawMessage) []string {
	var list []string
	if json.Unmarshal(value, &list) == nil {
		return list
	}
	var words string
	_ = json.Unmarshal(value, &words) // neither: none
	return strings.Fields(words)
}

// oauth is how people log in at the provider.
func (i *issuer) oauth(ctx context.Context, callback string) (*oauth2.Config, error) {
	provider, err := i.discover(ctx)
	if err != nil {
		return nil, err
	}
	return &oauth2.Config{
		ClientID: i.ClientID, ClientSecret: i.ClientSecret, Endpoint: provider.Endpoint(), RedirectURL: callback, Scopes: []string{oidc.ScopeOpenID},
	}, nil
}

// watchedKeys tells a signature that is wrong from one that could not be checked, which the verifier does not.
type watchedKeys struct {
	keys    oidc.KeySet
	trouble error
}

// VerifySignature implements [oidc.KeySet].
func (w *watchedKeys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := w.keys.VerifySignature(ctx, token)
	if trouble, ok := errors.AsType[*identityError](err); ok {
		w.trouble = trouble
	}
	return payload, err
}

// sparing asks the provider only so often, and makes errors of its failures.
type sparing struct {
	http.RoundTripper

	limit *rate.Limiter
}

// RoundTrip implements [http.RoundTripper].
func (s *sparing) RoundTrip(request *http.Request) (*http.Response, error) {
	if !s.limit.Allow() {
		return nil, &identityError{errors.New("it was asked too often")}
	}
	response, err := s.RoundTripper.RoundTrip(request)
	if err != nil {
		return nil, &identityError{err}
	}
	if response.StatusCode >= http.StatusInternalServerError {
		_ = response.Body.Close()
		return nil, &identityError{errors.New(response.Status)}
	}
	return response, nil
}
