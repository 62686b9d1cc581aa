package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// soakGauges are what must not grow. A baseline below least counts as that much: among so few, one more means nothing.
var soakGauges = []struct {
	name, unit, metric string
	scale, least       float64
}{
	{"resident memory of serve --all", "MB", residentMetric, 1 << 20, 0},
	{"its Go heap", "MB", "go_memstats_heap_inuse_bytes", 1 << 20, 20},
	{"its goroutines", "", "go_goroutines", 1, 50},
	{"its open files", "", "process_open_fds", 1, 50},
	{"its connections to Postgres", "", "connections", 1, 10},
	{"orders under way", "", "under way", 1, 20},
}

const (
	// flat is by how much a figure may grow from one third to the next.
	flat = 1.1
	// smallTable is in bytes: what is smaller is not compared, as the few rows that count are, which Postgres leaves alone for a
	// minute. fewDead is what a table has at least.
	smallTable = 1 << 20
	fewDead    = 1000
)

// sample is what was seen at a moment.
type sample struct {
	gauges []float64 // in the order of soakGauges
	lag    time.Duration
	tables map[string]tableSize
}

// tableSize is what Postgres knows of a table: the bytes are with its indexes.
type tableSize struct{ bytes, live, dead int64 }

func (t tableSize) bytesPerRow() float64 {
	return float64(max(t.bytes, smallTable)) / float64(max(t.live, 1))
}

func (t tableSize) deadPerRow() float64 {
	return float64(max(t.dead, fewDead)) / float64(max(t.live, 1))
}

// look takes a sample and keeps it.
func (s *soak) look(ctx context.Context) error {
	taken, err := s.sample(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.samples = append(s.samples, taken)
	return nil
}

// sample looks at the process and at its database.
func (s *soak) sample(ctx context.Context) (sample, error) {
	metrics, err := s.through.metrics(ctx)
	if err != nil {
		return sample{}, err
	}
	var taken sample
	for name, value := range metrics {
		if strings.HasPrefix(name, "orderly_projection_lag_seconds{") {
			taken.lag = max(taken.lag, time.Duration(value*float64(time.Second)))
		}
	}
	if metrics["connections"], err = s.connections(ctx); err != nil {
		return sample{}, err
	}
	if taken.tables, err = s.tables(ctx); err != nil {
		return sample{}, err
	}
	metrics["under way"] = float64(s.underWay.Load())
	for _, gauge := range soakGauges {
		value, ok := metrics[gauge.metric]
		if !ok {
			return sample{}, fmt.Errorf("%s: %w", gauge.metric, errNothing)
		}
		taken.gauges = append(taken.gauges, value/gauge.scale)
	}
	return taken, nil
}

// connections are those of the services, whose name is the pool's default.
func (s *soak) connections(ctx context.Context) (n float64, err error) {
	const query = `SELECT count(*)::float8 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'orderly'`
	err = s.System.Pool.QueryRow(ctx, query).Scan(&n)
	return n, err
}

// tables are those whose rows are changed: the others cannot bloat.
func (s *soak) tables(ctx context.Context) (map[string]tableSize, error) {
	const query = `
		SELECT relname, pg_total_relation_size(relid), n_live_tup, n_dead_tup
		FROM pg_stat_user_tables WHERE schemaname = 'public' AND n_tup_upd + n_tup_del > 0`
	rows, err := s.System.Pool.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	tables := map[string]tableSize{}
	var name string
	var size tableSize
	_, err = pgx.ForEachRow(rows, []any{&name, &size.bytes, &size.live, &size.dead}, func() error {
		tables[name] = size
		return nil
	})
	return tables, err
}

// tell says how it goes.
func (s *soak) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.samples) == 0 {
		return
	}
	latest := s.samples[len(s.samples)-1]
	var figures []string
	for i, gauge := range soakGauges {
		figures = append(figures, strings.TrimSpace(fmt.Sprintf("%s %.0f %s", gauge.name, latest.gauges[i], gauge.unit)))
	}
	fmt.Fprintf(s.Progress, "%s, lag %s, %d of %d requests failed\n", strings.Join(figures, ", "), latest.lag, s.failed.Load(), s.asked.Load())
}

// rows compare the last third of the samples with the one before it.
func (s *soak) rows() ([]Row, error) {
	third := len(s.samples) / 3
	if third == 0 {
		return nil, errNothing
	}
	before, after := s.samples[third:2*third], s.samples[2*third:]
	var rows []Row
	for i, gauge := range soakGauges {
		of := func(taken sample) float64 { return taken.gauges[i] }
		baseline := max(median(each(before, of)), gauge.least)
		rows = append(rows, newCost(gauge.name+", last third / the one before", gauge.unit, flat, each(after, of), []float64{baseline}))
	}
	rows = slices.Concat(rows,
		worst(before, after, "bytes", "bytes a row", tableSize.bytesPerRow),
		worst(before, after, "", "dead rows a row", tableSize.deadPerRow))
	lags := each(s.samples[third:], func(taken sample) time.Duration { return taken.lag })
	slices.Sort(lags)
	asked := float64(s.asked.Load())
	return append(rows,
		newCost("lag of the read models, p99 / 250 ms", "ms", 1, []float64{milliseconds(quantile(lags, 0.99))}, []float64{lagTarget}),
		newRow("requests that were answered / asked", "", 1, []float64{asked - float64(s.failed.Load())}, []float64{asked})), nil
}

// worst compares the table of which a figure has grown most; there is none when all are small.
func worst(before, after []sample, unit, name string, figure func(tableSize) float64) []Row {
	var rows []Row
	for table, size := range after[len(after)-1].tables {
		if size.bytes < smallTable {
			continue
		}
		of := func(taken sample) float64 { return figure(taken.tables[table]) }
		title := fmt.Sprintf("%s of %s, the worst table, last third / the one before", name, table)
		rows = append(rows, newCost(title, unit, flat, each(after, of), each(before, of)))
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(b.Ratio, a.Ratio) })
	return rows[:min(len(rows), 1)]
}

// each picks one thing of all samples.
func each[T any](samples []sample, of func(sample) T) []T {
	picked := make([]T, len(samples))
	for i, taken := range samples {
		picked[i] = of(taken)
	}
	return picked
}
