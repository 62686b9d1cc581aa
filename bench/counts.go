package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/readmodel"
)

const (
	// fewChanges is how many changes of status the small history has.
	fewChanges = 100_000
	// countsEach is how many instants are asked for in each round.
	countsEach = 400
	// countTarget is in milliseconds.
	countTarget = 20
	// countedFrom is when the histories begin, countedFor how long they last.
	countedFrom = "2024-01-01T00:00:00Z"
	countedFor  = 2 * 365 * 24 * time.Hour
)

// counts compares counting the orders in each status at an instant over a long history with doing it over a short one.
func (b *projectionBench) counts(ctx context.Context) ([]Row, error) {
	for _, each := range []struct {
		pool    *pgxpool.Pool
		changes int
	}{{b.Pool, fewChanges}, {b.Large, b.Changes}} {
		if err := b.writeChanges(ctx, each.pool, each.changes); err != nil {
			return nil, fmt.Errorf("write %d changes of status: %w", each.changes, err)
		}
	}
	few, many, err := inTurns(b.Rounds,
		func() (float64, error) { return countsP99(ctx, b.Pool) }, func() (float64, error) { return countsP99(ctx, b.Large) })
	if err != nil {
		return nil, fmt.Errorf("count: %w", err)
	}
	name := fmt.Sprintf("counts at an instant over %d changes, p99", b.Changes)
	return []Row{
		newCost(fmt.Sprintf("%s / over %d", name, fewChanges), "ms", 2, many, few),
		newCost(name+" / 20 ms", "ms", 1, many, []float64{countTarget}),
	}, nil
}

// countsP99 is how long it takes to count at random instants, in milliseconds.
func countsP99(ctx context.Context, pool *pgxpool.Pool) (float64, error) {
	reads := readmodel.New(pool)
	begin, err := time.Parse(time.RFC3339, countedFrom)
	if err != nil {
		return 0, err
	}
	took := make([]time.Duration, countsEach)
	for i := range took {
		at := begin.Add(rand.N(countedFor))
		began := time.Now()
		if _, err := reads.StatusCounts(ctx, "counted", at); err != nil {
			return 0, err
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return milliseconds(quantile(took, 0.99)), nil
}

// writeChanges makes orders that go through five statuses, spread evenly over the time, and adds their changes up as the projection
// does.
func (b *projectionBench) writeChanges(ctx context.Context, pool *pgxpool.Pool, changes int) error {
	const names = `ARRAY['created', 'paid', 'shipped', 'delivered', 'closed']`
	const write = `
		INSERT INTO status_changes (order_id, version, tenant, at, from_status, since, to_status)
		SELECT 'counted_' || n / 5, n % 5 + 1, 'counted', at, coalesce((` + names + `)[n % 5], ''), at - interval '1 hour', (` + names + `)[n % 5 + 1]
		FROM generate_series($1::bigint, $2::bigint) AS n
		CROSS JOIN LATERAL (SELECT $3::timestamptz + n * $4::interval AS at) AS moment`
	const sum = `
		INSERT INTO status_nets AS s (tenant, span, begins, status, net)
		SELECT tenant, span, date_trunc(span, at, 'UTC'), status, sum(net)
		FROM (SELECT tenant, at, to_status AS status, 1 AS net FROM status_changes WHERE tenant = 'counted'
			UNION ALL SELECT tenant, at, from_status, -1 FROM status_changes WHERE tenant = 'counted' AND from_status <> '') AS changes
		CROSS JOIN unnest(ARRAY['minute', 'hour', 'day', 'month']) AS span
		GROUP BY tenant, span, date_trunc(span, at, 'UTC'), status`
	const page = 1_000_000
	for first := 0; first < changes; first += page {
		last := min(first+page, changes) - 1
		if err := unlimited(ctx, pool, write, first, last, countedFrom, countedFor/time.Duration(changes)); err != nil {
			return err
		}
		fmt.Fprintf(b.Progress, "changes of status: %d of %d\n", last+1, changes)
	}
	if err := unlimited(ctx, pool, sum); err != nil {
		return err
	}
	const begun = `INSERT INTO projections (name, shard, version, shards) VALUES ($1, 0, $2, 1) ON CONFLICT DO NOTHING`
	if _, err := pool.Exec(ctx, begun, readmodel.Figures().Name, readmodel.Figures().Version); err != nil {
		return err
	}
	_, err := pool.Exec(ctx, `VACUUM ANALYZE status_changes, status_nets`)
	return err
}
