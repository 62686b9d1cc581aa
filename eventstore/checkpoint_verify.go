package eventstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// CheckpointOptions are what the checkpoints are verified against.
type CheckpointOptions struct {
	// Keys are trusted to sign. When nil, signatures are not checked, and whoever can write the tables can have made them.
	Keys PublicKeys
	// Exported are checkpoints that were kept elsewhere: each must stand in the table as it is.
	Exported []Checkpoint
	// Stream bounds the heads that are looked up, and the checkpoints whose trees are computed, to those of one stream.
	Stream string
	// Progress is called now and then, and at the end.
	Progress func(CheckpointsVerified)
	// Fault is called with each fault. When nil, the first fault ends it.
	Fault func(*FaultError)
}

// CheckpointsVerified counts the checkpoints and heads that were looked at, and the faults that they showed.
type CheckpointsVerified struct {
	Checkpoints, Heads, Faults int
}

// VerifyCheckpoints holds the streams against the checkpoints: their numbers without a gap, each hash in the next one, the
// signatures, the roots anew from the heads, each head's event where it was seen, and no event that was put in before the
// newest checkpoint's end. What it finds are [*FaultError]s, of each stream one that was rewritten and one that is missing at
// most. It reads page by page, with constant memory; appends may go on meanwhile.
//
// It cannot show what happened after the newest checkpoint, nor that the newest checkpoints themselves were removed: that
// shows against an exported one.
func (s *Store) VerifyCheckpoints(ctx context.Context, options CheckpointOptions) (CheckpointsVerified, error) {
	v := &checkpointVerifier{store: s, options: options}
	for _, check := range []func(context.Context) error{v.checkChain, v.checkRemoved, v.checkExported, v.checkHeads, v.checkInserted} {
		if err := check(ctx); err != nil {
			if _, fault := errors.AsType[*FaultError](err); !fault {
				err = fmt.Errorf("verify the checkpoints: %w", err)
			}
			return v.verified, err
		}
	}
	v.progress()
	return v.verified, nil
}

type checkpointVerifier struct {
	store    *Store
	options  CheckpointOptions
	verified CheckpointsVerified
	newest   Checkpoint
}

func (v *checkpointVerifier) progress() {
	if v.options.Progress != nil {
		v.options.Progress(v.verified)
	}
}

func (v *checkpointVerifier) report(fault *FaultError) error {
	v.verified.Faults++
	return report(v.options.Fault, fault)
}

func (v *checkpointVerifier) reportCheckpoint(id int64, format string, args ...any) error {
	return v.report(&FaultError{Checkpoint: id, Fault: FaultCheckpoint, Problem: fmt.Sprintf(format, args...)})
}

// checkChain walks the checkpoints from the first to the newest.
func (v *checkpointVerifier) checkChain(ctx context.Context) error {
	const query = `SELECT ` + checkpointColumns + ` FROM checkpoints WHERE id > $1 ORDER BY id LIMIT $2`
	for {
		rows, err := v.store.pool.Query(ctx, query, v.newest.ID, verifyPage)
		if err != nil {
			return err
		}
		page, err := pgx.CollectRows(rows, scanCheckpoint)
		if err != nil {
			return err
		}
		for _, c := range page {
			if err := v.checkOne(ctx, c); err != nil {
				return err
			}
			v.newest = c
			v.verified.Checkpoints++
			v.progress()
		}
		if len(page) < verifyPage {
			return nil
		}
	}
}

func (v *checkpointVerifier) checkOne(ctx context.Context, c Checkpoint) error {
	if problem := c.followsCheckpoint(v.newest); problem != "" {
		if err := v.reportCheckpoint(c.ID, "%s", problem); err != nil {
			return err
		}
	}
	if v.options.Keys != nil {
		if problem := c.checkSignature(v.options.Keys); problem != nil {
			if err := v.reportCheckpoint(c.ID, "%v", problem); err != nil {
				return err
			}
		}
	}
	return v.checkRoot(ctx, c)
}

