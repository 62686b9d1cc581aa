package readmodel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
	"orderly/order"
)

// statusChange is a row of status_changes.
type statusChange struct {
	OrderID    string       `json:"order_id"`
	Version    int          `json:"version"`
	Tenant     string       `json:"tenant"`
	At         time.Time    `json:"at"`
	FromStatus order.Status `json:"from_status"`
	Since      time.Time    `json:"since"`
	ToStatus   order.Status `json:"to_status"`
}

// statusChanges are the changes of status among the steps.
func statusChanges(steps []figuresStep) []statusChange {
	changes := make([]statusChange, 0, len(steps))
	for i := range steps {
		step := &steps[i]
		if step.before.Status == step.after.Status {
			continue
		}
		change := statusChange{
			OrderID: step.order.OrderID, Version: step.version, Tenant: step.order.Tenant, At: step.at,
			FromStatus: step.before.Status, Since: step.before.StatusSince, ToStatus: step.after.Status,
		}
		if change.FromStatus == "" {
			change.Since = change.At
		}
		changes = append(changes, change)
	}
	return changes
}

func queueStatusChanges(batch *pgx.Batch, changes []statusChange) error {
	const query = `
		INSERT INTO status_changes (order_id, version, tenant, at, from_status, since, to_status)
		SELECT unnest($1::text[]), unnest($2::int[]), unnest($3::text[]), unnest($4::timestamptz[]), unnest($5::text[]),
			unnest($6::timestamptz[]), unnest($7::text[])`
	return queueRows(batch, query, changes)
}

// spans are the lengths of time over which changes are added up. The number of orders in a status at an instant is the sum of
// the months before its month, the days of that before its day, the hours of that before its hour, the minutes of that before
// its minute, and the changes within that minute: a few dozen rows, however long the history is.
var spans = []struct {
	name  string
	begin func(time.Time) time.Time
}{
	{"month", func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC) }},
	{"day", beginOfDay},
	{"hour", func(t time.Time) time.Time { return t.Truncate(time.Hour) }},
	{"minute", func(t time.Time) time.Time { return t.Truncate(time.Minute) }},
}

func beginOfDay(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// statusNet is a row of status_nets, or what is added to it.
type statusNet struct {
	Tenant string       `json:"tenant"`
	Span   string       `json:"span"`
	Begins time.Time    `json:"begins"`
	Status order.Status `json:"status"`
	Net    int64        `json:"net"`
}

func queueStatusNets(batch *pgx.Batch, changes []statusChange) error {
	const query = `
		INSERT INTO status_nets AS s (tenant, span, begins, status, net)
		SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::timestamptz[]), unnest($4::text[]), unnest($5::bigint[])
		ON CONFLICT (tenant, span, begins, status) DO UPDATE SET net = s.net + excluded.net`
	minutes := map[statusNet]int64{} // by rows without their spans and nets
	for _, change := range changes {
		row := statusNet{Tenant: change.Tenant, Begins: change.At.UTC().Truncate(time.Minute), Status: change.ToStatus}
		minutes[row]++
		if row.Status = change.FromStatus; row.Status != "" {
			minutes[row]--
		}
	}
	nets := map[statusNet]int64{}
	for row, net := range minutes {
		minute := row.Begins
		for _, span := range spans {
			row.Span, row.Begins = span.name, span.begin(minute)
			nets[row] += net
		}
	}
	var rows []statusNet
	for row, net := range nets {
		if row.Net = net; net != 0 { // as many came as went
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b statusNet) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Span, b.Span), a.Begins.Compare(b.Begins), cmp.Compare(a.Status, b.Status))
	})
	return queueRows(batch, query, rows)
}

// StatusCounts says how many orders of a tenant were in each status at an instant.
type StatusCounts struct {
	At time.Time
	// Counts has every status.
	Counts map[order.Status]int64
	// Position is the place in the feed up to which that is true: what is recorded of an instant after it may still add to it.
	Position eventstore.Position
}

// StatusCounts counts the orders of a tenant in each status at instants: exactly, with all events of the instants themselves.
// An answer costs the same whatever lies before it.
func (m *ReadModel) StatusCounts(ctx context.Context, tenant string, instants ...time.Time) ([]StatusCounts, error) {
	rows, err := m.pool.Query(ctx, countStatuses, tenant, instants, Figures().Name)
	if err != nil {
		return nil, fmt.Errorf("count the orders in each status: %w", err)
	}
	counts, err := pgx.CollectRows(rows, scanStatusCounts)
	if err != nil {
		return nil, fmt.Errorf("count the orders in each status: %w", err)
	}
	return counts, nil
}

