package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
)

// historyPage is how many events of the history are made in one transaction.
const historyPage = 250_000

// withHistory compares the store with many events of other orders in the table to one without, in turns.
func (b *storeBench) withHistory(ctx context.Context) ([]Row, error) {
	grown := &storeBench{StoreOptions: b.StoreOptions, store: eventstore.New(b.Grown, eventstore.Options{})}
	grown.Pool = b.Grown
	if err := grown.writeHistory(ctx); err != nil {
		return nil, err
	}
	stop, err := b.prepareLoads(ctx, grown)
	if err != nil {
		return nil, err
	}
	defer stop()
	var rows []Row
	for _, each := range []struct {
		name, unit string
		rate       func(*storeBench) (float64, error)
	}{
		{"append, 1 writer", "events/s", func(b *storeBench) (float64, error) { return b.rate(ctx, 1, b.appender(1)) }},
		{"append, 8 writers", "events/s", func(b *storeBench) (float64, error) { return b.rate(ctx, 8, b.appender(1)) }},
		{"append, 32 writers", "events/s", func(b *storeBench) (float64, error) { return b.rate(ctx, 32, b.appender(1)) }},
		{"10 events an append", "appends/s", func(b *storeBench) (float64, error) { return b.rate(ctx, 8, b.appender(10)) }},
		{"load of 20 events", "loads/s", func(b *storeBench) (float64, error) { return b.rate(ctx, 8, b.loader) }},
		{fmt.Sprintf("order of %d events from its snapshot", replayed), "loads/s", func(b *storeBench) (float64, error) { return b.rate(ctx, 1, b.snapshotReader) }},
	} {
		floors, figures, err := inTurns(b.Rounds,
			func() (float64, error) { return each.rate(b) }, func() (float64, error) { return each.rate(grown) })
		if err != nil {
			return nil, err
		}
		rows = append(rows, newRow(fmt.Sprintf("%s, with %d events / without", each.name, b.History), each.unit, 0.8, figures, floors))
	}
	return rows, nil
}

// prepareLoads writes into each store what is loaded. Snapshots are written until stop.
func (b *storeBench) prepareLoads(ctx context.Context, other *storeBench) (stop func(), err error) {
	writing, stop := context.WithCancel(ctx)
	for _, each := range []*storeBench{b, other} {
		each.short = "load_" + uuid.NewString()
		if _, _, err := each.store.Append(ctx, each.short, eventstore.Head{}, benchEvents(versionsEach)...); err != nil {
			stop()
			return nil, err
		}
		if each.long, each.fromSnapshot, err = each.writeRebuilt(ctx, writing); err != nil {
			stop()
			return nil, err
		}
	}
	return stop, nil
}

// loader loads one stream again and again.
func (b *storeBench) loader() func(context.Context) error {
	return func(ctx context.Context) error {
		_, _, err := b.store.Load(ctx, b.short)
		return err
	}
}

// snapshotReader reads one long order again and again.
func (b *storeBench) snapshotReader() func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := b.fromSnapshot.Read(ctx, b.long)
		return err
	}
}

// writeHistory fills the table with events of orders that had twelve each. Their hashes are no chain: nobody verifies
// them here.
func (b *storeBench) writeHistory(ctx context.Context) error {
	const query = `
		INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		SELECT 'history_' || (n / 12), n % 12 + 1, gen_random_uuid(), 'StockReserved', 1, $3::jsonb, $4::jsonb,
			'2020-01-01'::timestamptz + n * interval '1 second', sha256(n::text::bytea)
		FROM generate_series($1::bigint, $2::bigint) AS n`
	began := time.Now()
	for first := 0; first < b.History; first += historyPage {
		last := min(first+historyPage, b.History) - 1
		if err := unlimited(ctx, b.Pool, query, first, last, benchData, benchMetadata); err != nil {
			return fmt.Errorf("write a history: %w", err)
		}
		fmt.Fprintf(b.Progress, "history: %d of %d events, %s\n", last+1, b.History, time.Since(began).Round(time.Second))
	}
	_, err := b.Pool.Exec(ctx, `VACUUM ANALYZE order_events`)
	return err
}

// unlimited runs a statement that may take long.
func unlimited(ctx context.Context, pool *pgxpool.Pool, query string, args ...any) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, query, args...)
		return err
	})
}
