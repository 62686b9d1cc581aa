package eventstore

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// seenHead is a head, and the checkpoint that saw it.
type seenHead struct {
	streamHead
	checkpoint int64
	at         time.Time
}

// fault is what the head shows to be wrong, in words that what the checkpoint saw completes.
func (h seenHead) fault(version int, fault Fault, problem string) *FaultError {
	seen := fmt.Sprintf("checkpoint %d of %s saw version %d", h.checkpoint, h.at.UTC().Format(time.RFC3339), h.version)
	return &FaultError{Stream: h.stream, Version: version, Checkpoint: h.checkpoint, Fault: fault, Problem: problem + seen}
}

func (s *Store) seenHeads(ctx context.Context, query string, args ...any) ([]seenHead, error) {
	rows, err := s.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (h seenHead, err error) {
		err = row.Scan(&h.stream, &h.version, &h.hash, &h.checkpoint, &h.at)
		return h, err
	})
}

// eachPage reads pages of heads until there are no more; next reads the one after a head.
func (v *checkpointVerifier) eachPage(ctx context.Context, next func(after seenHead) ([]seenHead, error), do func([]seenHead) error) error {
	var last seenHead
	for {
		page, err := next(last)
		if err != nil {
			return err
		}
		if err := do(page); err != nil {
			return err
		}
		v.progress()
		if len(page) < verifyPage {
			return ctx.Err()
		}
		last = page[len(page)-1]
	}
}

// checkHeads looks for the event of each head. It goes by streams, so that a stream with a fault is named once, however many
// checkpoints show it.
func (v *checkpointVerifier) checkHeads(ctx context.Context) error {
	var about streamFindings
	err := v.eachPage(ctx, v.headsByStream(ctx), func(page []seenHead) error {
		hashes, err := v.store.hashesOf(ctx, page)
		if err != nil {
			return err
		}
		for i, head := range page {
			if head.stream != about.stream {
				if err := v.conclude(ctx, about); err != nil {
					return err
				}
				about = streamFindings{stream: head.stream}
			}
			about.add(head, hashes[i])
			v.verified.Heads++
		}
		return nil
	})
	if err != nil {
		return err
	}
	return v.conclude(ctx, about)
}

func (v *checkpointVerifier) headsByStream(ctx context.Context) func(after seenHead) ([]seenHead, error) {
	const all = `
		SELECT h.order_id, h.version, h.hash, c.id, c.made_at
		FROM checkpoint_heads h JOIN checkpoints c ON c.id = h.checkpoint_id
		WHERE (h.order_id, h.checkpoint_id) > ($1, $2)
		ORDER BY h.order_id, h.checkpoint_id LIMIT $3`
	const one = `
		SELECT h.order_id, h.version, h.hash, c.id, c.made_at
		FROM checkpoint_heads h JOIN checkpoints c ON c.id = h.checkpoint_id
		WHERE h.order_id = $1 AND h.checkpoint_id > $2
		ORDER BY h.checkpoint_id LIMIT $3`
	return func(after seenHead) ([]seenHead, error) {
		if v.options.Stream != "" {
			return v.store.seenHeads(ctx, one, v.options.Stream, after.checkpoint, verifyPage)
		}
		return v.store.seenHeads(ctx, all, after.stream, after.checkpoint, verifyPage)
	}
}

// hashesOf gives the hash of the event of each head, nil where there is none. All look-ups of single events for the
// checkpoints are here.
func (s *Store) hashesOf(ctx context.Context, heads []seenHead) ([][]byte, error) {
	const query = `
		SELECT e.hash
		FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS head (order_id, version, n)
		LEFT JOIN order_events e ON e.order_id = head.order_id AND e.version = head.version
		ORDER BY head.n`
	streams, versions := make([]string, len(heads)), make([]int32, len(heads))
	for i, head := range heads {
		streams[i], versions[i] = head.stream, int32(head.version) // it comes from an integer column
	}
	rows, err := s.pool.Query(ctx, query, streams, versions)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[[]byte])
}

// streamFindings are the heads of one stream that do not fit: of those that were rewritten the first, of those that
// are missing the last.
type streamFindings struct {
	stream             string
	rewritten, missing *seenHead
}

func (f *streamFindings) add(head seenHead, hash []byte) {
	switch {
	case hash == nil:
		f.missing = &head
	case !bytes.Equal(hash, head.hash) && f.rewritten == nil:
		f.rewritten = &head
	}
}

func (v *checkpointVerifier) conclude(ctx context.Context, f streamFindings) error {
	if head := f.rewritten; head != nil {
		if err := v.report(head.fault(head.version, FaultRewritten, "another event was put in its place: ")); err != nil {
			return err
		}
	}
	head := f.missing
	if head == nil {
		return nil
	}
	end, err := v.store.version(ctx, f.stream)
	if err != nil {
		return err
	}
	fault := head.fault(head.version, FaultMissing, "the event is missing: ")
	switch {
	case end == 0:
		fault = head.fault(1, FaultVanished, "the stream has vanished: ")
	case end < head.version:
		fault = head.fault(end+1, FaultCut, "cut off: ")
		fault.Problem += fmt.Sprintf(", the stream ends at %d", end)
	}
	return v.report(fault)
}
