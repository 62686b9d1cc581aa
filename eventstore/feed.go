package eventstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ReadFeed reads up to limit events of all streams after a position. It sees every committed event exactly once, each
// stream in the order of its versions. What a running transaction may still write lies ahead of what is read: a long
// one delays the feed and never makes it skip.
func (s *Store) ReadFeed(ctx context.Context, after Position, limit int) ([]Event, error) {
	const query = `
		SELECT ` + columns + `
		FROM order_events
		WHERE (tx, position) > ($1::xid8, $2) AND tx < pg_snapshot_xmin(pg_current_snapshot())
		ORDER BY tx, position
		LIMIT $3`
	return s.query(ctx, query, after.Tx, after.Seq, limit)
}

// FeedHead is how far the feed can be read now, and what holds it up.
type FeedHead struct {
	// Last is the last event that can be read.
	Last Position
	// Held is the number of committed events that cannot be read yet.
	Held int
	// HeldBy describes the oldest writing transaction, when events are held; HeldSince is when it began.
	HeldBy    string
	HeldSince time.Time
}

// FeedHead says how far the feed can be read now.
func (s *Store) FeedHead(ctx context.Context) (FeedHead, error) {
	const query = `
		WITH horizon AS (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS edge)
		SELECT coalesce(last.tx, '0'::xid8), coalesce(last.position, 0), held.n,
			coalesce(by.who, ''), coalesce(by.since, now())
		FROM horizon
		LEFT JOIN LATERAL (SELECT tx, position FROM order_events WHERE tx < edge ORDER BY tx DESC, position DESC LIMIT 1) last ON true
		LEFT JOIN LATERAL (SELECT count(*)::int AS n FROM order_events WHERE tx >= edge) held ON true
		LEFT JOIN LATERAL (
			SELECT format('process %s (%s, database %s)', pid, application_name, datname) AS who, xact_start AS since
			FROM pg_stat_activity WHERE backend_xid IS NOT NULL ORDER BY age(backend_xid) DESC LIMIT 1) by ON held.n > 0`
	var h FeedHead
	err := s.pool.QueryRow(ctx, query).Scan(&h.Last.Tx, &h.Last.Seq, &h.Held, &h.HeldBy, &h.HeldSince)
	if err != nil {
		return FeedHead{}, fmt.Errorf("read the head of the feed: %w", err)
	}
	return h, nil
}

// ErrForeignCluster is returned by CheckCluster for a database whose events come from another Postgres cluster.
var ErrForeignCluster = errors.New("the events carry transaction ids of another Postgres cluster " +
	"(a dump was restored here?): the feed would wait for ever")

// CheckCluster refuses a database whose newest event is of a transaction that this cluster has not reached.
func (s *Store) CheckCluster(ctx context.Context) error {
	const query = `
		SELECT tx >= pg_snapshot_xmax(pg_current_snapshot())
		FROM order_events ORDER BY tx DESC, position DESC LIMIT 1`
	var future bool
	err := s.pool.QueryRow(ctx, query).Scan(&future)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("check the cluster: %w", err)
	case future:
		return ErrForeignCluster
	default:
		return nil
	}
}
