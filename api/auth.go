package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// keyMemory is how long a key, known or unknown, is remembered without asking the database.
const keyMemory = 5 * time.Second

// openRoutes are all routes that need no key. Webhooks have a signature in its place.
var openRoutes = map[string]bool{
	"/livez": true, "/readyz": true, "/openapi.json": true, "/docs": true, "/docs/*asset": true,
	"/v1/webhooks/carrier": true, "/v1/webhooks/stripe": true,
}

// authenticate lets nobody pass without a valid key but on the open routes. It stands before the router's answer that
// there is nothing at an address, too.
func (a *API) authenticate(c *gin.Context) {
	if openRoutes[c.FullPath()] {
		return
	}
	key, ok := bearer(c.GetHeader("Authorization"))
	if !ok {
		abort(c, newProblem(codeUnauthenticated, "Send Authorization: Bearer and an API key."))
		return
	}
	who, err := a.keys.find(c.Request.Context(), key)
	switch {
	case err != nil:
		abort(c, a.problem(err))
	case who == nil:
		abort(c, newProblem(codeUnauthenticated, "The API key is not known, has expired or was revoked."))
	default:
		requestOf(c.Request.Context()).principal = who
	}
}

func bearer(header string) (string, bool) {
	scheme, key, _ := strings.Cut(header, " ")
	key = strings.TrimSpace(key)
	return key, strings.EqualFold(scheme, "Bearer") && key != "" && len(key) <= 256
}

// require refuses keys whose roles do not have the permission.
func require(ctx context.Context, what permission) *Problem {
	if who := requestOf(ctx).principal; who == nil || !who.may(what) {
		return newProblem(codeForbidden, "The API key's roles do not include this.")
	}
	return nil
}

// keyring finds keys, and remembers for a moment what it found.
type keyring struct {
	pool *pgxpool.Pool

	mu    sync.Mutex
	known map[[sha256.Size]byte]remembered
}

type remembered struct {
	who   *principal // nil: there is no such key
	until time.Time
}

// maxRemembered bounds the memory that guessed keys can take.
const maxRemembered = 10_000

func newKeyring(pool *pgxpool.Pool) *keyring {
	return &keyring{pool: pool, known: map[[sha256.Size]byte]remembered{}}
}

// find is the principal of a key, nil when there is none.
func (k *keyring) find(ctx context.Context, plain string) (*principal, error) {
	hash := sha256.Sum256([]byte(plain))
	if found, ok := k.recall(hash, time.Now()); ok {
		return found, nil
	}
	found, err := k.load(ctx, hash)
	if err != nil {
		return nil, err
	}
	k.remember(hash, found, time.Now())
	return found, nil
}

func (k *keyring) recall(hash [sha256.Size]byte, now time.Time) (*principal, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found, ok := k.known[hash]
	return found.who, ok && now.Before(found.until)
}

func (k *keyring) remember(hash [sha256.Size]byte, who *principal, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) >= maxRemembered {
		clear(k.known)
	}
	k.known[hash] = remembered{who, now.Add(keyMemory)}
}

const selectKey = `
select id::text, tenant, roles, key_hash
from api_keys
where key_hash = $1 and tenant <> '' and revoked_at is null and (expires_at is null or expires_at > now())`

func (k *keyring) load(ctx context.Context, hash [sha256.Size]byte) (*principal, error) {
	var who principal
	var stored []byte
	err := k.pool.QueryRow(ctx, selectKey, hash[:]).Scan(&who.keyID, &who.tenant, &who.roles, &stored)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, storeFailed("look an API key up", err)
	}
	if subtle.ConstantTimeCompare(hash[:], stored) != 1 {
		return nil, nil
	}
	return &who, nil
}