const countStatuses = `
	SELECT instant.at, coalesce(counted.counts, '{}'), coalesce(upto.tx, '0'::xid8), coalesce(upto.position, 0)
	FROM unnest($2::timestamptz[]) WITH ORDINALITY AS instant (at, place)
	LEFT JOIN (
		SELECT checkpoint_tx AS tx, checkpoint_position AS position FROM projections WHERE name = $3
		ORDER BY checkpoint_tx, checkpoint_position LIMIT 1) upto ON true
	CROSS JOIN LATERAL (
		SELECT jsonb_object_agg(status, orders) AS counts
		FROM (
			SELECT status, sum(net)::bigint AS orders
			FROM (
				SELECT status, net FROM status_nets
				WHERE tenant = $1 AND span = 'month' AND begins < date_trunc('month', at, 'UTC')
				UNION ALL
				SELECT status, net FROM status_nets
				WHERE tenant = $1 AND span = 'day' AND begins >= date_trunc('month', at, 'UTC') AND begins < date_trunc('day', at, 'UTC')
				UNION ALL
				SELECT status, net FROM status_nets
				WHERE tenant = $1 AND span = 'hour' AND begins >= date_trunc('day', at, 'UTC') AND begins < date_trunc('hour', at, 'UTC')
				UNION ALL
				SELECT status, net FROM status_nets
				WHERE tenant = $1 AND span = 'minute' AND begins >= date_trunc('hour', at, 'UTC') AND begins < date_trunc('minute', at, 'UTC')
				UNION ALL
				SELECT turn.status, turn.net FROM status_changes c
				CROSS JOIN LATERAL (VALUES (c.to_status, 1), (c.from_status, -1)) AS turn (status, net)
				WHERE c.tenant = $1 AND c.at >= date_trunc('minute', instant.at, 'UTC') AND c.at <= instant.at AND turn.status <> ''
			) AS part (status, net)
			GROUP BY status) total) counted
	ORDER BY instant.place`

func scanStatusCounts(row pgx.CollectableRow) (StatusCounts, error) {
	c := StatusCounts{Counts: map[order.Status]int64{}}
	found := map[order.Status]int64{}
	err := row.Scan(&c.At, &found, &c.Position.Tx, &c.Position.Seq)
	for _, status := range order.Statuses {
		c.Counts[status] = 0
	}
	maps.Copy(c.Counts, found)
	c.At = c.At.UTC()
	return c, err
}

// MaxInstants bounds a series.
const MaxInstants = 500

// ErrTooManyInstants refuses a series of more than [MaxInstants].
var ErrTooManyInstants = errors.New("the series has too many steps")

// Series lists the instants of a range, a step apart, from the first to the last that is not after to.
func Series(from, to time.Time, step time.Duration) ([]time.Time, error) {
	if step <= 0 || to.Before(from) {
		return nil, fmt.Errorf("from %s to %s in steps of %s: there is no such series", from, to, step)
	}
	if to.Sub(from)/step >= MaxInstants {
		return nil, ErrTooManyInstants
	}
	var instants []time.Time
	for at := from; !at.After(to); at = at.Add(step) {
		instants = append(instants, at)
	}
	return instants, nil
}

// StatusInterval says how long orders had been in a status when they left it.
type StatusInterval struct {
	Status order.Status
	Orders int64
	// Mean and the quantiles are in seconds.
	Mean, P50, P90, P99 float64
}

// StatusIntervals measures how long the orders of a tenant were in the statuses that they left from one instant until before
// another. Its cost grows with their number.
func (m *ReadModel) StatusIntervals(ctx context.Context, tenant string, from, to time.Time) ([]StatusInterval, error) {
	const query = `
		SELECT status, orders, mean, quantiles[1], quantiles[2], quantiles[3]
		FROM (
			SELECT status, count(*) AS orders, avg(seconds) AS mean,
				percentile_cont(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY seconds) AS quantiles
			FROM (
				SELECT from_status AS status, extract(epoch FROM at - since)::float8 AS seconds FROM status_changes
				WHERE tenant = $1 AND at >= $2 AND at < $3 AND from_status <> '') left_status
			GROUP BY status) measured
		ORDER BY status`
	rows, err := m.pool.Query(ctx, query, tenant, from, to)
	if err != nil {
		return nil, fmt.Errorf("measure the statuses: %w", err)
	}
	intervals, err := pgx.CollectRows(rows, pgx.RowToStructByPos[StatusInterval])
	if err != nil {
		return nil, fmt.Errorf("measure the statuses: %w", err)
	}
	return intervals, nil
}