// followsCheckpoint says what is wrong with a checkpoint as the next one after another; the first follows the zero one.
func (c Checkpoint) followsCheckpoint(last Checkpoint) string {
	before := make([]byte, sha256.Size)
	if last.ID > 0 {
		before = last.Hash()
	}
	switch {
	case c.ID != last.ID+1:
		return fmt.Sprintf("follows checkpoint %d: those between them are missing", last.ID)
	case !bytes.Equal(c.Previous, before):
		return fmt.Sprintf("names another checkpoint before it than the one that is there: checkpoint %d was changed, or this one", last.ID)
	case !c.MadeAt.After(last.MadeAt):
		return fmt.Sprintf("its time %s is not after that of the one before it", c.MadeAt)
	default:
		return ""
	}
}

// checkRoot computes the tree anew. Asked for one stream, it does so only for the checkpoints that saw it.
func (v *checkpointVerifier) checkRoot(ctx context.Context, c Checkpoint) error {
	if v.options.Stream != "" {
		const query = `SELECT EXISTS (SELECT FROM checkpoint_heads WHERE checkpoint_id = $1 AND order_id = $2)`
		var concerned bool
		err := v.store.pool.QueryRow(ctx, query, c.ID, v.options.Stream).Scan(&concerned)
		if err != nil || !concerned {
			return err
		}
	}
	var tree merkleTree
	err := v.eachPage(ctx, func(after seenHead) ([]seenHead, error) {
		const query = `
			SELECT order_id, version, hash, checkpoint_id, now() FROM checkpoint_heads
			WHERE checkpoint_id = $1 AND order_id > $2 ORDER BY order_id LIMIT $3`
		return v.store.seenHeads(ctx, query, c.ID, after.stream, verifyPage)
	}, func(page []seenHead) error {
		for _, head := range page {
			tree.add(head.leaf())
		}
		return nil
	})
	if err != nil {
		return err
	}
	if tree.leaves != c.Heads || !bytes.Equal(tree.root(), c.Root) {
		return v.reportCheckpoint(c.ID, "its %d heads do not give its root: some were changed, put in or removed (it had %d)", tree.leaves, c.Heads)
	}
	return nil
}

// checkRemoved looks for heads above the newest checkpoint: whoever removed one may have forgotten them.
func (v *checkpointVerifier) checkRemoved(ctx context.Context) error {
	const query = `
		SELECT coalesce(max(checkpoint_id), 0) FROM checkpoint_heads
		WHERE checkpoint_id > (SELECT coalesce(max(id), 0) FROM checkpoints)`
	var id int64
	if err := v.store.pool.QueryRow(ctx, query).Scan(&id); err != nil || id == 0 {
		return err
	}
	return v.reportCheckpoint(id, "was removed: its heads are there, it is not")
}

// checkExported looks for the checkpoints that were kept elsewhere.
func (v *checkpointVerifier) checkExported(ctx context.Context) error {
	const query = `SELECT ` + checkpointColumns + ` FROM checkpoints WHERE id = $1`
	for _, exported := range v.options.Exported {
		if err := v.checkExportedSignature(exported); err != nil {
			return err
		}
		rows, err := v.store.pool.Query(ctx, query, exported.ID)
		if err != nil {
			return err
		}
		stored, err := pgx.CollectExactlyOneRow(rows, scanCheckpoint)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			err = v.reportCheckpoint(exported.ID, "was removed: it was exported as of %s, and is not there (the newest one there is %d)",
				exported.MadeAt, v.newest.ID)
		case err == nil && !stored.equal(exported):
			err = v.reportCheckpoint(exported.ID, "is not the one that was exported: it was replaced")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *checkpointVerifier) checkExportedSignature(exported Checkpoint) error {
	if v.options.Keys == nil {
		return nil
	}
	if problem := exported.checkSignature(v.options.Keys); problem != nil {
		return v.reportCheckpoint(exported.ID, "as it was exported: %v", problem)
	}
	return nil
}
