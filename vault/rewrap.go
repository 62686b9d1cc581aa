package vault

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// rewrapPage is how many keys are wrapped anew in one transaction.
const rewrapPage = 500

// Rewrap wraps all keys with the current master key that are wrapped by another one, and returns how many those were.
// What was sealed stays as it is. It can be stopped at any time, and run while data is sealed and opened.
func (v *Vault) Rewrap(ctx context.Context) (int, error) {
	if v.masters.Empty() {
		return 0, errors.New("rewrap: there is no master key")
	}
	for total := 0; ; {
		var n int
		err := pgx.BeginFunc(ctx, v.pool, func(tx pgx.Tx) (err error) {
			n, err = v.rewrapSome(ctx, tx)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("rewrap: %w", err)
		}
		if n == 0 {
			return total, nil
		}
		total += n
	}
}

func (v *Vault) rewrapSome(ctx context.Context, tx pgx.Tx) (int, error) {
	const query = `
		SELECT tenant, customer_id, key_id, wrapped, master_key FROM customer_keys
		WHERE master_key <> $1 LIMIT $2 FOR UPDATE SKIP LOCKED`
	const update = `
		UPDATE customer_keys k SET wrapped = new.wrapped, master_key = $1
		FROM unnest($2::text[], $3::text[], $4::uuid[], $5::bytea[]) AS new (tenant, customer_id, key_id, wrapped)
		WHERE k.tenant = new.tenant AND k.customer_id = new.customer_id AND k.key_id = new.key_id`
	current := v.masters.Current()
	rows, err := tx.Query(ctx, query, current, rewrapPage)
	if err != nil {
		return 0, err
	}
	var tenants, customers []string
	var ids []uuid.UUID
	var wrapped [][]byte
	var owner Owner
	var k wrappedKey
	_, err = pgx.ForEachRow(rows, []any{&owner.Tenant, &owner.CustomerID, &k.id, &k.wrapped, &k.master}, func() error {
		secret, err := v.unwrapSecret(owner, k)
		tenants, customers, ids = append(tenants, owner.Tenant), append(customers, owner.CustomerID), append(ids, k.id)
		wrapped = append(wrapped, v.masters.Seal(secret, owner.bind(k.id.String())))
		return err
	})
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, update, current, tenants, customers, ids, wrapped)
	return len(ids), err
}
