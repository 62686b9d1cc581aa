package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Login is an API key of somebody who goes on with a browser.
type Login struct {
	APIKey string `json:"api_key" minLength:"1" maxLength:"256"`
}

// Session is who is logged in, or who asks.
type Session struct {
	ID          string     `json:"id" doc:"As it stands in the events: key: and the id of a key, or user: and the subject at the identity provider."`
	Tenant      string     `json:"tenant"`
	Roles       []string   `json:"roles"`
	Permissions []string   `json:"permissions" doc:"All that may be done."`
	CSRFToken   string     `json:"csrf_token,omitempty" doc:"For the header X-CSRF-Token of everything but readings, when a cookie says who asks."`
	ExpiresAt   *time.Time `json:"expires_at,omitempty" doc:"When the session is over."`
}

type loginInput struct{ Body Login }

type sessionOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      Session
}

type logoutOutput struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
}

func (p *principal) shown() Session {
	shown := Session{ID: p.id, Tenant: p.tenant, Roles: p.roles, Permissions: []string{}}
	for _, what := range p.granted() {
		shown.Permissions = append(shown.Permissions, string(what))
	}
	if p.session != nil {
		shown.CSRFToken, shown.ExpiresAt = p.session.csrf, &p.session.expires
	}
	return shown
}

type whoOutput struct{ Body Session }

// getSession tells whoever asks who they are.
func (a *API) getSession(ctx context.Context, _ *struct{}) (*whoOutput, error) {
	return &whoOutput{requestOf(ctx).principal.shown()}, nil
}

// loginWithKey begins a session for the holder of a key. Another site's form cannot get here: it sends no JSON.
func (a *API) loginWithKey(ctx context.Context, in *loginInput) (*sessionOutput, error) {
	who, err := a.keys.find(ctx, in.Body.APIKey)
	if err != nil {
		return nil, err
	}
	if who == nil {
		return nil, newProblem(codeUnauthenticated, "The API key is not known, has expired or was revoked.")
	}
	who, cookie, err := a.beginSession(ctx, *who)
	if err != nil {
		return nil, err
	}
	return &sessionOutput{*cookie, who.shown()}, nil
}

// logout ends the session, on the server too. Who asks with a key has none.
func (a *API) logout(ctx context.Context, _ *struct{}) (*logoutOutput, error) {
	if who := requestOf(ctx).principal; who.session != nil {
		if err := a.endSession(ctx, who.session); err != nil {
			return nil, err
		}
	}
	return &logoutOutput{*a.cookie(a.sessionCookie(), "", "/", -time.Second)}, nil
}

// attempt is a login that is under way at the identity provider, in a cookie of its own.
type attempt struct {
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
	ReturnTo string `json:"return_to"`
}

const (
	attemptCookie = "orderly_login"
	attemptPath   = "/session/oidc"
	attemptWithin = 10 * time.Minute
)

type beginLoginInput struct {
	ReturnTo string `query:"return_to" maxLength:"500" default:"/docs" doc:"The path to go on to."`
}

type redirectOutput struct {
	Status    int
	Location  string        `header:"Location"`
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

// beginLogin sends a browser to the identity provider.
func (a *API) beginLogin(ctx context.Context, in *beginLoginInput) (*redirectOutput, error) {
	if !isLocalPath(in.ReturnTo) {
		return nil, invalid(Fault{"/return_to", "must be a path of this server"})
	}
	oauth, err := a.oauth(ctx)
	if err != nil {
		return nil, err
	}
	begun := attempt{State: randomSecret(), Nonce: randomSecret(), Verifier: oauth2.GenerateVerifier(), ReturnTo: in.ReturnTo}
	value, err := json.Marshal(begun)
	if err != nil {
		return nil, fmt.Errorf("remember a login: %w", err)
	}
	return &redirectOutput{
		Status:    http.StatusSeeOther,
		Location:  oauth.AuthCodeURL(begun.State, oidc.Nonce(begun.Nonce), oauth2.S256ChallengeOption(begun.Verifier)),
		SetCookie: []http.Cookie{*a.cookie(attemptCookie, encodeCookie(value), attemptPath, attemptWithin)},
	}, nil
}

func (a *API) oauth(ctx context.Context) (*oauth2.Config, error) {
	if a.issuer.ClientID == "" {
		return nil, newProblem(codeNotFound, "There is no login by an identity provider here.")
	}
	return a.issuer.oauth(ctx, strings.TrimSuffix(a.options.PublicURL, "/")+attemptPath+"/callback")
}

type endLoginInput struct {
	Code    string      `query:"code" maxLength:"4000"`
	State   string      `query:"state" maxLength:"500"`
	Error   string      `query:"error" maxLength:"500"`
	Attempt http.Cookie `cookie:"orderly_login"`
	// What providers add.
	SessionState     string `query:"session_state" maxLength:"500"`
	Issuer           string `query:"iss" maxLength:"500"`
	ErrorDescription string `query:"error_description" maxLength:"2000"`
	Scope            string `query:"scope" maxLength:"2000"`
}

// endLogin takes a browser that comes back from the identity provider, and begins its session.
func (a *API) endLogin(ctx context.Context, in *endLoginInput) (*redirectOutput, error) {
	var begun attempt
	err := json.Unmarshal(decodeCookie(in.Attempt.Value), &begun)
	if err != nil || begun.State == "" || begun.State != in.State || in.Code == "" || !isLocalPath(begun.ReturnTo) {
		return nil, newProblem(codeUnauthenticated, "The login was not begun here, was given up or has taken too long: begin again.")
	}
	who, err := a.whoCameBack(ctx, in.Code, begun)
	if err != nil {
		return nil, err
	}
	_, cookie, err := a.beginSession(ctx, *who)
	if err != nil {
		return nil, err
	}
	return &redirectOutput{
		Status: http.StatusSeeOther, Location: begun.ReturnTo,
		SetCookie: []http.Cookie{*cookie, *a.cookie(attemptCookie, "", attemptPath, -time.Second)},
	}, nil
}

// whoCameBack exchanges the provider's code for a token and is the principal of it.
func (a *API) whoCameBack(ctx context.Context, code string, begun attempt) (*principal, error) {
	oauth, err := a.oauth(ctx)
	if err != nil {
		return nil, err
	}
	tokens, err := oauth.Exchange(oidc.ClientContext(ctx, a.issuer.client), code, oauth2.VerifierOption(begun.Verifier))
	if err != nil {
		return nil, notConfirmed(err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := a.issuer.verify(ctx, raw, a.issuer.ClientID)
	if err != nil {
		return nil, notConfirmed(err)
	}
	if token.Nonce != begun.Nonce {
		return nil, notConfirmed(errors.New("the token has another nonce"))
	}
	who, err := a.issuer.principal(token)
	if err != nil {
		return nil, err
	}
	if who == nil {
		return nil, newProblem(codeForbidden, "The identity provider names no tenant for this account.")
	}
	return who, nil
}

func notConfirmed(err error) error {
	if trouble, ok := errors.AsType[*identityError](err); ok {
		return trouble
	}
	return newProblem(codeUnauthenticated, "The identity provider does not confirm the login: begin again.").because(err)
}

// isLocalPath refuses what would lead a browser to another server.
func isLocalPath(path string) bool {
	return strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && !strings.ContainsAny(path, "\\\r\n\t\x00")
}
