package projection

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

// MaxLagEvents is how far a lag is counted; a longer one is told as this.
const MaxLagEvents = 100_000

// The states of a projection.
const (
	Running = "running"
	// Parked runs, too, but some orders are left out: events of theirs could not be applied.
	Parked = "parked"
	// Paused was told to stop until it is told to go on.
	Paused = "paused"
	// Stopped has no runner: none has been seen for ten seconds.
	Stopped = "stopped"
	// Rebuilding runs, too, while its next generation is built beside it.
	Rebuilding = "rebuilding"
	// Failed has a runner that ended with an error, and none since.
	Failed = "failed"
)

// Status is how a shard of a projection does.
type Status struct {
	Name     string              `json:"name"`
	Shard    int                 `json:"shard"`
	Version  int                 `json:"version"`
	Position eventstore.Position `json:"position"`
	State    string              `json:"state"`
	// LagEvents is how many committed events are not applied yet, counted up to [MaxLagEvents]; LagSeconds is how old
	// the oldest of them is.
	LagEvents  int     `json:"lag_events"`
	LagSeconds float64 `json:"lag_seconds"`
	// Held is how many of them the feed holds back, because of the transaction that HeldBy describes.
	Held   int    `json:"held,omitempty"`
	HeldBy string `json:"held_by,omitempty"`
	// ParkedEvents and ParkedOrders count the dead letters.
	ParkedEvents int `json:"parked_events,omitempty"`
	ParkedOrders int `json:"parked_orders,omitempty"`
	// Error is why the last runner ended, when that was an error.
	Error string `json:"error,omitempty"`
	// Progress is how much of a rebuild is done, between 0 and 1; 1 when none is under way. RebuildVersion is the version of the
	// projection that it is for.
	Progress       float64 `json:"progress"`
	RebuildVersion int     `json:"rebuild_version,omitempty"`
	// SeenAt is when a runner was last seen; the zero time when none runs.
	SeenAt time.Time `json:"seen_at,omitzero"`
}

// Statuses tells how all projections do that were ever started, by name and shard.
func Statuses(ctx context.Context, pool *pgxpool.Pool, store *eventstore.Store) ([]Status, error) {
	const query = `
		SELECT p.name, p.shard, p.version, p.checkpoint_tx, p.checkpoint_position, p.error,
			coalesce(p.seen_at, '-infinity') > clock_timestamp() - interval '10 seconds' AS alive, p.seen_at, p.paused,
			dead.events, dead.orders, coalesce(next.version, 0), coalesce(next.progress, 1)
		FROM projections p
		CROSS JOIN LATERAL (SELECT count(*)::int AS events, count(DISTINCT order_id)::int AS orders
			FROM projection_dead_letters d WHERE d.name = p.name AND d.shard = p.shard) dead
		LEFT JOIN LATERAL (
			SELECT r.version, coalesce(
				(n.checkpoint_position + (CASE WHEN r.archive THEN archive.done ELSE archive.events END))::float8
					/ nullif(archive.events + (SELECT position FROM order_events ORDER BY tx DESC, position DESC LIMIT 1), 0), 0) AS progress
			FROM projection_rebuilds r
			JOIN projections n ON n.name = r.name || '~next'
			CROSS JOIN LATERAL (
				SELECT coalesce(sum(version), 0) AS events, coalesce(sum(version) FILTER (WHERE order_id <= n.archived_order), 0) AS done
				FROM archived_streams) archive
			WHERE r.name = p.name) next ON true
		WHERE p.name NOT LIKE '%~next'
		ORDER BY p.name, p.shard`
	rows, err := pool.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read the projections: %w", err)
	}
	statuses, err := pgx.CollectRows(rows, scanStatus)
	if err != nil {
		return nil, fmt.Errorf("read the projections: %w", err)
	}
	head, err := store.FeedHead(ctx)
	if err != nil {
		return nil, err
	}
	for i := range statuses {
		status := &statuses[i]
		if status.LagEvents, status.LagSeconds, err = measureLag(ctx, pool, status.Position); err != nil {
			return nil, err
		}
		status.Held, status.HeldBy = head.Held, head.HeldBy
	}
	return statuses, nil
}

func scanStatus(row pgx.CollectableRow) (Status, error) {
	var s Status
	var alive, paused bool
	var seen *time.Time
	err := row.Scan(&s.Name, &s.Shard, &s.Version, &s.Position.Tx, &s.Position.Seq, &s.Error, &alive, &seen, &paused,
		&s.ParkedEvents, &s.ParkedOrders, &s.RebuildVersion, &s.Progress)
	if seen != nil {
		s.SeenAt = seen.UTC()
	}
	switch {
	case s.RebuildVersion > 0:
		s.State = Rebuilding
	case s.Error != "":
		s.State = Failed
	case paused && !alive:
		s.State = Paused
	case !alive:
		s.State = Stopped
	case s.ParkedEvents > 0:
		s.State = Parked
	default:
		s.State = Running
	}
	return s, err
}

// measureLag counts what is ahead of a position, committed but held back or not.
func measureLag(ctx context.Context, pool *pgxpool.Pool, position eventstore.Position) (events int, seconds float64, err error) {
	const query = `
		SELECT
			(SELECT count(*)::int FROM (
				SELECT FROM order_events WHERE (tx, position) > ($1::xid8, $2::bigint) LIMIT $3) ahead),
			coalesce((SELECT greatest(extract(epoch FROM clock_timestamp() - created_at), 0)::float8 FROM order_events
				WHERE (tx, position) > ($1::xid8, $2::bigint) ORDER BY tx, position LIMIT 1), 0)`
	if err := pool.QueryRow(ctx, query, position.Tx, position.Seq, MaxLagEvents).Scan(&events, &seconds); err != nil {
		return 0, 0, fmt.Errorf("measure the lag: %w", err)
	}
	return events, seconds, nil
}
