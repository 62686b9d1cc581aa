package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Key is an API key as it may be shown: without the key.
type Key struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Tenant     string     `json:"tenant" doc:"Whose orders it reaches."`
	LastFour   string     `json:"last_four" doc:"How the key ends."`
	Roles      []string   `json:"roles"`
	Scopes     []string   `json:"scopes" doc:"All that is left of what the roles allow; none means all of it."`
	CreatedAt  time.Time  `json:"created_at"`
	CreatedBy  string     `json:"created_by" doc:"Who made it."`
	Replaces   *string    `json:"replaces,omitempty" doc:"The key of which it is the successor."`
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty" doc:"About when it was last used, to some minutes."`
}

// NewKey says what a key is to be.
type NewKey struct {
	// Name tells people what the key is for, Tenant is whose orders it reaches.
	Name, Tenant string
	// Roles are what it may do, Scopes all that is left of that when there are some.
	Roles, Scopes []string
	// ExpiresAt is when it stops being valid; never when nil.
	ExpiresAt *time.Time
	// CreatedBy is who makes it.
	CreatedBy string
}

var (
	// ErrNoKey is returned when there is no key with an id.
	ErrNoKey = errors.New("there is no such key")
	// ErrKeyOver is returned when a key is to be rotated that was revoked, has expired or has a successor.
	ErrKeyOver = errors.New("the key was revoked, has expired or has a successor")
)

const keyPrefix = "ord_"

func randomSecret() string {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(secret[:])
}

// CreateKey makes a key and returns it. It is shown this once: only its hash is stored.
func CreateKey(ctx context.Context, pool *pgxpool.Pool, k NewKey) (string, error) {
	plain := keyPrefix + randomSecret()
	return plain, EnsureKey(ctx, pool, plain, k)
}

// EnsureKey stores a key that was made elsewhere, as CreateKey makes them. A key that is there already stays as it is.
func EnsureKey(ctx context.Context, pool *pgxpool.Pool, plain string, k NewKey) error {
	if len(plain) < len(keyPrefix)+32 || !strings.HasPrefix(plain, keyPrefix) {
		return fmt.Errorf("a key is %s and at least 32 characters", keyPrefix)
	}
	if err := k.check(); err != nil {
		return err
	}
	if _, _, err := insertKey(ctx, pool, uuid.New(), plain, k); err != nil {
		return fmt.Errorf("store key %s: %w", k.Name, err)
	}
	return nil
}

func (k NewKey) check() error {
	if k.Name == "" || k.Tenant == "" {
		return errors.New("a key needs a name and a tenant")
	}
	if err := checkRoles(k.Roles); err != nil {
		return err
	}
	return checkScopes(k.Scopes)
}

// keyColumns are the columns of a Key, in its order.
const keyColumns = `id::text, name, tenant, last_four, roles, scopes, created_at, created_by, replaces::text, expires_at, revoked_at, last_used_at`

const insertKeyRow = `
insert into api_keys (id, name, tenant, key_hash, last_four, roles, scopes, created_by, expires_at)
values ($1, $2, $3, $4, $5, $6, coalesce($7, '{}'::text[]), $8, $9)
on conflict do nothing
returning ` + keyColumns

// insertKey stores a key; made is false when it, or one with the id, is there already.
func insertKey(ctx context.Context, pool *pgxpool.Pool, id uuid.UUID, plain string, k NewKey) (key Key, made bool, err error) {
	hash := sha256.Sum256([]byte(plain))
	return oneKey(pool.Query(ctx, insertKeyRow, id, k.Name, k.Tenant, hash[:], plain[len(plain)-4:], k.Roles, k.Scopes, k.CreatedBy, k.ExpiresAt))
}

// oneKey reads the key that a statement returns; ok is false when it returns none.
func oneKey(rows pgx.Rows, err error) (key Key, ok bool, _ error) {
	if err != nil {
		return Key{}, false, err
	}
	key, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Key])
	if errors.Is(err, pgx.ErrNoRows) {
		return Key{}, false, nil
	}
	return key, err == nil, err
}

