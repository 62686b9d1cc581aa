package webhooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Delivery is an event on its way to an endpoint.
type Delivery struct {
	// Number orders the deliveries of an endpoint by when they were queued.
	Number int64
	// ID is the header webhook-id: the same for every attempt, and another one at every endpoint.
	ID        string
	OrderID   string
	Version   int
	EventType string
	// Status is pending, delivered or dead.
	Status    string
	Attempts  int
	NextTryAt time.Time
	QueuedAt  time.Time
	EndedAt   *time.Time
	// HTTPStatus is that of the last answer, 0 when there was none; Detail says what was wrong with it.
	HTTPStatus int
	Detail     string
}

const deliveryColumns = `n, delivery_id, order_id, version, event_type, status, attempts, next_try_at, queued_at, ended_at, http_status, detail`

func scanDelivery(row pgx.CollectableRow) (d Delivery, err error) {
	err = row.Scan(&d.Number, &d.ID, &d.OrderID, &d.Version, &d.EventType, &d.Status, &d.Attempts, &d.NextTryAt, &d.QueuedAt, &d.EndedAt, &d.HTTPStatus, &d.Detail)
	return d, err
}

// Deliveries lists an endpoint's deliveries, the latest first: at most limit of them, before a number unless that is 0, of
// one status unless that is empty.
func (s *Store) Deliveries(ctx context.Context, endpointID, status string, before int64, limit int) ([]Delivery, error) {
	const query = `
		SELECT ` + deliveryColumns + ` FROM webhook_deliveries
		WHERE endpoint_id = $1 AND ($2 = '' OR status = $2) AND ($3 = 0 OR n < $3)
		ORDER BY n DESC LIMIT $4`
	rows, err := s.pool.Query(ctx, query, endpointID, status, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	all, err := pgx.CollectRows(rows, scanDelivery)
	if err != nil {
		return nil, fmt.Errorf("list deliveries: %w", err)
	}
	return all, nil
}

// Replay has an event delivered once more, whatever became of it; one that is pending is due at once. Later events of its
// order wait for it. Errors: [ErrNotFound].
func (s *Store) Replay(ctx context.Context, endpointID, deliveryID string) (Delivery, error) {
	const query = `
		UPDATE webhook_deliveries SET status = 'pending', attempts = CASE status WHEN 'pending' THEN attempts ELSE 0 END,
			next_try_at = now(), queued_at = now(), ended_at = NULL
		WHERE endpoint_id = $1 AND delivery_id = $2
		RETURNING ` + deliveryColumns
	rows, err := s.pool.Query(ctx, query, endpointID, deliveryID)
	if err != nil {
		return Delivery{}, fmt.Errorf("replay %s: %w", deliveryID, err)
	}
	replayed, err := pgx.CollectExactlyOneRow(rows, scanDelivery)
	if errors.Is(err, pgx.ErrNoRows) {
		return Delivery{}, ErrNotFound
	}
	if err != nil {
		return Delivery{}, fmt.Errorf("replay %s: %w", deliveryID, err)
	}
	return replayed, nil
}

// take takes deliveries that are due, of each order only the oldest that is pending, for the policy's lease.
func (s *Store) take(ctx context.Context, endpointID string, limit int) ([]Delivery, error) {
	const query = `
		WITH due AS (
			SELECT order_id, version FROM webhook_deliveries d
			WHERE endpoint_id = $1 AND status = 'pending' AND next_try_at <= now() AND NOT EXISTS (
				SELECT FROM webhook_deliveries earlier
				WHERE earlier.endpoint_id = $1 AND earlier.order_id = d.order_id AND earlier.version < d.version AND earlier.status = 'pending')
			ORDER BY next_try_at LIMIT $2
			FOR UPDATE SKIP LOCKED)
		UPDATE webhook_deliveries d SET attempts = attempts + 1, next_try_at = now() + $3::interval
		FROM due WHERE d.endpoint_id = $1 AND d.order_id = due.order_id AND d.version = due.version AND d.next_try_at <= now()
		RETURNING d.n, d.delivery_id, d.order_id, d.version, d.event_type, d.status, d.attempts, d.next_try_at, d.queued_at, d.ended_at, d.http_status, d.detail`
	rows, err := s.pool.Query(ctx, query, endpointID, limit, s.policy.lease())
	if err != nil {
		return nil, fmt.Errorf("take deliveries: %w", err)
	}
	taken, err := pgx.CollectRows(rows, scanDelivery)
	if err != nil {
		return nil, fmt.Errorf("take deliveries: %w", err)
	}
	return taken, nil
}

// record writes down how an attempt ended, and when the next one is. Whoever took the delivery since, after the lease, is not
// disturbed.
func (s *Store) record(ctx context.Context, endpointID string, d Delivery, o outcome) error {
	const query = `
		UPDATE webhook_deliveries
		SET status = $5, next_try_at = now() + $6::interval, http_status = $7, detail = $8, ended_at = CASE WHEN $5 <> 'pending' THEN now() END
		WHERE endpoint_id = $1 AND order_id = $2 AND version = $3 AND attempts = $4 AND status = 'pending'`
	status, pause := "pending", time.Duration(0)
	switch {
	case o.delivered():
		status = "delivered"
	case time.Since(d.QueuedAt) >= s.policy.GiveUpAfter:
		status = "dead"
	default:
		pause = s.policy.pause(d.Attempts, o.retryAfter)
	}
	_, err := s.pool.Exec(ctx, query, endpointID, d.OrderID, d.Version, d.Attempts, status, pause, o.status, o.detail)
	if err != nil {
		return fmt.Errorf("record the delivery %s: %w", d.ID, err)
	}
	return nil
}

// forget deletes what was delivered long ago.
func (s *Store) forget(ctx context.Context, endpointID string) error {
	const query = `DELETE FROM webhook_deliveries WHERE endpoint_id = $1 AND status = 'delivered' AND ended_at < now() - $2::interval`
	if _, err := s.pool.Exec(ctx, query, endpointID, s.policy.Keep); err != nil {
		return fmt.Errorf("forget old deliveries: %w", err)
	}
	return nil
}
