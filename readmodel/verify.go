package readmodel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"orderly/eventstore"
	"orderly/journal"
	"orderly/order"
)

// Difference is where a read model is not what the events say.
type Difference struct {
	OrderID string `json:"order_id"`
	// What is the table that differs.
	What string `json:"what"`
	// Want is what follows from the events, Got what stands there, as JSON.
	Want string `json:"want"`
	Got  string `json:"got"`
}

// verifyPage is how many orders are compared at a time: memory does not grow with their number.
const verifyPage = 200

// Verify folds every stream as far as the projection has come and compares all rows with the fold; those of parked
// orders as far as their first dead letter. The projection may go on meanwhile: Verify looks at one snapshot. Rows are
// read in pages; only the differences are kept.
func Verify(ctx context.Context, pool *pgxpool.Pool, store *eventstore.Store) ([]Difference, error) {
	tx, err := pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("verify the read model: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	v := &verifier{tx: tx, store: store}
	if err := v.readCheckpoint(ctx); err != nil {
		return nil, fmt.Errorf("verify the read model: %w", err)
	}
	for after, more := "", true; more; {
		if after, more, err = v.comparePage(ctx, after); err != nil {
			return nil, fmt.Errorf("verify the read model: %w", err)
		}
	}
	return v.differences, nil
}

type verifier struct {
	tx          pgx.Tx
	store       *eventstore.Store
	checkpoint  eventstore.Position
	differences []Difference
}

func (v *verifier) readCheckpoint(ctx context.Context) error {
	const query = `SELECT checkpoint_tx, checkpoint_position FROM projections WHERE name = $1 AND shard = 0`
	err := v.tx.QueryRow(ctx, query, Projection().Name).Scan(&v.checkpoint.Tx, &v.checkpoint.Seq)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // never started: there must be no rows
	}
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
	rows, err := v.readRows(ctx, after, last)
	if err != nil {
		return "", false, err
	}
	for _, stream := range streams {
		if err := v.compare(ctx, stream, rows[stream.id]); err != nil {
			return "", false, err
		}
		delete(rows, stream.id)
	}
	for id, row := range rows {
		v.report(id, found{}, row)
	}
	return last, more, nil
}

// stream is an order, and the version up to which it must have been projected.
type stream struct {
	id      string
	version int
}

func (v *verifier) readStreams(ctx context.Context, after string) ([]stream, error) {
	const query = `
		SELECT s.order_id, least(s.version, (
			SELECT min(d.version) - 1 FROM projection_dead_letters d WHERE d.name = $5 AND d.shard = 0 AND d.order_id = s.order_id))
		FROM (
			SELECT order_id, max(version) AS version FROM order_events
			WHERE order_id > $1 AND (tx, position) <= ($2::xid8, $3::bigint)
			GROUP BY order_id ORDER BY order_id LIMIT $4) s
		ORDER BY s.order_id`
	rows, err := v.tx.Query(ctx, query, after, v.checkpoint.Tx, v.checkpoint.Seq, verifyPage, Projection().Name)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (s stream, err error) {
		err = row.Scan(&s.id, &s.version)
		return s, err
	})
}

// compare folds one stream. Its events never change, so that they need not be read in the snapshot.
func (v *verifier) compare(ctx context.Context, s stream, got found) error {
	var want found
	if s.version > 0 {
		events, err := v.store.LoadUntilVersion(ctx, s.id, s.version)
		if err != nil {
			return err
		}
		recorded, err := journal.Decode(events)
		if err != nil {
			return err
		}
		if want, err = rowsOf(order.Fold(s.id, recorded)); err != nil {
			return err
		}
	}
	v.report(s.id, want, got)
	return nil
}

func (v *verifier) report(id string, want, got found) {
	for _, each := range []struct{ what, want, got string }{
		{"order_views", want.view, got.view},
		{"order_views.state", want.state, got.state},
		{"attention_queue", want.attention, got.attention},
		{"shipment_index", want.shipments, got.shipments},
	} {
		if each.want != each.got {
			v.differences = append(v.differences, Difference{OrderID: id, What: each.what, Want: each.want, Got: each.got})
		}
	}
}

// found are the rows of an order, each table's as JSON, so that any difference shows; empty for none.
type found struct {
	view, state, attention, shipments string
}

func asJSON(value any) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}