const selectKeys = `select ` + keyColumns + ` from api_keys where $1 = '' or tenant = $1 order by created_at, id`

// ListKeys lists the keys of a tenant, or of all when it is empty, the oldest first, revoked ones too.
func ListKeys(ctx context.Context, pool *pgxpool.Pool, tenant string) ([]Key, error) {
	rows, err := pool.Query(ctx, selectKeys, tenant)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Key])
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return keys, nil
}

const selectKeyByID = `select ` + keyColumns + ` from api_keys where id::text = $1 and ($2 = '' or tenant = $2)`

// findKey is the key of a tenant, or of any when it is empty, that has an id; [ErrNoKey] when there is none.
func findKey(ctx context.Context, pool *pgxpool.Pool, tenant, id string) (Key, error) {
	key, ok, err := oneKey(pool.Query(ctx, selectKeyByID, id, tenant))
	if err != nil {
		return Key{}, fmt.Errorf("find key %s: %w", id, err)
	}
	if !ok {
		return Key{}, fmt.Errorf("%s: %w", id, ErrNoKey)
	}
	return key, nil
}

// The successor is valid for as long as its predecessor was made for. A key has one successor at most.
const rotateKeyRows = `
with old as (
    update api_keys k
    set expires_at = least(expires_at, now() + $4::interval)
    where id::text = $2 and revoked_at is null and (expires_at is null or expires_at > now())
        and not exists (select from api_keys where replaces = k.id)
    returning id, name, tenant, roles, scopes
), before as (
    select expires_at - created_at as lifetime from api_keys where id::text = $2
)
insert into api_keys (id, name, tenant, key_hash, last_four, roles, scopes, created_by, replaces, expires_at)
select $1, name, tenant, $3, $5, roles, scopes, $6, old.id, now() + lifetime
from old, before
on conflict do nothing
returning ` + keyColumns

// RotateKey makes the successor of a key and returns it; the old one goes on being valid for the time of the overlap.
// Errors: [ErrNoKey], [ErrKeyOver].
func RotateKey(ctx context.Context, pool *pgxpool.Pool, id string, overlap time.Duration, by string) (string, error) {
	if overlap < 0 {
		return "", errors.New("an overlap cannot be negative")
	}
	if _, err := findKey(ctx, pool, "", id); err != nil {
		return "", err
	}
	plain := keyPrefix + randomSecret()
	_, made, err := rotateKey(ctx, pool, uuid.New(), plain, id, overlap, by)
	if err != nil {
		return "", err
	}
	if !made {
		return "", fmt.Errorf("%s: %w", id, ErrKeyOver)
	}
	return plain, nil
}

// rotateKey stores the successor under an id of its own; made is false when it is there already, or the old key is over.
func rotateKey(ctx context.Context, pool *pgxpool.Pool, next uuid.UUID, plain, id string, overlap time.Duration, by string) (key Key, made bool, err error) {
	hash := sha256.Sum256([]byte(plain))
	key, made, err = oneKey(pool.Query(ctx, rotateKeyRows, next, id, hash[:], overlap, plain[len(plain)-4:], by))
	if err != nil {
		return Key{}, false, fmt.Errorf("rotate key %s: %w", id, err)
	}
	return key, made, nil
}

const revokeKey = `update api_keys set revoked_at = coalesce(revoked_at, now()) where id::text = $1 and ($2 = '' or tenant = $2)`

// RevokeKey takes a key out of use, and whoever is logged in with it; [ErrNoKey] when the tenant (any, when it is empty)
// has none with this id. Processes notice within [rememberFor].
func RevokeKey(ctx context.Context, pool *pgxpool.Pool, tenant, id string) error {
	done, err := pool.Exec(ctx, revokeKey, id, tenant)
	if err != nil {
		return fmt.Errorf("revoke key %s: %w", id, err)
	}
	if done.RowsAffected() == 0 {
		return fmt.Errorf("%s: %w", id, ErrNoKey)
	}
	return nil
}
