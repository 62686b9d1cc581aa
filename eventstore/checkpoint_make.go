package eventstore

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// The ways in which no checkpoint is made.
var (
	// ErrNoEvents is returned while there is nothing that a checkpoint could say.
	ErrNoEvents = errors.New("there are no events yet that a checkpoint could cover")
	// ErrCheckpointTaken is returned when somebody else made the checkpoint at the same time: the next one will do.
	ErrCheckpointTaken = errors.New("another checkpoint was made at the same time")
)

const checkpointColumns = `id, tx, position, made_at, heads, root, previous, key_id, signature`

// changedHeads are the heads of the streams that go further than the checkpoints say, from one position of the feed to
// another. From the beginning of the feed it is right, too, and slow.
const changedHeads = `
	SELECT e.order_id, e.version, e.hash
	FROM (
		SELECT DISTINCT ON (order_id) order_id, version, hash
		FROM order_events
		WHERE (tx, position) > ($1::xid8, $2::bigint) AND (tx, position) <= ($3::xid8, $4::bigint)
		ORDER BY order_id, version DESC) e
	LEFT JOIN LATERAL (
		SELECT version FROM checkpoint_heads
		WHERE order_id = e.order_id COLLATE "C" ORDER BY checkpoint_id DESC LIMIT 1) known ON true
	WHERE known.version IS NULL OR known.version < e.version
	ORDER BY e.order_id COLLATE "C"`

// Checkpoint makes the next checkpoint: it covers what the feed can read now, and is signed with an Ed25519 key. When no
// stream has changed, the last checkpoint is given again.
//
// The tree is computed while the heads are read, and the transaction writes only after that: so it holds the feed
// back no longer than its rows take to be inserted. Errors: [ErrNoEvents], [ErrCheckpointTaken].
func (s *Store) Checkpoint(ctx context.Context, signer crypto.Signer) (Checkpoint, error) {
	var made Checkpoint
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) (err error) {
		made, err = s.checkpoint(ctx, tx, signer)
		return err
	})
	if isUniqueViolation(err) {
		err = ErrCheckpointTaken
	}
	if err != nil {
		return Checkpoint{}, fmt.Errorf("make a checkpoint: %w", err)
	}
	return made, nil
}

func (s *Store) checkpoint(ctx context.Context, tx pgx.Tx, signer crypto.Signer) (Checkpoint, error) {
	if err := TakeYourTime(ctx, tx); err != nil {
		return Checkpoint{}, err
	}
	last, err := lastCheckpoint(ctx, tx)
	if err != nil {
		return Checkpoint{}, err
	}
	from, to, err := span(ctx, tx, last)
	if err != nil {
		return Checkpoint{}, err
	}
	tree, err := treeOfChanges(ctx, tx, from, to)
	if err != nil {
		return Checkpoint{}, err
	}
	switch {
	case tree.leaves == 0 && last.ID == 0:
		return Checkpoint{}, ErrNoEvents
	case tree.leaves == 0:
		return last, nil
	}
	next := Checkpoint{
		ID: last.ID + 1, Position: to, MadeAt: s.clock().UTC().Truncate(time.Microsecond), Heads: tree.leaves,
		Root: tree.root(), Previous: make([]byte, sha256.Size),
	}
	if last.ID > 0 {
		next.Previous = last.Hash()
	}
	if !next.MadeAt.After(last.MadeAt) {
		next.MadeAt = last.MadeAt.Add(time.Microsecond)
	}
	if next, err = next.sign(signer); err != nil {
		return Checkpoint{}, err
	}
	return next, next.insert(ctx, tx, from)
}

func lastCheckpoint(ctx context.Context, tx pgx.Tx) (Checkpoint, error) {
	const query = `SELECT ` + checkpointColumns + ` FROM checkpoints ORDER BY id DESC LIMIT 1`
	rows, err := tx.Query(ctx, query)
	if err != nil {
		return Checkpoint{}, err
	}
	last, err := pgx.CollectExactlyOneRow(rows, scanCheckpoint)
	if errors.Is(err, pgx.ErrNoRows) {
		return Checkpoint{}, nil
	}
	return last, err
}

func scanCheckpoint(row pgx.CollectableRow) (Checkpoint, error) {
	var c Checkpoint
	err := row.Scan(&c.ID, &c.Position.Tx, &c.Position.Seq, &c.MadeAt, &c.Heads, &c.Root, &c.Previous, &c.KeyID, &c.Signature)
	c.MadeAt = c.MadeAt.UTC()
	return c, err
}

// span is the part of the feed that the next checkpoint covers. It begins at the last one, unless the event at which
// that ended is no longer there, because the feed was rebased after a move to another cluster: then at the beginning.
func span(ctx context.Context, tx pgx.Tx, last Checkpoint) (from, to Position, err error) {
	const query = `
		SELECT tx, position, EXISTS (SELECT FROM order_events WHERE tx = $1::xid8 AND position = $2::bigint)
		FROM order_events
		WHERE tx < pg_snapshot_xmin(pg_current_snapshot())
		ORDER BY tx DESC, position DESC LIMIT 1`
	var continues bool
	err = tx.QueryRow(ctx, query, last.Position.Tx, last.Position.Seq).Scan(&to.Tx, &to.Seq, &continues)
	if errors.Is(err, pgx.ErrNoRows) {
		return Position{}, Position{}, nil
	}
	if continues {
		from = last.Position
	}
	return from, to, err
}

// treeOfChanges reads the changed heads row by row.
func treeOfChanges(ctx context.Context, tx pgx.Tx, from, to Position) (*merkleTree, error) {
	rows, err := tx.Query(ctx, changedHeads, from.Tx, from.Seq, to.Tx, to.Seq)
	if err != nil {
		return nil, err
	}
	tree := new(merkleTree)
	var head streamHead
	_, err = pgx.ForEachRow(rows, []any{&head.stream, &head.version, &head.hash}, func() error {
		tree.add(head.leaf())
		return nil
	})
	return tree, err
}

// insert writes the checkpoint first: of two at once, one waits here for the other and is then refused.
func (c Checkpoint) insert(ctx context.Context, tx pgx.Tx, from Position) error {
	const insertCheckpoint = `
		INSERT INTO checkpoints (` + checkpointColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	const insertHeads = `
		INSERT INTO checkpoint_heads (checkpoint_id, order_id, version, hash)
		SELECT $5::bigint, changed.* FROM (` + changedHeads + `) changed`
	_, err := tx.Exec(ctx, insertCheckpoint, c.ID, c.Position.Tx, c.Position.Seq, c.MadeAt, c.Heads, c.Root, c.Previous, c.KeyID, c.Signature)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, insertHeads, from.Tx, from.Seq, c.Position.Tx, c.Position.Seq, c.ID)
	if err == nil && tag.RowsAffected() != int64(c.Heads) {
		err = fmt.Errorf("%d heads were written, not %d", tag.RowsAffected(), c.Heads)
	}
	return err
}
