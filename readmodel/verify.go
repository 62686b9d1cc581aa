package readmodel

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/projection"
)

// Difference is where a read model is not what the events say.
type Difference struct {
	// OrderID is empty for what is counted over many orders.
	OrderID string `json:"order_id"`
	// What is the table that differs.
	What string `json:"what"`
	// Want is what follows from the events, Got what stands there, as JSON.
	Want string `json:"want"`
	Got  string `json:"got"`
}

// verifyPage is how many orders are compared at a time: memory does not grow with their number.
const verifyPage = 200

// audit knows the tables of a projection.
type audit interface {
	// projection is its name.
	projection() string
	// want puts the rows that an order with these events must have. It is called once for each order.
	want(id string, events []eventstore.Event, into rowsByOrder) error
	// got puts the rows of all orders of a page. It is called once for each page, in their order.
	got(ctx context.Context, tx pgx.Tx, p ordersPage, into rowsByOrder) error
	// sums compares what is counted over many orders, once want has had them all.
	sums(ctx context.Context, tx pgx.Tx) ([]Difference, error)
}

// Verify folds every stream as far as the shard of its projection has come and compares all rows with the fold; those of parked
// orders as far as their first dead letter. The projections may go on meanwhile: Verify looks at one snapshot. Rows are
// read in pages; only the differences are kept.
func Verify(ctx context.Context, pool *pgxpool.Pool, store *eventstore.Store) ([]Difference, error) {
	tx, err := pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("verify the read models: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if err := lockTables(ctx, tx); err != nil {
		return nil, fmt.Errorf("verify the read models: %w", err)
	}
	if err := eventstore.TakeYourTime(ctx, tx); err != nil {
		return nil, fmt.Errorf("verify the read models: %w", err)
	}
	var differences []Difference
	for _, each := range []audit{newOrdersAudit(), newFiguresAudit()} {
		v := &verifier{tx: tx, store: store, audit: each}
		if err := v.run(ctx); err != nil {
			return nil, fmt.Errorf("verify the read model of %s: %w", each.projection(), err)
		}
		differences = append(differences, v.differences...)
	}
	return differences, nil
}

// lockTables keeps the tables from being replaced by those of a rebuild. Before the snapshot is taken: the rows of tables that
// came later are not in it.
func lockTables(ctx context.Context, tx pgx.Tx) error {
	for _, p := range Projections() {
		for _, table := range p.Tables {
			if _, err := tx.Exec(ctx, "LOCK TABLE "+pgx.Identifier{table}.Sanitize()+" IN ACCESS SHARE MODE"); err != nil {
				return fmt.Errorf("lock %s: %w", table, err)
			}
		}
	}
	return nil
}

// verifier verifies the tables of one projection.
type verifier struct {
	tx          pgx.Tx
	store       *eventstore.Store
	audit       audit
	checkpoints checkpoints
	differences []Difference
}

// checkpoints are where the shards of a projection are: those that were never started are at the beginning.
type checkpoints []eventstore.Position

// of is the checkpoint up to which an order must have been projected.
func (c checkpoints) of(orderID string) eventstore.Position {
	return c[projection.ShardOf(orderID, len(c))]
}

func (v *verifier) run(ctx context.Context) error {
	if err := v.readCheckpoints(ctx); err != nil {
		return err
	}
	for after, more := "", true; more; {
		var err error
		if after, more, err = v.comparePage(ctx, after); err != nil {
			return err
		}
	}
	sums, err := v.audit.sums(ctx, v.tx)
	v.differences = append(v.differences, sums...)
	return err
}

func (v *verifier) readCheckpoints(ctx context.Context) error {
	const query = `SELECT shard, shards, checkpoint_tx, checkpoint_position FROM projections WHERE name = $1`
	v.checkpoints = make(checkpoints, 1) // of one that was never started: there must be no rows
	rows, err := v.tx.Query(ctx, query, v.audit.projection())
	if err != nil {
		return err
	}
	var shard, shards int
	var at eventstore.Position
	_, err = pgx.ForEachRow(rows, []any{&shard, &shards, &at.Tx, &at.Seq}, func() error {
		for len(v.checkpoints) < shards {
			v.checkpoints = append(v.checkpoints, eventstore.Position{})
		}
		v.checkpoints[shard] = at
		return nil
	})
	return err
}

