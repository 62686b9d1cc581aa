package eventstore

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/klauspost/compress/zstd"
)

// ArchiveError says that the archived part of a stream cannot be read, or is not what was written.
type ArchiveError struct {
	Stream string
	File   string
	Err    error
}

func (e *ArchiveError) Error() string {
	return fmt.Sprintf("the archived part of %s in %s: %v", e.Stream, e.File, e.Err)
}

func (e *ArchiveError) Unwrap() error { return e.Err }

var errArchiveChanged = errors.New("its SHA-256 is not the one that was written down: the file was changed")

// part is where a stream's events from the first to a version stand: a whole zstd frame of lines, in a file.
type part struct {
	stream         string
	version        int
	file           string
	offset, length int64
	sum            []byte
}

// withArchived puts the archived events between a version and the first of those that were found in front of these.
func (s *Store) withArchived(ctx context.Context, stream string, after int, found []Event, until bound) ([]Event, error) {
	switch {
	case len(found) > 0 && found[0].Version == after+1:
		return found, nil
	case len(found) > 0:
		until.version = found[0].Version - 1
	case until == theEnd: // the last event of a stream is never archived
		return nil, nil
	}
	var archived []Event
	for event, err := range s.archived(ctx, stream, after) {
		if err != nil {
			return nil, err
		}
		if !until.includes(event) {
			break
		}
		archived = append(archived, event)
	}
	return slices.Concat(archived, found), nil
}

// archived reads the archived events of a stream after a version, one at a time; none when nothing was archived. The
// chain is not checked, but that the file still has what was written into it.
func (s *Store) archived(ctx context.Context, stream string, after int) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		p, err := s.partOf(ctx, stream)
		if err != nil {
			yield(Event{}, err)
			return
		}
		if p == nil || p.version <= after {
			return
		}
		for event, err := range p.read(s.archiveDir) {
			if err == nil && event.Version <= after {
				continue
			}
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

func (s *Store) partOf(ctx context.Context, stream string) (*part, error) {
	const query = `SELECT version, file, "offset", length, sha256 FROM archived_streams WHERE order_id = $1`
	p := part{stream: stream}
	err := s.pool.QueryRow(ctx, query, stream).Scan(&p.version, &p.file, &p.offset, &p.length, &p.sum)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find the archived part of %s: %w", stream, err)
	}
	return &p, nil
}

// read gives the part's events after it has made sure that the file has them as they were written.
func (p *part) read(dir string) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		path := filepath.Join(dir, filepath.Base(p.file))
		fail := func(err error) { yield(Event{}, &ArchiveError{Stream: p.stream, File: path, Err: err}) }
		file, err := os.Open(path)
		if err != nil {
			fail(err)
			return
		}
		defer func() { _ = file.Close() }()
		if err := p.check(file); err != nil {
			fail(err)
			return
		}
		lines, err := zstd.NewReader(io.NewSectionReader(file, p.offset, p.length),
			zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			fail(err)
			return
		}
		defer lines.Close()
		for event, err := range p.events(lines) {
			if err != nil {
				fail(err)
				return
			}
			if !yield(event, nil) {
				return
			}
		}
	}
}

// check compares the part's bytes with the sum that was written down.
func (p *part) check(file io.ReaderAt) error {
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(file, p.offset, p.length))
	switch {
	case err != nil:
		return err
	case n < p.length:
		return fmt.Errorf("the file ends %d bytes too early", p.length-n)
	case !slices.Equal(sum.Sum(nil), p.sum):
		return errArchiveChanged
	default:
		return nil
	}
}

// events reads lines that must be the part's stream from its first event to the part's version.
func (p *part) events(lines io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		version := 0
		for event, err := range eventsOf(lines) {
			if err == nil && (event.StreamID != p.stream || event.Version != version+1) {
				err = fmt.Errorf("has version %d of %s where version %d is due", event.Version, event.StreamID, version+1)
			}
			if !yield(event, err) || err != nil {
				return
			}
			version++
		}
		if version != p.version {
			yield(Event{}, fmt.Errorf("ends with version %d, not %d", version, p.version))
		}
	}
}

// outOfFeed is the event without its place in the feed. That of an archived one has no meaning any more: the table may have been
// moved to another cluster since, where positions begin anew.
func (e Event) outOfFeed() Event {
	e.Position = Position{}
	return e
}

// eventsOf reads events line by line, with the memory of one.
func eventsOf(r io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, maxLine)
		for lines.Scan() {
			event, err := DecodeLine(lines.Bytes())
			if !yield(event, err) || err != nil {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Event{}, err)
		}
	}
}
