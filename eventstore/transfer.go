package eventstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// Export writes a stream as it is stored, one event a line (see [EncodeLine]), and says how many there were. It reads page
// by page; the archived part comes from its file.
func (s *Store) Export(ctx context.Context, w io.Writer, stream string) (events int, err error) {
	const query = `SELECT ` + columns + ` FROM order_events WHERE order_id = $1 AND version > $2 ORDER BY version LIMIT $3`
	write := func(event Event) error {
		text, err := EncodeLine(event)
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		if _, err := w.Write(text); err != nil {
			return fmt.Errorf("export %s: %w", stream, err)
		}
		events++
		return nil
	}
	for last := 0; ; {
		page, err := s.query(ctx, query, stream, last, verifyPage)
		if err != nil {
			return events, fmt.Errorf("export %s: %w", stream, err)
		}
		for _, event := range page {
			if err := s.eachArchived(ctx, stream, last, event.Version, write); err != nil {
				return events, fmt.Errorf("export %s: %w", stream, err)
			}
			if err := write(event); err != nil {
				return events, err
			}
			last = event.Version
		}
		if len(page) < verifyPage {
			return events, nil
		}
	}
}

// eachArchived does something with the archived events between two versions.
func (s *Store) eachArchived(ctx context.Context, stream string, after, before int, do func(Event) error) error {
	if before == after+1 {
		return nil
	}
	for event, err := range s.archived(ctx, stream, after) {
		if err != nil || event.Version >= before {
			return err
		}
		if err := do(event); err != nil {
			return err
		}
	}
	return nil
}

// Imported counts what an import stored, and the streams that were there already.
type Imported struct {
	Streams, Events, Known int
}

// ImportError refuses a file.
type ImportError struct {
	Line    int
	Stream  string // empty when the line is not an event
	Version int
	Problem string
}

func (e *ImportError) Error() string {
	if e.Stream == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Problem)
	}
	return fmt.Sprintf("line %d: %s at version %d: %s", e.Line, e.Stream, e.Version, e.Problem)
}

// Import stores the streams of a file that Export wrote, or several of them one after the other or mixed. Ids, times
// and hashes stay as they are, the positions in the feed are new. A stream that is there already, with the same events at
// least, is left alone.
//
// A file in which anything is wrong is refused with an [*ImportError]: before the first event is stored, all lines are read,
// all chains walked, and all streams that exist compared. Then each stream is stored in a transaction of its own. When that is
// interrupted, the same import again goes on. Only the ends of all streams, and one stream at a time, are kept in memory;
// more of them when they are mixed.
func (s *Store) Import(ctx context.Context, file io.ReadSeeker) (Imported, error) {
	i := &importer{store: s, file: file, ends: map[string]*importedEnd{}}
	for _, pass := range []func(context.Context) error{i.check, i.compare, i.save} {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return Imported{}, fmt.Errorf("import: %w", err)
		}
		if err := pass(ctx); err != nil {
			return i.done, fmt.Errorf("import: %w", err)
		}
	}
	return i.done, nil
}

type importer struct {
	store *Store
	file  io.Reader
	ends  map[string]*importedEnd
	done  Imported
}

// importedEnd is how far a stream goes in the file.
type importedEnd struct {
	last  Event // without its content
	known bool  // it is stored already
}

// check walks the chains of all streams in the file.
func (i *importer) check(context.Context) error {
	return eachLine(i.file, func(e numberedEvent) error {
		end := i.ends[e.StreamID]
		if end == nil {
			end = &importedEnd{last: Event{StreamID: e.StreamID}}
			i.ends[e.StreamID] = end
		}
		if end.last.Version == 0 && e.Version != 1 {
			return e.refuse("the stream must begin at version 1")
		}
		if fault := e.follows(end.last); fault != nil {
			return e.refuse("%s", fault.Problem)
		}
		end.last = e.Event
		end.last.Data, end.last.Metadata = nil, nil
		return nil
	})
}

// compare finds out which streams are stored already, and refuses those that are stored differently or cannot be.
func (i *importer) compare(ctx context.Context) error {
	return i.eachStream(func(events []numberedEvent) error {
		known, err := i.store.isKnown(ctx, events)
		if err != nil {
			return err
		}
		i.ends[events[0].StreamID].known = known
		if known {
			return nil
		}
		return i.store.checkStorable(ctx, events)
	})
}

func (i *importer) save(ctx context.Context) error {
	return i.eachStream(func(events []numberedEvent) error {
		stream := events[0].StreamID
		if i.ends[stream].known {
			i.done.Known++
			return nil
		}
		plain := make([]Event, len(events))
		for n, e := range events {
			plain[n] = e.Event
		}
		err := i.store.insert(ctx, 0, plain)
		if isUniqueViolation(err) { // somebody stored it since it was compared
			known, err := i.store.isKnown(ctx, events)
			if known {
				i.done.Known++
			}
			return err
		}
		if err != nil {
			return fmt.Errorf("%s: %w", stream, err)
		}
		i.store.notifier.Announce()
		i.done.Streams++
		i.done.Events += len(events)
		return nil
	})
}

// eachStream gives the streams of the file, each one whole, in the order of their ends.
func (i *importer) eachStream(do func([]numberedEvent) error) error {
	open := map[string][]numberedEvent{}
	return eachLine(i.file, func(e numberedEvent) error {
		open[e.StreamID] = append(open[e.StreamID], e)
		if e.Version < i.ends[e.StreamID].last.Version {
			return nil
		}
		whole := open[e.StreamID]
		delete(open, e.StreamID)
		return do(whole)
	})
}

// isKnown says whether all events are stored, and refuses them when the stream is stored differently.
func (s *Store) isKnown(ctx context.Context, events []numberedEvent) (bool, error) {
	stored, _, err := s.Load(ctx, events[0].StreamID)
	if err != nil || len(stored) == 0 {
		return false, err
	}
	last := Event{StreamID: events[0].StreamID}
	for n, e := range events {
		switch {
		case n == len(stored):
			return false, e.refuse("the stream is stored already, and ends at version %d", n)
		case !bytes.Equal(stored[n].Hash, e.Hash):
			return false, e.refuse("the stream is stored already, with another event here")
		}
		if fault := stored[n].follows(last); fault != nil {
			return false, e.refuse("the stream is stored already, and broken: %s", fault.Problem)
		}
		last = stored[n]
	}
	return true, nil
}

// checkStorable lets Postgres read the values: it refuses some that are sound JSON, as a NUL in a string.
func (s *Store) checkStorable(ctx context.Context, events []numberedEvent) error {
	err := s.castable(ctx, events)
	if !errors.Is(err, ErrInvalidEvent) {
		return err
	}
	for n, e := range events {
		if err := s.castable(ctx, events[n:n+1]); err != nil {
			return e.refuse("cannot be stored: %v", err)
		}
	}
	return err
}

func (s *Store) castable(ctx context.Context, events []numberedEvent) error {
	const query = `
		SELECT count(data::jsonb) + count(metadata::jsonb) + count(names.name)
		FROM unnest($1::text[], $2::text[], $3::text[]) AS names (data, metadata, name)`
	var data, metadata, names []string
	for _, e := range events {
		data, metadata, names = append(data, string(e.Data)), append(metadata, string(e.Metadata)), append(names, e.StreamID+e.Type)
	}
	var n int
	return asInvalid(s.pool.QueryRow(ctx, query, data, metadata, names).Scan(&n))
}
