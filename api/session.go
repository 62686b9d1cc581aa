package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// session is a browser's: what a cookie's token stands for.
type session struct {
	hash    [sha256.Size]byte
	csrf    string
	expires time.Time
}

// csrfHeader is where a browser's commands carry what another site cannot know.
const csrfHeader = "X-CSRF-Token"

// whoIsLoggedIn is the principal of a browser's session. Whatever is not a mere reading must carry the session's CSRF
// token: the browser sends the cookie along by itself, whoever made it send the request.
func (a *API) whoIsLoggedIn(r *http.Request, token string) (*principal, *Problem) {
	who, err := a.sessions.find(r.Context(), token)
	if err != nil {
		return nil, a.problem(err)
	}
	if who == nil {
		return nil, newProblem(codeUnauthenticated, "The session is over: log in again.")
	}
	given := []byte(r.Header.Get(csrfHeader))
	if !isReading(r.Method) && !a.decrypts(r) && subtle.ConstantTimeCompare(given, []byte(who.session.csrf)) != 1 {
		return nil, newProblem(codeCSRF, "Send the csrf_token of GET /session in "+csrfHeader+".")
	}
	return who, nil
}

func isReading(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// csrfToken is made of the session's token, which nobody can compute from it.
func csrfToken(token string) string {
	hash := sha256.Sum256([]byte("csrf\x00" + token))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

// A session that a key began is as good as the key.
const selectSession = `
select s.caller, s.tenant, s.roles, s.scopes, least(s.expires_at, k.expires_at)
from sessions s left join api_keys k on k.id = s.key_id
where s.token_hash = $1 and s.expires_at > now()
    and (s.key_id is null or k.revoked_at is null and (k.expires_at is null or k.expires_at > now()))`

func (a *API) findBySession(ctx context.Context, token string) (found, error) {
	hash := hashOf(token)
	who := principal{session: &session{hash: hash, csrf: csrfToken(token)}}
	err := a.options.Pool.QueryRow(ctx, selectSession, hash[:]).Scan(&who.id, &who.tenant, &who.roles, &who.scopes, &who.session.expires)
	if errors.Is(err, pgx.ErrNoRows) {
		return found{}, nil
	}
	if err != nil {
		return found{}, storeFailed("look a session up", err)
	}
	return found{&who, who.session.expires}, nil
}

// Every login sweeps away the sessions that are over.
const insertSession = `
with swept as (delete from sessions where expires_at < now())
insert into sessions (token_hash, caller, tenant, roles, scopes, key_id, expires_at)
values ($1, $2, $3, $4, coalesce($5, '{}'::text[]), $6, now() + $7)
returning expires_at`

// beginSession logs a principal in and gives the cookie for it. The token is a new one each time, so that none that
// somebody planted in the browser before means anything.
func (a *API) beginSession(ctx context.Context, who principal) (*principal, *http.Cookie, error) {
	token := randomSecret()
	hash := hashOf(token)
	var keyID *string
	if id, byKey := strings.CutPrefix(who.id, keyCaller); byKey {
		keyID = &id
	}
	who.session = &session{hash: hash, csrf: csrfToken(token)}
	err := a.options.Pool.QueryRow(ctx, insertSession, hash[:], who.id, who.tenant, who.roles, who.scopes, keyID, a.options.SessionLifetime).
		Scan(&who.session.expires)
	if err != nil {
		return nil, nil, storeFailed("begin a session", err)
	}
	return &who, a.cookie(a.sessionCookie(), token, "/", a.options.SessionLifetime), nil
}

const deleteSession = `delete from sessions where token_hash = $1`

func (a *API) endSession(ctx context.Context, s *session) error {
	if _, err := a.options.Pool.Exec(ctx, deleteSession, s.hash[:]); err != nil {
		return storeFailed("end a session", err)
	}
	a.sessions.forget()
	return nil
}

// The names of the cookie of a session. With the prefix browsers take it only from us, over TLS, for the whole of this host.
const (
	secureSessionCookie = "__Host-orderly_session"
	sessionCookie       = "orderly_session"
)

// sessionCookie names the cookie.
func (a *API) sessionCookie() string {
	if a.secureCookies {
		return secureSessionCookie
	}
	return sessionCookie
}

// cookie makes a cookie that scripts cannot read and other sites' forms do not carry; it is taken back when its lifetime
// is negative.
func (a *API) cookie(name, value, path string, lifetime time.Duration) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // without TLS on the developer's own machine only, see isSecure
		Name: name, Value: value, Path: path, MaxAge: int(lifetime.Seconds()),
		Secure: a.secureCookies, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// isSecure says whether cookies need TLS: always but on this very machine, for development.
func isSecure(publicURL string) bool {
	where, err := url.Parse(publicURL)
	if err != nil || where.Scheme == "https" {
		return true
	}
	host := where.Hostname()
	return host != "127.0.0.1" && host != "localhost" && host != "::1"
}

// encodeCookie and decodeCookie carry JSON through a cookie; what is none of ours decodes to nothing.
func encodeCookie(value []byte) string { return base64.RawURLEncoding.EncodeToString(value) }

func decodeCookie(text string) []byte {
	value, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return value
}
