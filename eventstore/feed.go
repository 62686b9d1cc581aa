package eventstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// ReadFeed reads up to limit events of all streams after a position. It sees every committed event exactly once, each
// stream in the order of its versions. What a running transaction may still write lies ahead of what is read: a long
// one delays the feed and never makes it skip.
func (s *Store) ReadFeed(ctx context.Context, after Position, limit int) ([]Event, error) {
	const query = `SELECT ` + columns + fromFeed
	return s.query(ctx, query+strconv.Itoa(limit), after.Tx, after.Seq)
}

// fromFeed is what follows a position, $1 and $2, as far as no running transaction can add to it. The limit is part of the text: of
// one that it does not know Postgres thinks that it is large, and makes a plan each time.
const fromFeed = `
		FROM order_events
		WHERE (tx, position) > ($1::xid8, $2) AND tx < pg_snapshot_xmin(pg_current_snapshot())
		ORDER BY tx, position
		LIMIT `

// FeedHead is how far the feed can be read now, and what holds it up.
type FeedHead struct {
	// Last is the last event that can be read.
	Last Position
	// Held is the number of committed events that cannot be read yet; HeldFrom is the first of them.
	Held     int
	HeldFrom Position
	// HeldBy describes the oldest writing transaction, when events are held: process, application and database, or the
	// name of a prepared transaction. HeldSince is when it began. Both are zero when it has just ended, or is of
	// another role while ours is no member of pg_read_all_stats.
	HeldBy    string
	HeldSince time.Time
}

// HeldFor is how long events have been held back at a moment; 0 when none are, or nobody can tell.
func (h FeedHead) HeldFor(now time.Time) time.Duration {
	if h.Held == 0 || h.HeldSince.IsZero() {
		return 0
	}
	return max(now.Sub(h.HeldSince), 0)
}

// FeedHead says how far the feed can be read now. Any writing transaction of the Postgres cluster can hold it, in
// whatever database.
func (s *Store) FeedHead(ctx context.Context) (FeedHead, error) {
	const query = `
		WITH horizon AS (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS edge)
		SELECT coalesce(last.tx, '0'::xid8), coalesce(last.position, 0),
			held.n, coalesce(first.tx, '0'::xid8), coalesce(first.position, 0), coalesce(holder.who, ''), holder.since
		FROM horizon
		LEFT JOIN LATERAL (
			SELECT tx, position FROM order_events WHERE tx < edge ORDER BY tx DESC, position DESC LIMIT 1) last ON true
		LEFT JOIN LATERAL (
			SELECT tx, position FROM order_events WHERE tx >= edge ORDER BY tx, position LIMIT 1) first ON true
		LEFT JOIN LATERAL (SELECT count(*)::int AS n FROM order_events WHERE tx >= edge) held ON true
		LEFT JOIN LATERAL (
			SELECT who, since
			FROM (
				SELECT format('process %s (%s, database %s)', pid, application_name, datname), xact_start, backend_xid
				FROM pg_stat_activity WHERE backend_xid IS NOT NULL
				UNION ALL
				SELECT format('prepared transaction %s (database %s)', gid, database), prepared, transaction
				FROM pg_prepared_xacts
			) AS writer (who, since, xid)
			ORDER BY age(xid) DESC LIMIT 1) holder ON held.n > 0`
	var h FeedHead
	var since *time.Time
	err := s.pool.QueryRow(ctx, query).
		Scan(&h.Last.Tx, &h.Last.Seq, &h.Held, &h.HeldFrom.Tx, &h.HeldFrom.Seq, &h.HeldBy, &since)
	if err != nil {
		return FeedHead{}, fmt.Errorf("read the head of the feed: %w", err)
	}
	if since != nil {
		h.HeldSince = since.UTC()
	}
	return h, nil
}

// ErrForeignCluster is returned by CheckCluster for a database whose events come from another Postgres cluster.
var ErrForeignCluster = errors.New("the events carry transaction ids of another Postgres cluster " +
	"(a dump was restored here?): the feed would wait for ever; stop the services and run `orderly doctor --repair`")

// CheckCluster refuses a database whose newest event is of a transaction that this cluster has not reached. [Store.Rebase]
// repairs it.
func (s *Store) CheckCluster(ctx context.Context) error {
	foreign, err := foreignEvents(ctx, s.pool)
	if err != nil {
		return fmt.Errorf("check the cluster: %w", err)
	}
	if foreign {
		return ErrForeignCluster
	}
	return nil
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

func foreignEvents(ctx context.Context, q querier) (foreign bool, err error) {
	const query = `
		SELECT tx >= pg_snapshot_xmax(pg_current_snapshot())
		FROM order_events ORDER BY tx DESC, position DESC LIMIT 1`
	err = q.QueryRow(ctx, query).Scan(&foreign)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return foreign, err
}
