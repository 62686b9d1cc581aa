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
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Tenant    string     `json:"tenant"`
	LastFour  string     `json:"last_four"`
	Roles     []string   `json:"roles"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

// ErrNoKey is returned when there is no key with an id.
var ErrNoKey = errors.New("there is no such key")

const keyPrefix = "ord_"

// CreateKey makes a key for a tenant and returns it. It is shown this once: only its hash is stored.
func CreateKey(ctx context.Context, pool *pgxpool.Pool, name, tenant string, roles []string) (string, error) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	plain := keyPrefix + base64.RawURLEncoding.EncodeToString(secret[:])
	return plain, EnsureKey(ctx, pool, plain, name, tenant, roles)
}

const insertKey = `
insert into api_keys (id, name, tenant, key_hash, last_four, roles)
values ($1, $2, $3, $4, $5, $6)
on conflict (key_hash) do nothing`

// EnsureKey stores a key that was made elsewhere, as CreateKey makes them. A key that is there already stays as it is.
func EnsureKey(ctx context.Context, pool *pgxpool.Pool, plain, name, tenant string, roles []string) error {
	if len(plain) < len(keyPrefix)+32 || !strings.HasPrefix(plain, keyPrefix) {
		return fmt.Errorf("a key is %s and at least 32 characters", keyPrefix)
	}
	if name == "" || tenant == "" {
		return errors.New("a key needs a name and a tenant")
	}
	if err := checkRoles(roles); err != nil {
		return err
	}
	hash := sha256.Sum256([]byte(plain))
	_, err := pool.Exec(ctx, insertKey, uuid.New(), name, tenant, hash[:], plain[len(plain)-4:], roles)
	if err != nil {
		return fmt.Errorf("store key %s: %w", name, err)
	}
	return nil
}

const selectKeys = `
select id::text, name, tenant, last_four, roles, created_at, expires_at, revoked_at
from api_keys
order by created_at, id`

// ListKeys lists all keys, the oldest first, revoked ones too.
func ListKeys(ctx context.Context, pool *pgxpool.Pool) ([]Key, error) {
	rows, err := pool.Query(ctx, selectKeys)
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Key])
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	return keys, nil
}

const revokeKey = `update api_keys set revoked_at = coalesce(revoked_at, now()) where id::text = $1`

// RevokeKey takes a key out of use; ErrNoKey when there is none with this id. Processes notice within [keyMemory].
func RevokeKey(ctx context.Context, pool *pgxpool.Pool, id string) error {
	done, err := pool.Exec(ctx, revokeKey, id)
	if err != nil {
		return fmt.Errorf("revoke key %s: %w", id, err)
	}
	if done.RowsAffected() == 0 {
		return fmt.Errorf("%s: %w", id, ErrNoKey)
	}
	return nil
}
