package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"orderly/eventstore"
)

// historyPage is how many events of the history are made in one transaction.
const historyPage = 250_000

// withHistory compares the store with many events of other orders in the table to the same store before.
func (b *storeBench) withHistory(ctx context.Context) ([]Row, error) {
	measure := func() (appends, loads []float64, err error) {
		for range b.Rounds {
			rate, err := b.rate(ctx, 8, b.appender(1))
			if err != nil {
				return nil, nil, err
			}
			loaded, err := b.loadRate(ctx)
			if err != nil {
				return nil, nil, err
			}
			appends, loads = append(appends, rate), append(loads, loaded)
		}
		return appends, loads, nil
	}
	appendsBefore, loadsBefore, err := measure()
	if err != nil {
		return nil, err
	}
	if err := b.writeHistory(ctx); err != nil {
		return nil, err
	}
	appends, loads, err := measure()
	if err != nil {
		return nil, err
	}
	with := fmt.Sprintf(" with %d events / without", b.History)
	return []Row{
		newRow("append, 8 writers,"+with, "events/s", 0.8, appends, appendsBefore),
		newRow("load of 20 events,"+with, "loads/s", 0.8, loads, loadsBefore),
	}, nil
}

// loadRate loads one stream again and again.
func (b *storeBench) loadRate(ctx context.Context) (float64, error) {
	stream := "load_" + uuid.NewString()
	if _, _, err := b.store.Append(ctx, stream, eventstore.Head{}, benchEvents(versionsEach)...); err != nil {
		return 0, err
	}
	return b.rate(ctx, 8, func() func(context.Context) error {
		return func(ctx context.Context) error {
			_, _, err := b.store.Load(ctx, stream)
			return err
		}
	})
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
		tx, err := b.Pool.Begin(ctx)
		if err != nil {
			return fmt.Errorf("write a history: %w", err)
		}
		_, err = tx.Exec(ctx, `SET LOCAL statement_timeout = 0`)
		if err == nil {
			_, err = tx.Exec(ctx, query, first, last, benchData, benchMetadata)
		}
		if err == nil {
			err = tx.Commit(ctx)
		}
		if err != nil {
			_ = tx.Rollback(ctx)
			return fmt.Errorf("write a history: %w", err)
		}
		fmt.Fprintf(b.Progress, "history: %d of %d events, %s\n", last+1, b.History, time.Since(began).Round(time.Second))
	}
	_, err := b.Pool.Exec(ctx, `VACUUM ANALYZE order_events`)
	return err
}
