package api

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// browser asks with cookies in place of a key.
func (h *harness) browser(t *testing.T, cookie *http.Cookie, question ask) *httptest.ResponseRecorder {
	t.Helper()
	question.headers = append(question.headers, "Authorization", "", "Cookie", cookie.Name+"="+cookie.Value)
	return h.do(t, question)
}

// login begins a session with the harness's key.
func (h *harness) login(t *testing.T) (*http.Cookie, Session) {
	t.Helper()
	answer := h.do(t, ask{http.MethodPost, "/session/key", `{"api_key": "` + h.key + `"}`, []string{"Authorization", ""}})
	wantStatus(t, answer, http.StatusOK)
	cookies := answer.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("cookies are %v", cookies)
	}
	return cookies[0], decode[Session](t, answer)
}

var whoAmI = ask{method: http.MethodGet, path: "/session"}

func TestSession_ByKey(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	cookie, shown := h.login(t)
	if !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Domain != "" ||
		!strings.HasPrefix(cookie.Name, "__Host-") || cookie.MaxAge != 3600 {
		t.Errorf("cookie is %+v", cookie)
	}
	if shown.Tenant != "acme" || shown.CSRFToken == "" || shown.ExpiresAt == nil || len(shown.Permissions) != len(permissions) {
		t.Errorf("session is %+v", shown)
	}
	wantStatus(t, h.browser(t, cookie, ask{method: http.MethodGet, path: "/v1/orders/ord_1"}), http.StatusOK)
	if again := decode[Session](t, h.browser(t, cookie, whoAmI)); again.CSRFToken != shown.CSRFToken || again.ID != shown.ID {
		t.Errorf("session is %+v, was %+v", again, shown)
	}
	note := func(csrf string) ask {
		return ask{http.MethodPost, "/v1/orders/ord_1/notes", `{"text": "a"}`, []string{"Idempotency-Key", "k1", csrfHeader, csrf}}
	}
	_, other := h.login(t)
	for _, bad := range []string{"", "x", cookie.Value, other.CSRFToken} {
		wantProblem(t, h.browser(t, cookie, note(bad)), codeCSRF)
	}
	wantStatus(t, h.browser(t, cookie, note(shown.CSRFToken)), http.StatusOK)
	// A key needs no CSRF token: no browser sends it along by itself.
	wantStatus(t, h.do(t, note("")), http.StatusOK)
}

func TestSession_OnlyHashesAreStored(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	cookie, shown := h.login(t)
	var rows string
	if err := h.pool.QueryRow(t.Context(), `select string_agg(s::text, '') from sessions s`).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(rows, cookie.Value) || strings.Contains(rows, shown.CSRFToken) || strings.Contains(rows, h.key) {
		t.Errorf("the table holds %s", rows)
	}
}

func TestSession_Logout_EndsItOnTheServer(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	cookie, shown := h.login(t)
	wantProblem(t, h.browser(t, cookie, ask{method: http.MethodDelete, path: "/session"}), codeCSRF)
	answer := h.browser(t, cookie, ask{method: http.MethodDelete, path: "/session", headers: []string{csrfHeader, shown.CSRFToken}})
	wantStatus(t, answer, http.StatusNoContent)
	if gone := answer.Result().Cookies(); len(gone) != 1 || gone[0].Name != cookie.Name || gone[0].MaxAge >= 0 {
		t.Errorf("cookies are %v", gone)
	}
	wantProblem(t, h.browser(t, cookie, whoAmI), codeUnauthenticated)
}

func TestSession_Ends(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]string{
		"expired":            `update sessions set expires_at = now()`,
		"its key is revoked": `update api_keys set revoked_at = now()`,
		"its key is over":    `update api_keys set expires_at = now()`,
		"deleted":            `delete from sessions`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			cookie, _ := h.login(t)
			wantStatus(t, h.browser(t, cookie, whoAmI), http.StatusOK)
			if _, err := h.pool.Exec(t.Context(), end); err != nil {
				t.Fatal(err)
			}
			h.sessions.forget()
			wantProblem(t, h.browser(t, cookie, whoAmI), codeUnauthenticated)
		})
	}
}

