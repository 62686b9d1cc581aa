package eventstore

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// TakeYourTime lifts the bounds on time that a session may have from a transaction that reads everything, or that keeps everybody
// else away.
func TakeYourTime(ctx context.Context, tx pgx.Tx) error {
	const query = `
		SELECT set_config(name, '0', true) FROM pg_settings
		WHERE name IN ('statement_timeout', 'transaction_timeout', 'lock_timeout')`
	_, err := tx.Exec(ctx, query)
	return err
}
