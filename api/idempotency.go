package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// lease is how long a command may be under way before another process may take it over. Taking over is safe at any
// time, because the command's id stays the same; the lease only keeps two from doing the same work.
const lease = 30 * time.Second

// receipts remembers what became of commands by their idempotency keys. It makes answers repeatable and saves work;
// that a command is applied once does not rest on it but on the command's id in the stream. So its writes need not
// wait for the disk: a receipt that is lost with the server is written again by the next try.
type receipts struct{ pool *pgxpool.Pool }

// slip identifies a command of a caller.
type slip struct {
	tenant, route, key string
	orderID            string
	commandID          string
	requestHash        [sha256.Size]byte
	claim              int64
}

// receipt is what is known about a command.
type receipt struct {
	// mine is true when the caller is the one who carries the command out now.
	mine bool
	// otherRequest is true when the key was used for something else.
	otherRequest bool
	// status is the first answer's status; 0 while there is none.
	status int
	// version is what a command that was carried out led to.
	version int
	// problem is the body of a refusal.
	problem []byte
}

const claimReceipt = `
with mine as (
    insert into idempotency_keys as known
        (tenant, key, route, order_id, command_id, request_hash, claim, claimed_until)
    values ($1, $2, $3, $4, $5, $6, $7, now() + $8)
    on conflict (tenant, key, route) do update
        set claim = excluded.claim, claimed_until = excluded.claimed_until
        where known.status is null and known.claimed_until <= now() and known.request_hash = excluded.request_hash
    returning true
)
select true, false, 0, 0, null::bytea from mine
union all
select false, request_hash <> $6, coalesce(status, 0), coalesce(version, 0), problem
from idempotency_keys
where tenant = $1 and key = $2 and route = $3 and not exists (select from mine)`

// take claims the command for this caller, or tells what is known about it: one round trip.
func (r *receipts) take(ctx context.Context, s *slip) (receipt, error) {
	s.claim = rand.Int64()
	var found receipt
	err := r.unhurried(ctx, func(batch *pgx.Batch) {
		batch.Queue(claimReceipt, s.tenant, s.key, s.route, s.orderID, s.commandID, s.requestHash[:], s.claim, lease).
			QueryRow(func(row pgx.Row) error {
				return row.Scan(&found.mine, &found.otherRequest, &found.status, &found.version, &found.problem)
			})
	})
	if errors.Is(err, pgx.ErrNoRows) {
		// Somebody claimed it after this statement began: it is under way.
		return receipt{}, nil
	}
	if err != nil {
		return receipt{}, storeFailed("claim an idempotency key", err)
	}
	return found, nil
}

const finishReceipt = `
update idempotency_keys
set status = $5, version = $6, problem = $7
where tenant = $1 and key = $2 and route = $3 and claim = $4 and status is null`

// finish keeps the first answer of a claimed command.
func (r *receipts) finish(ctx context.Context, s *slip, status, version int, problem []byte) error {
	err := r.unhurried(ctx, func(batch *pgx.Batch) {
		batch.Queue(finishReceipt, s.tenant, s.key, s.route, s.claim, status, version, problem)
	})
	if err != nil {
		return storeFailed("keep an answer", err)
	}
	return nil
}

const releaseReceipt = `
update idempotency_keys
set claimed_until = now()
where tenant = $1 and key = $2 and route = $3 and claim = $4 and status is null`

// release lets the next try carry the command out at once. The key stays bound to its request.
func (r *receipts) release(ctx context.Context, s *slip) error {
	err := r.unhurried(ctx, func(batch *pgx.Batch) {
		batch.Queue(releaseReceipt, s.tenant, s.key, s.route, s.claim)
	})
	if err != nil {
		return storeFailed("release an idempotency key", err)
	}
	return nil
}

const selectReceipt = `
select command_id, coalesce(status, 0), coalesce(version, 0), problem
from idempotency_keys
where tenant = $1 and key = $2 and order_id = $3
order by created_at desc
limit 1`

// find is the latest command to an order with a key; ok is false when none is known.
func (r *receipts) find(ctx context.Context, tenant, orderID, key string) (found receipt, commandID string, ok bool, err error) {
	err = r.pool.QueryRow(ctx, selectReceipt, tenant, key, orderID).Scan(&commandID, &found.status, &found.version, &found.problem)
	if errors.Is(err, pgx.ErrNoRows) {
		return receipt{}, "", false, nil
	}
	if err != nil {
		return receipt{}, "", false, storeFailed("look a command up", err)
	}
	return found, commandID, true, nil
}

const forgetReceipts = `delete from idempotency_keys where created_at < now() - $1::interval and claimed_until < now()`

// ForgetReceipts deletes what is known about commands that are older than age, and returns how many. Keep a day at
// least: clients retry that long.
func ForgetReceipts(ctx context.Context, pool *pgxpool.Pool, age time.Duration) (int64, error) {
	done, err := pool.Exec(ctx, forgetReceipts, age)
	if err != nil {
		return 0, fmt.Errorf("forget idempotency keys older than %s: %w", age, err)
	}
	return done.RowsAffected(), nil
}

const unhurry = `select set_config('synchronous_commit', 'off', true)`

// unhurried sends statements in one round trip and one transaction that does not wait for the disk.
func (r *receipts) unhurried(ctx context.Context, queue func(*pgx.Batch)) error {
	batch := &pgx.Batch{}
	batch.Queue(unhurry)
	queue(batch)
	return r.pool.SendBatch(ctx, batch).Close()
}