func TestSession_LoginIsRefused(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.do(t, anyList)
	before := h.stored(t)
	login := func(body string, headers ...string) ask {
		return ask{http.MethodPost, "/session/key", body, append([]string{"Authorization", ""}, headers...)}
	}
	wantProblem(t, h.do(t, login(`{"api_key": "ord_guessed"}`)), codeUnauthenticated)
	wantProblem(t, h.do(t, login(`{}`)), codeInvalid, "/api_key")
	wantProblem(t, h.do(t, login(`api_key=`+h.key, "Content-Type", "application/x-www-form-urlencoded")), codeMediaType)
	wantProblem(t, h.do(t, login(`{"api_key": "`+h.key+`"}`, "Content-Type", "text/plain")), codeMediaType)
	wantProblem(t, h.do(t, ask{method: http.MethodGet, path: "/session/oidc", headers: []string{"Authorization", ""}}), codeNotFound)
	if after := h.stored(t); after != before {
		t.Errorf("the database has changed:\n%s\n%s", before, after)
	}
}

func TestSession_CookiesWithoutTLS_OnlyOnThisMachine(t *testing.T) {
	t.Parallel()
	for where, want := range map[string]bool{
		"http://127.0.0.1:8080": false, "http://localhost:1": false, "http://[::1]:1": false,
		"http://orderly.test": true, "https://127.0.0.1": true, "https://orderly.test": true, "": true, ":": true,
	} {
		if got := isSecure(where); got != want {
			t.Errorf("%q: %v, want %v", where, got, want)
		}
	}
}

// TestSession_AtTheProvider walks the whole way of a browser: to the provider, back, and on.
func TestSession_AtTheProvider(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	h := newHarness(t, trusting(p))
	server := httptest.NewServer(h.Handler())
	t.Cleanup(server.Close)
	h.options.PublicURL, h.secureCookies = server.URL, false
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	response, err := client.Get(server.URL + "/session/oidc?return_to=" + url.QueryEscape("/session?x"))
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Request.URL.String(); got != server.URL+"/session?x" {
		t.Fatalf("the browser is at %s: %s", got, response.Status)
	}
	response, err = client.Get(server.URL + "/session")
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("logged in: %v %v", response, err)
	}
	here, _ := url.Parse(server.URL + "/session/oidc/callback")
	cookies := jar.Cookies(here)
	if len(cookies) != 1 || cookies[0].Name != "orderly_session" {
		t.Errorf("cookies are %v", cookies)
	}
	who := decode[Session](t, h.browser(t, cookies[0], whoAmI))
	if who.ID != "user:alice" || who.Tenant != "acme" || who.Roles[0] != "supervisor" {
		t.Errorf("who is logged in: %+v", who)
	}
}

func TestSession_ComingBack_WithWhatWasNotBegunHere_IsRefused(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	h := newHarness(t, trusting(p))
	begun := h.do(t, ask{method: http.MethodGet, path: "/session/oidc", headers: []string{"Authorization", ""}})
	wantStatus(t, begun, http.StatusSeeOther)
	cookie := begun.Result().Cookies()[0]
	to, err := url.Parse(begun.Header().Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	if asked := to.Query(); asked.Get("code_challenge_method") != "S256" || asked.Get("nonce") == "" || asked.Get("redirect_uri") != "http://orderly.test/session/oidc/callback" {
		t.Errorf("the browser is sent to %s", to)
	}
	state := to.Query().Get("state")
	back := func(query string) ask { return ask{method: http.MethodGet, path: "/session/oidc/callback?" + query} }
	for name, question := range map[string]ask{
		"another state":    back("code=c&state=other"),
		"no code":          back("state=" + state),
		"an invented code": back("code=c&state=" + state),
		"an error":         back("error=access_denied&state=" + state),
	} {
		answer := h.browser(t, cookie, question)
		wantProblem(t, answer, codeUnauthenticated)
		if len(answer.Result().Cookies()) != 0 {
			t.Errorf("%s: there is a cookie", name)
		}
	}
	wantProblem(t, h.do(t, ask{method: http.MethodGet, path: "/session/oidc/callback?code=c&state=" + state, headers: []string{"Authorization", ""}}), codeUnauthenticated)
	// The provider's token for another login, and for somebody who belongs to nobody.
	for code, claims := range map[Code]map[string]any{codeUnauthenticated: {"nonce": "other"}, codeForbidden: {"tenant": nil}} {
		p.claims = claims
		response, err := http.DefaultTransport.RoundTrip(mustRequest(t, to.String()))
		if err != nil {
			t.Fatal(err)
		}
		location, err := response.Location()
		if err != nil {
			t.Fatal(err)
		}
		wantProblem(t, h.browser(t, cookie, back(location.RawQuery)), code)
	}
	for _, elsewhere := range []string{"https://evil.test", "//evil.test", `/\evil.test`, "evil", "/a\nb"} {
		question := ask{method: http.MethodGet, path: "/session/oidc?return_to=" + url.QueryEscape(elsewhere)}
		wantProblem(t, h.do(t, question), codeInvalid, "/return_to")
	}
}

func mustRequest(t *testing.T, to string) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	return request
}
