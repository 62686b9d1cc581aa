package bulk

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Store keeps operations in Postgres.
type Store struct{ pool *pgxpool.Pool }

// NewStore makes a Store on a database that was migrated.
func NewStore(pool *pgxpool.Pool) *Store { return &Store{pool} }

// Begin writes an operation down with everything that matches now. The same request under the same id gives the
// operation that there is; began is false then.
//
// Errors: [ErrKeyReused].
func (s *Store) Begin(ctx context.Context, o Operation, requestHash []byte) (begun Operation, began bool, err error) {
	const insert = `
		INSERT INTO bulk_operations (bulk_id, tenant, request_hash, command, filter, carrier, warehouse, reason, dry_run, rate, actor, state, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, CASE WHEN $9 THEN now() END)
		ON CONFLICT (bulk_id) DO NOTHING`
	state := Running
	if o.DryRun {
		state = Completed
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		inserted, err := tx.Exec(ctx, insert, o.ID, o.Tenant, requestHash, o.Command, o.Filter, o.Carrier, o.Warehouse, o.Reason, o.DryRun, o.Rate, o.Actor, state)
		began = err == nil && inserted.RowsAffected() > 0
		if !began {
			return err
		}
		return match(ctx, tx, o)
	})
	if err != nil {
		return Operation{}, false, fmt.Errorf("begin a bulk operation: %w", err)
	}
	var known []byte
	if err := s.pool.QueryRow(ctx, `SELECT request_hash FROM bulk_operations WHERE bulk_id = $1`, o.ID).Scan(&known); err != nil {
		return Operation{}, false, fmt.Errorf("begin a bulk operation: %w", err)
	}
	if !bytes.Equal(known, requestHash) {
		return Operation{}, false, ErrKeyReused
	}
	begun, err = s.Get(ctx, o.Tenant, o.ID)
	return begun, began, err
}

// match writes the targets down: parked steps that admit the command, or orders that can be cancelled.
func match(ctx context.Context, tx pgx.Tx, o Operation) error {
	const matching = `
			AND ($4 = '' OR a.step = $4) AND ($5 = '' OR a.code = $5) AND ($6 = '' OR a.carrier = $6)
			AND ($7 = '' OR v.status = $7) AND ($8 = '' OR v.customer_id = $8) AND ($9::text[] IS NULL OR v.order_id = ANY ($9))`
	const steps = `
		INSERT INTO bulk_targets (bulk_id, order_id, attention_id, shipment_id)
		SELECT $1, a.order_id, a.attention_id, a.shipment_id
		FROM attention_queue a JOIN order_views v USING (order_id)
		WHERE a.tenant = $2 AND $3 = ANY (a.allowed) AND ($3 <> 'reroute' OR a.shipment_id <> '')` + matching
	const orders = `
		INSERT INTO bulk_targets (bulk_id, order_id, attention_id, shipment_id)
		SELECT DISTINCT $1, v.order_id, '', ''
		FROM order_views v LEFT JOIN attention_queue a USING (order_id)
		WHERE v.tenant = $2 AND $3 = 'cancel' AND v.status IN ('created', 'paid')` + matching
	query := steps
	if o.Command == Cancel {
		query = orders
	}
	f := o.Filter
	_, err := tx.Exec(ctx, query, o.ID, o.Tenant, o.Command, f.Step, f.Code, f.Carrier, f.Status, f.CustomerID, f.OrderIDs)
	return err
}

const operationColumns = `bulk_id, tenant, command, filter, carrier, warehouse, reason, dry_run, rate, actor, state, started_at, ended_at,
	(SELECT count(*) FROM bulk_targets t WHERE t.bulk_id = o.bulk_id),
	(SELECT count(*) FROM bulk_targets t WHERE t.bulk_id = o.bulk_id AND t.status = 'pending'),
	(SELECT count(*) FROM bulk_targets t WHERE t.bulk_id = o.bulk_id AND t.status = 'done'),
	(SELECT count(*) FROM bulk_targets t WHERE t.bulk_id = o.bulk_id AND t.status = 'refused'),
	(SELECT count(*) FROM bulk_targets t WHERE t.bulk_id = o.bulk_id AND t.status = 'failed')`

