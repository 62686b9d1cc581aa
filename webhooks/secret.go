package webhooks

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"orderly/internal/webhook"
	"orderly/vault"
)

// secretOwner is whose key of the vault's an endpoint's secrets are sealed with: its own. No customer's id has a space.
func secretOwner(tenant, endpointID string) vault.Owner {
	return vault.Owner{Tenant: tenant, CustomerID: "webhook endpoint " + endpointID}
}

// purpose is what a secret is sealed for.
const purpose = "webhook secret"

func (s *Store) newSecret(ctx context.Context, e Endpoint) (vault.Box, error) {
	box, err := s.vault.Seal(ctx, secretOwner(e.Tenant, e.ID), purpose, []byte(webhook.NewSecret()))
	if err != nil {
		return vault.Box{}, fmt.Errorf("seal the secret of endpoint %s: %w", e.ID, err)
	}
	return box, nil
}

// Rotate gives an endpoint another secret. The one before signs, too, for [Policy.Overlap], so that receivers can change
// over. The same rotation again changes nothing and gives the same secret.
//
// Errors: [ErrNotFound].
func (s *Store) Rotate(ctx context.Context, tenant, id, rotation string) (Endpoint, string, error) {
	const rotate = `
		UPDATE webhook_endpoints
		SET previous_secret = secret, previous_until = now() + $4::interval, secret = $5, rotation = $3
		WHERE endpoint_id = $1 AND tenant = $2 AND rotation <> $3`
	e, err := s.Get(ctx, tenant, id)
	if err != nil {
		return Endpoint{}, "", err
	}
	sealed, err := s.newSecret(ctx, e)
	if err != nil {
		return Endpoint{}, "", err
	}
	if _, err := s.pool.Exec(ctx, rotate, id, tenant, rotation, s.policy.Overlap, sealed); err != nil {
		return Endpoint{}, "", fmt.Errorf("rotate the secret of endpoint %s: %w", id, err)
	}
	return s.withSecret(ctx, tenant, id)
}

func (s *Store) withSecret(ctx context.Context, tenant, id string) (Endpoint, string, error) {
	e, err := s.Get(ctx, tenant, id)
	if err != nil {
		return Endpoint{}, "", err
	}
	secrets, err := s.secrets(ctx, e)
	if err != nil {
		return Endpoint{}, "", err
	}
	return e, secrets[0], nil
}

// secrets are those that sign now, the current one first.
func (s *Store) secrets(ctx context.Context, e Endpoint) ([]string, error) {
	const query = `
		SELECT secret, CASE WHEN previous_until > now() THEN previous_secret END FROM webhook_endpoints WHERE endpoint_id = $1`
	var current vault.Box
	var previous *vault.Box
	err := s.pool.QueryRow(ctx, query, e.ID).Scan(&current, &previous)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("read the secrets of endpoint %s: %w", e.ID, err)
	}
	boxes := []vault.Box{current}
	if previous != nil {
		boxes = append(boxes, *previous)
	}
	var secrets []string
	for _, box := range boxes {
		secret, err := s.vault.Open(ctx, secretOwner(e.Tenant, e.ID), purpose, box)
		if err != nil {
			return nil, fmt.Errorf("open the secrets of endpoint %s: %w", e.ID, err)
		}
		secrets = append(secrets, string(secret))
	}
	return secrets, nil
}
