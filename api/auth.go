package api

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
)

// openRoutes are all routes that need no credential. Webhooks have a signature in its place, and who logs in
// brings one.
var openRoutes = map[string]bool{
	"/livez": true, "/readyz": true, "/openapi.json": true, "/docs": true, "/docs/*asset": true, "/v1/webhooks/carrier": true, "/v1/webhooks/stripe": true,
	"/session/key": true, "/session/oidc": true, "/session/oidc/callback": true,
}

// authenticate lets nobody pass without a valid credential but on the open routes. It stands before the router's answer
// that there is nothing at an address, too.
func (a *API) authenticate(c *gin.Context) {
	if openRoutes[c.FullPath()] {
		return
	}
	who, problem := a.whoAsks(c.Request)
	if problem != nil {
		abort(c, problem)
		return
	}
	requestOf(c.Request.Context()).principal = who
}

// whoAsks finds the caller by an API key or a token of the identity provider, which are told apart by their shape, or
// by the session of a browser.
func (a *API) whoAsks(r *http.Request) (*principal, *Problem) {
	header := r.Header.Get("Authorization")
	cookie, err := r.Cookie(a.sessionCookie())
	if header == "" && err == nil {
		return a.whoIsLoggedIn(r, cookie.Value)
	}
	credential, ok := bearer(header)
	if !ok {
		return nil, newProblem(codeUnauthenticated, "Send Authorization: Bearer and an API key.")
	}
	known := a.keys
	if isJWT(credential) {
		known = a.tokens
	}
	who, err := known.find(r.Context(), credential)
	if err != nil {
		return nil, a.problem(err)
	}
	if who == nil {
		return nil, newProblem(codeUnauthenticated, "The API key or token is not known, has expired or was revoked.")
	}
	return who, nil
}

// maxToken bounds a credential; tokens with many claims have a few KB.
const maxToken = 8 << 10

func bearer(header string) (string, bool) {
	scheme, credential, _ := strings.Cut(header, " ")
	credential = strings.TrimSpace(credential)
	return credential, strings.EqualFold(scheme, "Bearer") && credential != "" && len(credential) <= maxToken
}

// require refuses callers whose roles and scopes do not have the permission.
func require(ctx context.Context, what permission) *Problem {
	if who := requestOf(ctx).principal; who == nil || !who.may(what) {
		return newProblem(codeForbidden, "This needs the permission "+string(what)+".")
	}
	return nil
}

// hashOf is how credentials are stored and remembered. They are 256 random bits, or signed: so a plain hash is enough.
func hashOf(credential string) [sha256.Size]byte { return sha256.Sum256([]byte(credential)) }
