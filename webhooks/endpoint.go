package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/vault"
)

// The errors of a Store.
var (
	ErrNotFound  = errors.New("there is no such webhook endpoint or delivery")
	ErrKeyReused = errors.New("the idempotency key was used for another endpoint")
	ErrTooMany   = errors.New("a tenant has no more than 20 webhook endpoints")
)

// maxEndpoints bounds the endpoints of a tenant: each multiplies what an event costs.
const maxEndpoints = 20

// Endpoint is where a tenant wants to be told of events.
type Endpoint struct {
	ID     string
	Tenant string
	URL    string
	// EventTypes are what it is told; all when empty.
	EventTypes  []string
	Description string
	// DisabledReason says why nothing is sent; empty when the endpoint is enabled.
	DisabledReason string
	CreatedAt      time.Time
	// PreviousUntil is until when the secret before the last rotation signs, too.
	PreviousUntil *time.Time
}

// Enabled says whether events are sent.
func (e Endpoint) Enabled() bool { return e.DisabledReason == "" }

// CheckURL says what is wrong with an endpoint's URL as far as that shows before a connection is made.
func CheckURL(text string, allowPrivate bool) error {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Hostname() == "" || parsed.Opaque != "" {
		return errors.New("is no URL with a host")
	}
	if parsed.User != nil || parsed.Fragment != "" {
		return errors.New("must have neither credentials nor a fragment")
	}
	if allowPrivate && parsed.Scheme == "http" {
		return nil
	}
	if parsed.Scheme != "https" {
		return errors.New("must be https")
	}
	if address, err := netip.ParseAddr(parsed.Hostname()); err == nil && !allowPrivate && !isPublic(address) {
		return ErrForbiddenAddress
	}
	return nil
}

// Store keeps endpoints and deliveries in Postgres, and secrets sealed by a vault.
type Store struct {
	pool   *pgxpool.Pool
	vault  *vault.Vault
	policy Policy
}

// NewStore makes a Store on a database that was migrated.
func NewStore(pool *pgxpool.Pool, keys *vault.Vault, policy Policy) *Store {
	return &Store{pool: pool, vault: keys, policy: policy}
}

const endpointColumns = `endpoint_id, tenant, url, event_types, description, disabled_reason, created_at, previous_until`

func scanEndpoint(row pgx.CollectableRow) (Endpoint, error) {
	var e Endpoint
	err := row.Scan(&e.ID, &e.Tenant, &e.URL, &e.EventTypes, &e.Description, &e.DisabledReason, &e.CreatedAt, &e.PreviousUntil)
	e.CreatedAt = e.CreatedAt.UTC()
	return e, err
}

// Create makes an endpoint and gives its secret. The same request under the same id gives the endpoint that there is.
//
// Errors: [ErrKeyReused], [ErrTooMany].
func (s *Store) Create(ctx context.Context, e Endpoint, requestHash []byte) (Endpoint, string, error) {
	const insert = `
		INSERT INTO webhook_endpoints (endpoint_id, tenant, url, event_types, description, secret, request_hash)
		SELECT $1, $2, $3, $4, $5, $6, $7
		WHERE (SELECT count(*) FROM webhook_endpoints WHERE tenant = $2 AND endpoint_id <> $1) < $8
		ON CONFLICT (endpoint_id) DO NOTHING`
	sealed, err := s.newSecret(ctx, e)
	if err != nil {
		return Endpoint{}, "", err
	}
	_, err = s.pool.Exec(ctx, insert, e.ID, e.Tenant, e.URL, e.EventTypes, e.Description, sealed, requestHash, maxEndpoints)
	if err != nil {
		return Endpoint{}, "", fmt.Errorf("store endpoint %s: %w", e.ID, err)
	}
	var known []byte
	err = s.pool.QueryRow(ctx, `SELECT request_hash FROM webhook_endpoints WHERE endpoint_id = $1`, e.ID).Scan(&known)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Endpoint{}, "", ErrTooMany
	case err != nil:
		return Endpoint{}, "", fmt.Errorf("store endpoint %s: %w", e.ID, err)
	case !bytes.Equal(known, requestHash):
		return Endpoint{}, "", ErrKeyReused
	}
	return s.withSecret(ctx, e.Tenant, e.ID)
}

// Get reads a tenant's endpoint; any tenant's when that is empty. Errors: [ErrNotFound].
func (s *Store) Get(ctx context.Context, tenant, id string) (Endpoint, error) {
	const query = `SELECT ` + endpointColumns + ` FROM webhook_endpoints WHERE endpoint_id = $1 AND ($2 = '' OR tenant = $2)`
	return s.one(ctx, query, id, tenant)
}

func (s *Store) one(ctx context.Context, query string, args ...any) (Endpoint, error) {
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return Endpoint{}, fmt.Errorf("read a webhook endpoint: %w", err)
	}
	e, err := pgx.CollectExactlyOneRow(rows, scanEndpoint)
	if errors.Is(err, pgx.ErrNoRows) {
		return Endpoint{}, ErrNotFound
	}
	if err != nil {
		return Endpoint{}, fmt.Errorf("read a webhook endpoint: %w", err)
	}
	return e, nil
}

// List lists a tenant's endpoints, the oldest first; all tenants' when that is empty.
func (s *Store) List(ctx context.Context, tenant string) ([]Endpoint, error) {
	const query = `
		SELECT ` + endpointColumns + ` FROM webhook_endpoints WHERE $1 = '' OR tenant = $1 ORDER BY created_at, endpoint_id`
	rows, err := s.pool.Query(ctx, query, tenant)
	if err != nil {
		return nil, fmt.Errorf("list webhook endpoints: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanEndpoint)
	if err != nil {
		return nil, fmt.Errorf("list webhook endpoints: %w", err)
	}
	return all, nil
}

// Delete removes an endpoint and its deliveries; its secrets can be read no more, not even in backups. Errors: [ErrNotFound].
func (s *Store) Delete(ctx context.Context, tenant, id string) error {
	deleted, err := s.pool.Exec(ctx, `DELETE FROM webhook_endpoints WHERE endpoint_id = $1 AND tenant = $2`, id, tenant)
	if err != nil {
		return fmt.Errorf("delete endpoint %s: %w", id, err)
	}
	if deleted.RowsAffected() == 0 {
		return ErrNotFound
	}
	_, err = s.vault.Erase(ctx, secretOwner(tenant, id))
	return err
}

// Enable lets an endpoint that was disabled be told again, of what was pending first. Errors: [ErrNotFound].
func (s *Store) Enable(ctx context.Context, tenant, id string) (Endpoint, error) {
	const query = `
		UPDATE webhook_endpoints SET disabled_reason = '' WHERE endpoint_id = $1 AND tenant = $2 RETURNING ` + endpointColumns
	return s.one(ctx, query, id, tenant)
}

func (s *Store) disable(ctx context.Context, id, reason string) error {
	const query = `UPDATE webhook_endpoints SET disabled_reason = $2 WHERE endpoint_id = $1 AND disabled_reason = ''`
	if _, err := s.pool.Exec(ctx, query, id, reason); err != nil {
		return fmt.Errorf("disable endpoint %s: %w", id, err)
	}
	return nil
}
