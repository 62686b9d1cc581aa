package eventstore

import (
	"context"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// archiveFileStreams bounds the streams of one file, and with them what a run has in memory and what a crash loses of it.
	archiveFileStreams = 10_000
	// archiveBatchEvents bounds what one transaction moves: a long one that writes would hold back the feed.
	archiveBatchEvents = 2_000
)

// Archived counts what was moved into the archive.
type Archived struct {
	Streams int      `json:"streams"`
	Events  int      `json:"events"`
	Bytes   int64    `json:"bytes"`   // of the files
	Skipped int      `json:"skipped"` // streams that were appended to meanwhile
	Files   []string `json:"files"`
}

// Archive moves streams out of the table into compressed files, and leaves the last event of each: so heads, expected
// versions and the chain go on as before, and whatever reads a stream finds the rest in the file. Only the database's
// owner may do it.
//
// The order of things makes it safe to be killed anywhere: a file is written, flushed to the disk, read back and
// checked against the chain; then its place is written down, and readers find it there; only then the rows are deleted.
// What is killed before leaves a file that nobody knows of, or rows that a file has too; what is sent again goes on
// with what is left.
// A stream whose chain is broken is never archived: it ends the run with a [*FaultError].
//
// It calls progress, unless that is nil, after each transaction.
func (s *Store) Archive(ctx context.Context, streams iter.Seq2[Ended, error], progress func(Archived)) (Archived, error) {
	if progress == nil {
		progress = func(Archived) {}
	}
	var done Archived
	for chunk, err := range chunks(streams, archiveFileStreams) {
		if err != nil {
			return done, err
		}
		file, err := s.writeArchive(ctx, chunk)
		if err != nil {
			return done, fmt.Errorf("write an archive: %w", err)
		}
		done.Skipped += file.skipped
		if len(file.parts) == 0 {
			continue
		}
		if err := file.verify(); err != nil {
			return done, fmt.Errorf("check the archive that was written: %w", err)
		}
		done.Files, done.Bytes = append(done.Files, file.path()), done.Bytes+file.size
		if err := s.moveOut(ctx, file.parts, func(streams, events int) {
			done.Streams, done.Events = done.Streams+streams, done.Events+events
			progress(done)
		}); err != nil {
			return done, fmt.Errorf("move events into %s: %w", file.path(), err)
		}
	}
	return done, nil
}

// moveOut writes down where streams are archived, and deletes their rows when no append can take their places any more.
func (s *Store) moveOut(ctx context.Context, parts []part, moved func(streams, events int)) error {
	for batch := range batches(parts, archiveBatchEvents) {
		if err := s.place(ctx, batch); err != nil {
			return err
		}
	}
	if err := s.beginEpoch(ctx); err != nil {
		return err
	}
	for batch := range batches(parts, archiveBatchEvents) {
		deleted, err := s.remove(ctx, batch)
		if err != nil {
			return err
		}
		moved(len(batch), deleted)
	}
	return nil
}

// place writes down where streams are archived. One that another run has moved as far meanwhile stays where that one put it.
func (s *Store) place(ctx context.Context, parts []part) error {
	const query = `
		INSERT INTO archived_streams AS a (order_id, version, file, "offset", length, sha256)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (order_id) DO UPDATE
		SET version = excluded.version, file = excluded.file, "offset" = excluded."offset", length = excluded.length,
			sha256 = excluded.sha256, archived_at = excluded.archived_at
		WHERE a.version < excluded.version`
	var batch pgx.Batch
	for _, p := range parts {
		batch.Queue(query, p.stream, p.version, p.file, p.offset, p.length, p.sum)
	}
	return s.pool.SendBatch(ctx, &batch).Close()
}

// remove deletes the rows that the archive has, all of them or none.
func (s *Store) remove(ctx context.Context, parts []part) (deleted int, err error) {
	const query = `DELETE FROM order_events WHERE order_id = $1 AND version <= $2`
	var batch pgx.Batch
	for _, p := range parts {
		batch.Queue(query, p.stream, p.version).Exec(func(tag pgconn.CommandTag) error {
			deleted += int(tag.RowsAffected())
			return nil
		})
	}
	return deleted, s.pool.SendBatch(ctx, &batch).Close()
}

// chunks gives the streams in slices of at most n.
func chunks(streams iter.Seq2[Ended, error], n int) iter.Seq2[[]Ended, error] {
	return func(yield func([]Ended, error) bool) {
		var chunk []Ended
		for each, err := range streams {
			if err != nil {
				yield(nil, err)
				return
			}
			if chunk = append(chunk, each); len(chunk) == n {
				if !yield(chunk, nil) {
					return
				}
				chunk = nil
			}
		}
		if len(chunk) > 0 {
			yield(chunk, nil)
		}
	}
}

// batches gives the parts in slices of about n events, and at least one part.
func batches(parts []part, n int) iter.Seq[[]part] {
	return func(yield func([]part) bool) {
		for len(parts) > 0 {
			events, end := 0, 0
			for end < len(parts) && (end == 0 || events+parts[end].version <= n) {
				events += parts[end].version
				end++
			}
			if !yield(parts[:end]) {
				return
			}
			parts = parts[end:]
		}
	}
}
