package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/journal"
)

// StoreOptions say what to measure the event store on.
type StoreOptions struct {
	// Pool is on a migrated database of the benchmark's own, with a connection for each writer.
	Pool *pgxpool.Pool
	// Grown is on another such database, which gets a history of History events of other orders; nothing is measured there
	// when History is 0.
	Grown   *pgxpool.Pool
	History int
	// Appends is how many appends each round measures, Rounds how many rounds there are.
	Appends, Rounds int
	// Progress hears what is being done.
	Progress io.Writer
}

// storeBench measures one event store.
type storeBench struct {
	StoreOptions

	store *eventstore.Store
	// short and long are orders that are loaded, long through fromSnapshot.
	short, long  string
	fromSnapshot *journal.Journal
}

// bareTable is what the system before this one wrote events into: the floor is one plain insert into it.
const bareTable = `
CREATE TABLE bench_bare (
    id uuid PRIMARY KEY, order_id varchar(50), event_type varchar(50), version integer, data jsonb, metadata jsonb,
    created_at timestamp DEFAULT now(), UNIQUE (order_id, version));
CREATE INDEX bench_bare_order ON bench_bare (order_id)`

// The data of a usual event.
const (
	benchData = `{"key":"ord_1/reserve/1","allocations":[{"sku":"SKU-1","line_id":"l1","quantity":2,"warehouse":"east"},` +
		`{"sku":"SKU-2","line_id":"l2","quantity":1,"warehouse":"east"}],"reservation_id":"res_5f0c8e0d6a3b"}`
	benchMetadata = `{"actor":{"id":"ReserveStock","type":"system"},"run_id":"01a209d6-bb64-717f-9389-1cfabb004a9f","source":"workflow",` +
		`"command_id":"ReserveStock/ord_1/reserve/1#0:RecordReservation","occurred_at":"2026-11-23T19:22:30.583749Z","workflow_id":"order-ord_1",` +
		`"causation_id":"ReserveStock/ord_1/reserve/1#0:RecordReservation","correlation_id":"order-ord_1"}`
)

// The same as events take it.
var benchDataBytes, benchMetadataBytes = []byte(benchData), []byte(benchMetadata)

// Store measures appends beside plain inserts into the table that they replace, in turns, and gives the medians; then the
// store beside another one with a history in its table.
func Store(ctx context.Context, o StoreOptions) ([]Row, error) {
	b := &storeBench{StoreOptions: o, store: eventstore.New(o.Pool, eventstore.Options{})}
	if _, err := o.Pool.Exec(ctx, bareTable); err != nil {
		return nil, fmt.Errorf("make the table of the floor: %w", err)
	}
	var rows []Row
	for _, writers := range []int{1, 8, 32} {
		row, err := b.appends(ctx, writers)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	batches, err := b.batches(ctx)
	if err != nil {
		return nil, err
	}
	rows = append(rows, batches)
	rebuilt, err := b.rebuilds(ctx)
	if err != nil {
		return nil, err
	}
	rows = append(rows, rebuilt)
	if o.History == 0 {
		return rows, nil
	}
	grown, err := b.withHistory(ctx)
	return append(rows, grown...), err
}

// appends compares single appends with bare inserts at the same concurrency.
func (b *storeBench) appends(ctx context.Context, writers int) (Row, error) {
	floors, figures, err := inTurns(b.Rounds,
		func() (float64, error) { return b.rate(ctx, writers, b.insertBare) },
		func() (float64, error) { return b.rate(ctx, writers, b.appender(1)) })
	if err != nil {
		return Row{}, fmt.Errorf("appends and bare inserts: %w", err)
	}
	fmt.Fprintf(b.Progress, "appends, %d writers: %.0f/s, bare inserts %.0f/s\n", writers, median(figures), median(floors))
	return newRow(fmt.Sprintf("append, %d writers / bare insert", writers), "events/s", 1, figures, floors), nil
}

// batches compares ten events an append with one.
func (b *storeBench) batches(ctx context.Context) (Row, error) {
	const size, writers = 10, 8
	floors, figures, err := inTurns(b.Rounds,
		func() (float64, error) { return b.rate(ctx, writers, b.appender(1)) },
		func() (float64, error) {
			appends, err := b.rate(ctx, writers, b.appender(size))
			return size * appends, err
		})
	if err != nil {
		return Row{}, err
	}
	return newRow("10 events an append / 1", "events/s", 3, figures, floors), nil
}

// writer makes what one writer does again and again.
type writer func() func(context.Context) error

// rate lets writers do something until it was done often enough, and gives how often a second.
func (b *storeBench) rate(ctx context.Context, writers int, newWriter writer) (float64, error) {
	var left atomic.Int64
	left.Store(int64(b.Appends))
	failed := make([]error, writers)
	var group sync.WaitGroup
	begin := time.Now()
	for i := range writers {
		write := newWriter()
		group.Go(func() {
			for left.Add(-1) >= 0 && failed[i] == nil {
				failed[i] = write(ctx)
			}
		})
	}
	group.Wait()
	return float64(b.Appends) / time.Since(begin).Seconds(), errors.Join(failed...)
}

// versionsEach is how long the streams become that are written.
const versionsEach = 20

func (b *storeBench) insertBare() func(context.Context) error {
	const query = `INSERT INTO bench_bare (id, order_id, event_type, version, data, metadata) VALUES ($1, $2, $3, $4, $5, $6)`
	stream, version := "", versionsEach
	return func(ctx context.Context) error {
		if version++; version > versionsEach {
			stream, version = "bare_"+uuid.NewString(), 1
		}
		_, err := b.Pool.Exec(ctx, query, uuid.New(), stream, "StockReserved", version, benchData, benchMetadata)
		return err
	}
}

// appender appends so many events at a time.
func (b *storeBench) appender(events int) writer {
	return func() func(context.Context) error {
		var stream string
		var head eventstore.Head
		return func(ctx context.Context) (err error) {
			if head.Version() == 0 || head.Version()+events > versionsEach {
				stream, head = "bench_"+uuid.NewString(), eventstore.Head{}
			}
			_, head, err = b.store.Append(ctx, stream, head, benchEvents(events)...)
			return err
		}
	}
}

func benchEvents(n int) []eventstore.NewEvent {
	events := make([]eventstore.NewEvent, n)
	for i := range events {
		events[i] = eventstore.NewEvent{
			ID: uuid.Must(uuid.NewV7()), Type: "StockReserved", SchemaVersion: 1, Data: benchDataBytes, Metadata: benchMetadataBytes,
		}
	}
	return events
}