// comparePage compares the orders that follow an id and gives the last one's.
func (v *verifier) comparePage(ctx context.Context, after string) (last string, more bool, err error) {
	streams, err := v.readStreams(ctx, after)
	if err != nil {
		return "", false, err
	}
	if more = len(streams) == verifyPage; more {
		last = streams[len(streams)-1].id
	}
	page := ordersPage{after: after, last: last, ids: map[string]bool{}}
	want, got := rowsByOrder{}, rowsByOrder{}
	for _, stream := range streams {
		page.ids[stream.id] = true
		if err := v.fold(ctx, stream, want); err != nil {
			return "", false, err
		}
	}
	if err := v.audit.got(ctx, v.tx, page, got); err != nil {
		return "", false, err
	}
	v.differences = append(v.differences, compareRows(want, got)...)
	return last, more, nil
}

// ordersPage is a range of orders: those after one id, up to and with another; without a last one, all that follow.
type ordersPage struct {
	after, last string
	// ids are the orders of the range that have events.
	ids map[string]bool
}

// has says whether an order that is not before the page is in it. How ids are sorted, only the database knows.
func (p ordersPage) has(ctx context.Context, tx pgx.Tx, id string) (has bool, err error) {
	if p.last == "" || p.ids[id] {
		return true, nil
	}
	if err := tx.QueryRow(ctx, `SELECT $1::text <= $2::text`, id, p.last).Scan(&has); err != nil {
		return false, fmt.Errorf("compare the ids of orders: %w", err)
	}
	return has, nil
}

// stream is an order, and the version up to which it must have been projected.
type stream struct {
	id      string
	version int
}

// readStreams gives the next page of orders.
func (v *verifier) readStreams(ctx context.Context, after string) ([]stream, error) {
	const page = `SELECT DISTINCT order_id FROM order_events WHERE order_id > $1 ORDER BY order_id LIMIT $2`
	const query = `
		SELECT o.order_id, coalesce(least(seen.version, parked.version - 1), 0)
		FROM unnest($1::text[], $2::xid8[], $3::bigint[]) AS o (order_id, tx, position)
		CROSS JOIN LATERAL (
			SELECT max(version) AS version FROM order_events e
			WHERE e.order_id = o.order_id AND (e.tx, e.position) <= (o.tx, o.position)) seen
		CROSS JOIN LATERAL (
			SELECT min(version) AS version FROM projection_dead_letters d WHERE d.name = $4 AND d.order_id = o.order_id) parked
		ORDER BY o.order_id`
	rows, err := v.tx.Query(ctx, page, after, verifyPage)
	if err != nil {
		return nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	transactions, positions := make([]uint64, len(ids)), make([]int64, len(ids))
	for i, id := range ids {
		at := v.checkpoints.of(id)
		transactions[i], positions[i] = at.Tx, at.Seq
	}
	if rows, err = v.tx.Query(ctx, query, ids, transactions, positions, v.audit.projection()); err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (s stream, err error) {
		err = row.Scan(&s.id, &s.version)
		return s, err
	})
}

// fold folds one stream. Its events never change, so that they need not be read in the snapshot.
func (v *verifier) fold(ctx context.Context, s stream, into rowsByOrder) error {
	if s.version == 0 {
		return nil
	}
	events, err := v.store.LoadUntilVersion(ctx, s.id, s.version)
	if err != nil {
		return err
	}
	return v.audit.want(s.id, events, into)
}

// rowsByOrder are rows of orders, by order and table, as JSON, so that any difference shows.
type rowsByOrder map[string]map[string]string

// put puts an order's rows of a table.
func (r rowsByOrder) put(id, table string, rows any) error {
	text, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("encode the rows of %s in %s: %w", id, table, err)
	}
	if r[id] == nil {
		r[id] = map[string]string{}
	}
	r[id][table] = string(text)
	return nil
}

// putAll puts the rows of many orders, of which each can have several.
func putAll[T any](into rowsByOrder, table string, rows []T, id func(T) string, inOrder func(a, b T) int) error {
	of := map[string][]T{}
	for _, row := range rows {
		of[id(row)] = append(of[id(row)], row)
	}
	for id, rows := range of {
		slices.SortFunc(rows, inOrder)
		if err := into.put(id, table, rows); err != nil {
			return err
		}
	}
	return nil
}

func compareRows(want, got rowsByOrder) []Difference {
	ids := maps.Clone(want)
	maps.Copy(ids, got)
	var differences []Difference
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		tables := maps.Clone(want[id])
		if tables == nil {
			tables = map[string]string{}
		}
		maps.Copy(tables, got[id])
		for _, table := range slices.Sorted(maps.Keys(tables)) {
			if want, got := want[id][table], got[id][table]; want != got {
				differences = append(differences, Difference{OrderID: id, What: table, Want: want, Got: got})
			}
		}
	}
	return differences
}