func scanOperation(row pgx.Row) (Operation, error) {
	var o Operation
	err := row.Scan(&o.ID, &o.Tenant, &o.Command, &o.Filter, &o.Carrier, &o.Warehouse, &o.Reason, &o.DryRun, &o.Rate, &o.Actor, &o.State,
		&o.StartedAt, &o.EndedAt, &o.Counts.Total, &o.Counts.Pending, &o.Counts.Done, &o.Counts.Refused, &o.Counts.Failed)
	if errors.Is(err, pgx.ErrNoRows) {
		return Operation{}, ErrNotFound
	}
	if err != nil {
		return Operation{}, fmt.Errorf("read a bulk operation: %w", err)
	}
	o.StartedAt = o.StartedAt.UTC()
	return o, nil
}

// Get reads an operation of a tenant's; of any tenant's when that is empty. Errors: [ErrNotFound].
func (s *Store) Get(ctx context.Context, tenant, id string) (Operation, error) {
	return scanOperation(s.pool.QueryRow(ctx, `SELECT `+operationColumns+` FROM bulk_operations o WHERE bulk_id = $1 AND ($2 = '' OR tenant = $2)`, id, tenant))
}

// Change takes an operation from running or suspended to another state; to the one it is in is no change.
//
// Errors: [ErrNotFound], [ErrOver].
func (s *Store) Change(ctx context.Context, tenant, id string, to State) (Operation, error) {
	const query = `
		UPDATE bulk_operations SET state = $3, ended_at = CASE WHEN $3 IN ('cancelled', 'completed') THEN now() END
		WHERE bulk_id = $1 AND ($2 = '' OR tenant = $2) AND state IN ('running', 'suspended')`
	changed, err := s.pool.Exec(ctx, query, id, tenant, to)
	if err != nil {
		return Operation{}, fmt.Errorf("change a bulk operation: %w", err)
	}
	o, err := s.Get(ctx, tenant, id)
	if err == nil && changed.RowsAffected() == 0 && o.State != to {
		return o, ErrOver
	}
	return o, err
}

// Targets lists targets after an order and its attention, at most limit of them; all of them, or those of one status.
func (s *Store) Targets(ctx context.Context, id, status, afterOrder, afterAttention string, limit int) ([]Target, error) {
	const query = `
		SELECT order_id, attention_id, shipment_id, status, version, detail FROM bulk_targets
		WHERE bulk_id = $1 AND ($2 = '' OR status = $2) AND (order_id, attention_id) > ($3, $4)
		ORDER BY order_id, attention_id LIMIT $5`
	return collect(s.pool.Query(ctx, query, id, status, afterOrder, afterAttention, limit))
}

// Due lists the targets that are to get their command now, at most limit of them: those first that were not tried yet.
func (s *Store) Due(ctx context.Context, id string, limit int) ([]Target, error) {
	const query = `
		SELECT order_id, attention_id, shipment_id, status, version, detail FROM bulk_targets
		WHERE bulk_id = $1 AND status = 'pending' AND try_at <= now()
		ORDER BY try_at, order_id, attention_id LIMIT $2`
	return collect(s.pool.Query(ctx, query, id, limit))
}

func collect(rows pgx.Rows, err error) ([]Target, error) {
	if err != nil {
		return nil, fmt.Errorf("list the targets of a bulk operation: %w", err)
	}
	targets, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t Target, err error) {
		err = row.Scan(&t.OrderID, &t.AttentionID, &t.ShipmentID, &t.Status, &t.Version, &t.Detail)
		return t, err
	})
	if err != nil {
		return nil, fmt.Errorf("list the targets of a bulk operation: %w", err)
	}
	return targets, nil
}

// Record writes down what became of a target.
func (s *Store) Record(ctx context.Context, id string, t Target) error {
	const query = `UPDATE bulk_targets SET status = $4, version = $5, detail = $6 WHERE bulk_id = $1 AND order_id = $2 AND attention_id = $3`
	if _, err := s.pool.Exec(ctx, query, id, t.OrderID, t.AttentionID, t.Status, t.Version, t.Detail); err != nil {
		return fmt.Errorf("record the result of a bulk operation: %w", err)
	}
	return nil
}

// Postpone writes down why a target was not reached. It is due again after a pause, or has failed when that were [Tries] times.
func (s *Store) Postpone(ctx context.Context, id string, t Target, why string) error {
	const query = `
		UPDATE bulk_targets SET detail = $4, tries = tries + 1, try_at = now() + interval '1 second' * power(2, tries),
			status = CASE WHEN tries + 1 >= $5 THEN 'failed' ELSE 'pending' END
		WHERE bulk_id = $1 AND order_id = $2 AND attention_id = $3`
	if _, err := s.pool.Exec(ctx, query, id, t.OrderID, t.AttentionID, why, Tries); err != nil {
		return fmt.Errorf("postpone a target of a bulk operation: %w", err)
	}
	return nil
}
