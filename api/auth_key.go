package api

import (
	"context"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
)

// usedEvery is how often it is written down that a key is in use.
const usedEvery = 5 * time.Minute

const selectKey = `
select id::text, tenant, roles, scopes, key_hash, expires_at, coalesce(last_used_at < now() - $2::interval, true)
from api_keys
where key_hash = $1 and tenant <> '' and revoked_at is null and (expires_at is null or expires_at > now())`

// findByKey is the principal of an API key, and when it expires.
func (a *API) findByKey(ctx context.Context, plain string) (found, error) {
	hash := hashOf(plain)
	var who principal
	var id string
	var stored []byte
	var expires *time.Time
	var stale bool
	err := a.options.Pool.QueryRow(ctx, selectKey, hash[:], usedEvery).Scan(&id, &who.tenant, &who.roles, &who.scopes, &stored, &expires, &stale)
	if errors.Is(err, pgx.ErrNoRows) {
		return found{}, nil
	}
	if err != nil {
		return found{}, storeFailed("look an API key up", err)
	}
	if subtle.ConstantTimeCompare(hash[:], stored) != 1 {
		return found{}, nil
	}
	if stale {
		a.keyUsed(ctx, id)
	}
	who.id = keyCaller + id
	if expires == nil {
		return found{who: &who}, nil
	}
	return found{&who, *expires}, nil
}

// keyCaller begins the ids of callers that come with a key.
const keyCaller = "key:"

const touchKey = `
update api_keys set last_used_at = now()
where id::text = $1 and (last_used_at is null or last_used_at < now() - $2::interval)`

// keyUsed only logs its failure: a database that cannot be written to still lets readers in.
func (a *API) keyUsed(ctx context.Context, id string) {
	if _, err := a.options.Pool.Exec(ctx, touchKey, id, usedEvery); err != nil {
		requestOf(ctx).log.Warn("the use of a key was not written down", zap.Error(err))
	}
}
