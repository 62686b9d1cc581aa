package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// AppRole is the role of the services. It may append events and never change them; who migrates is another role, which
// owns the tables.
const AppRole = "orderly_app"

// ErrMayRewrite is returned by [CheckRole] for a session that could change the past.
var ErrMayRewrite = errors.New("the database role of this process could change events")

// CheckRole refuses a session that could change or delete events, or take the triggers away that forbid it.
func CheckRole(ctx context.Context, pool *pgxpool.Pool) error {
	const query = `
		SELECT current_user,
			has_table_privilege('order_events', 'UPDATE, DELETE, TRUNCATE, TRIGGER')
			OR pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = 'order_events'::regclass), 'MEMBER')`
	var role string
	var may bool
	if err := pool.QueryRow(ctx, query).Scan(&role, &may); err != nil {
		return fmt.Errorf("check the database role: %w", err)
	}
	if may {
		return fmt.Errorf("%w: connect as a member of %s that does not own the tables (this is %s)", ErrMayRewrite, AppRole, role)
	}
	return nil
}
