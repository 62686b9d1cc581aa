package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"
)

// KeyRequest says what a new API key is to be.
type KeyRequest struct {
	Name      string     `json:"name" minLength:"1" maxLength:"100" doc:"What it is for." example:"web shop"`
	Roles     []string   `json:"roles" minItems:"1" maxItems:"10" enum:"integrator,support,supervisor,warehouse,finance,auditor,monitor,admin"`
	Scopes    []string   `json:"scopes,omitempty" minItems:"1" maxItems:"20" enum:"read,command,note,operate,skip,review,refund,reroute,receive,bulk,audit,monitor,rebuild,erase,decode,keys" doc:"All that is left of what the roles allow; left out, all of it is."`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When it stops being valid; never when left out."`
}

// KeyRotation says how a key is replaced.
type KeyRotation struct {
	OverlapSeconds *int `json:"overlap_seconds,omitempty" minimum:"0" maximum:"2592000" default:"86400" doc:"For how long the old key goes on being valid."`
}

// KeyList is all keys of a tenant.
type KeyList struct {
	Keys []Key `json:"keys"`
}

// KeyMade is a new key. The key itself is in the first answer only: nobody can show it again.
type KeyMade struct {
	Key

	APIKey string `json:"api_key,omitempty" doc:"The key. It is shown this once: when the request is sent again, it is left out. Rotate a key whose answer was lost."`
}

type keysOutput struct{ Body KeyList }

type keyMadeOutput struct {
	Replayed string `header:"Idempotent-Replayed"`
	Body     KeyMade
}

// listKeys lists the keys of the caller's tenant.
func (a *API) listKeys(ctx context.Context, _ *struct{}) (*keysOutput, error) {
	keys, err := ListKeys(ctx, a.options.Pool, tenantOf(ctx))
	if err != nil {
		return nil, storeFailed("list API keys", err)
	}
	return &keysOutput{KeyList{keys}}, nil
}

type createKeyInput struct {
	IdempotencyHeader
	Body KeyRequest
}

// maxKeyLife bounds how far ahead a key may expire.
const maxKeyLife = 10 * 365 * 24 * time.Hour

// createKey makes a key for the caller's tenant that may do no more than the caller. Its id is made of the idempotency
// key: sent again, the request finds it there.
func (a *API) createKey(ctx context.Context, in *createKeyInput) (*keyMadeOutput, error) {
	who := requestOf(ctx).principal
	k := NewKey{Name: in.Body.Name, Tenant: who.tenant, Roles: in.Body.Roles, Scopes: in.Body.Scopes, CreatedBy: who.id}
	if in.Body.ExpiresAt != nil {
		if ahead := time.Until(*in.Body.ExpiresAt); ahead <= 0 || ahead > maxKeyLife {
			return nil, invalid(Fault{"/expires_at", "must be in the future, and at most ten years ahead"})
		}
		utc := in.Body.ExpiresAt.UTC().Truncate(time.Microsecond)
		k.ExpiresAt = &utc
	}
	if !who.covers(&principal{roles: k.Roles, scopes: k.Scopes}) {
		return nil, newProblem(codeForbidden, "A key may do no more than who makes it.")
	}
	plain, id := keyPrefix+randomSecret(), keyIDFor(who.tenant, "POST /v1/keys", in.IdempotencyKey)
	key, made, err := insertKey(ctx, a.options.Pool, id, plain, k)
	if err != nil {
		return nil, storeFailed("store an API key", err)
	}
	if made {
		return &keyMadeOutput{Body: KeyMade{key, plain}}, nil
	}
	if key, err = a.findOwnKey(ctx, id.String()); err != nil {
		return nil, err
	}
	if !k.made(key) {
		return nil, newProblem(codeKeyReused, "Take another Idempotency-Key for another request.")
	}
	return &keyMadeOutput{Replayed: "true", Body: KeyMade{Key: key}}, nil
}

// made says whether the key is the one that was asked for.
func (k NewKey) made(key Key) bool {
	sameEnd := k.ExpiresAt == nil && key.ExpiresAt == nil || k.ExpiresAt != nil && key.ExpiresAt != nil && k.ExpiresAt.Equal(*key.ExpiresAt)
	return k.Name == key.Name && slices.Equal(k.Roles, key.Roles) && slices.Equal(k.Scopes, key.Scopes) && sameEnd
}

func keyIDFor(tenant, route, idempotencyKey string) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(CommandID(tenant, route, idempotencyKey)))
}

// KeyPath names a key. Huma reads embedded structs only when their names are exported.
type KeyPath struct {
	KeyID string `path:"key_id" maxLength:"36" doc:"The key's id, not the key."`
}

type rotateKeyInput struct {
	KeyPath
	IdempotencyHeader
	Body KeyRotation
}

// rotateKey makes a key's successor. Nobody gets hold of a key this way that may do more than they may.
func (a *API) rotateKey(ctx context.Context, in *rotateKeyInput) (*keyMadeOutput, error) {
	who := requestOf(ctx).principal
	old, err := a.findOwnKey(ctx, in.KeyID)
	if err != nil {
		return nil, err
	}
	if !who.covers(&principal{roles: old.Roles, scopes: old.Scopes}) {
		return nil, newProblem(codeForbidden, "The key may do more than who rotates it.")
	}
	plain, id := keyPrefix+randomSecret(), keyIDFor(who.tenant, "POST /v1/keys/"+old.ID+"/rotate", in.IdempotencyKey)
	key, made, err := rotateKey(ctx, a.options.Pool, id, plain, old.ID, time.Duration(*in.Body.OverlapSeconds)*time.Second, who.id)
	if err != nil {
		return nil, storeFailed("rotate an API key", err)
	}
	if made {
		a.keys.forget()
		return &keyMadeOutput{Body: KeyMade{key, plain}}, nil
	}
	if key, err = findKey(ctx, a.options.Pool, who.tenant, id.String()); errors.Is(err, ErrNoKey) {
		return nil, newProblem(codeNotAllowed, "The key was revoked, has expired or has a successor.")
	}
	if err != nil {
		return nil, storeFailed("find an API key", err)
	}
	return &keyMadeOutput{Replayed: "true", Body: KeyMade{Key: key}}, nil
}

type revokeKeyInput struct{ KeyPath }

type nothing struct{ Status int }

// revokeKey takes a key of the caller's tenant out of use. Doing it again changes nothing.
func (a *API) revokeKey(ctx context.Context, in *revokeKeyInput) (*nothing, error) {
	key, err := a.findOwnKey(ctx, in.KeyID)
	if err != nil {
		return nil, err
	}
	if err := RevokeKey(ctx, a.options.Pool, key.Tenant, key.ID); err != nil {
		return nil, storeFailed("revoke an API key", err)
	}
	a.keys.forget()
	a.sessions.forget()
	return &nothing{http.StatusNoContent}, nil
}

// findOwnKey is a key of the caller's tenant. Somebody else's does not exist.
func (a *API) findOwnKey(ctx context.Context, id string) (Key, error) {
	if uuid.Validate(id) != nil {
		return Key{}, newProblem(codeNotFound, "There is no such key.")
	}
	key, err := findKey(ctx, a.options.Pool, tenantOf(ctx), id)
	if errors.Is(err, ErrNoKey) {
		return Key{}, newProblem(codeNotFound, "There is no such key.")
	}
	if err != nil {
		return Key{}, storeFailed("find an API key", err)
	}
	return key, nil
}
