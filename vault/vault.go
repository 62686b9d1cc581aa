package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/internal/keyset"
)

var (
	// ErrErased is returned for data whose key was erased. It stays unreadable for ever.
	ErrErased = errors.New("the personal data was erased")
	// ErrDamaged is returned for data, or a key, that is not what was sealed.
	ErrDamaged = keyset.ErrDamaged
)

// Owner is whose data it is.
type Owner struct{ Tenant, CustomerID string }

func (o Owner) String() string { return "customer " + o.CustomerID }

// bind makes the associated data that ties a ciphertext to its owner and its purpose.
func (o Owner) bind(purpose string) []byte {
	return []byte(strings.Join([]string{o.Tenant, o.CustomerID, purpose}, "\x00"))
}

// Box is data that was sealed, and the key that it was sealed with.
type Box struct {
	KeyID   string
	Content []byte
}

// Vault seals and opens personal data. It may be used from many goroutines.
type Vault struct {
	pool    *pgxpool.Pool
	masters keyset.Set
}

// New makes a Vault on a database that was migrated. The master keys wrap the keys of customers: the first one wraps, the
// others only unwrap what they wrapped before they were replaced ([Vault.Rewrap] ends the need for them).
func New(pool *pgxpool.Pool, masters keyset.Set) *Vault { return &Vault{pool: pool, masters: masters} }

type wrappedKey struct {
	id      uuid.UUID
	wrapped []byte
	master  string
}

// Seal encrypts data with the key of its owner, who gets one when there is none. The purpose says what the data is for, as
// the id of the order; it is needed to open it. One round trip, and two more for a new owner.
func (v *Vault) Seal(ctx context.Context, owner Owner, purpose string, data []byte) (Box, error) {
	wrapped, found, err := v.read(ctx, owner)
	if err == nil && !found {
		wrapped, err = v.create(ctx, owner)
	}
	if err != nil {
		return Box{}, err
	}
	key, err := v.unwrap(owner, wrapped)
	if err != nil {
		return Box{}, err
	}
	return Box{KeyID: wrapped.id.String(), Content: key.Seal(data, owner.bind(purpose))}, nil
}

// Open decrypts what was sealed for an owner and a purpose: one round trip.
//
// Errors: [ErrErased], [ErrDamaged].
func (v *Vault) Open(ctx context.Context, owner Owner, purpose string, box Box) ([]byte, error) {
	wrapped, found, err := v.read(ctx, owner)
	if err != nil {
		return nil, err
	}
	if !found || wrapped.id.String() != box.KeyID {
		return nil, ErrErased
	}
	key, err := v.unwrap(owner, wrapped)
	if err != nil {
		return nil, err
	}
	data, err := key.Open(box.Content, owner.bind(purpose))
	if err != nil {
		return nil, fmt.Errorf("open data of %s: %w", owner, err)
	}
	return data, nil
}

// Erase deletes the key of an owner, and says whether there was one. Data that is sealed for the owner later gets a new
// key.
func (v *Vault) Erase(ctx context.Context, owner Owner) (bool, error) {
	const query = `DELETE FROM customer_keys WHERE tenant = $1 AND customer_id = $2`
	deleted, err := v.pool.Exec(ctx, query, owner.Tenant, owner.CustomerID)
	if err != nil {
		return false, fmt.Errorf("erase the key of %s: %w", owner, err)
	}
	return deleted.RowsAffected() > 0, nil
}

func (v *Vault) read(ctx context.Context, owner Owner) (k wrappedKey, found bool, err error) {
	const query = `SELECT key_id, wrapped, master_key FROM customer_keys WHERE tenant = $1 AND customer_id = $2`
	err = v.pool.QueryRow(ctx, query, owner.Tenant, owner.CustomerID).Scan(&k.id, &k.wrapped, &k.master)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return wrappedKey{}, false, nil
	case err != nil:
		return wrappedKey{}, false, fmt.Errorf("read the key of %s: %w", owner, err)
	default:
		return k, true, nil
	}
}

// create makes a key for an owner; when somebody else made one in the meantime, it is that.
func (v *Vault) create(ctx context.Context, owner Owner) (wrappedKey, error) {
	const query = `
		INSERT INTO customer_keys (tenant, customer_id, key_id, wrapped, master_key) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT DO NOTHING`
	if v.masters.Empty() {
		return wrappedKey{}, errors.New("there is no master key to wrap the keys of customers with")
	}
	id := uuid.New()
	wrapped := v.masters.Seal(keyset.Random(), owner.bind(id.String()))
	if _, err := v.pool.Exec(ctx, query, owner.Tenant, owner.CustomerID, id, wrapped, v.masters.Current()); err != nil {
		return wrappedKey{}, fmt.Errorf("keep a key for %s: %w", owner, err)
	}
	k, found, err := v.read(ctx, owner)
	if err == nil && !found {
		err = fmt.Errorf("the key of %s was erased while it was made", owner)
	}
	return k, err
}

func (v *Vault) unwrap(owner Owner, k wrappedKey) (keyset.Key, error) {
	secret, err := v.unwrapSecret(owner, k)
	if err != nil {
		return keyset.Key{}, err
	}
	return keyset.NewKey(secret), nil
}

func (v *Vault) unwrapSecret(owner Owner, k wrappedKey) ([]byte, error) {
	secret, err := v.masters.Open(k.master, k.wrapped, owner.bind(k.id.String()))
	if err != nil {
		return nil, fmt.Errorf("unwrap the key of %s with master key %q: %w", owner, k.master, err)
	}
	return secret, nil
}
