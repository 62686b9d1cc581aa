package eventstore

import (
	"context"
	"fmt"
)

// verifyPage is how many events are read at a time: it bounds the memory, and keeps each statement far below the
// time-outs of a session, however long the whole walk takes.
const verifyPage = 1000

// Verified counts what was found to be sound, and the streams that are not.
type Verified struct {
	Streams, Events, Faults int
}

// VerifyOptions are what a walk may be given.
type VerifyOptions struct {
	// Progress is called now and then, and at the end.
	Progress func(Verified)
	// Fault is called with each fault, and the walk goes on with the next stream. When nil, the first fault ends the walk.
	Fault func(*FaultError)
}

// Verify walks the chain of one stream, or of all when stream is empty, and returns the number of sound events. The
// first fault ends it with a [*FaultError].
//
// A chain alone shows neither that a stream's end was cut off nor that a whole stream is gone, nor what somebody wrote who
// can compute hashes: for that the heads must be known from elsewhere, see [Store.VerifyCheckpoints].
func (s *Store) Verify(ctx context.Context, stream string) (int, error) {
	if stream == "" {
		verified, err := s.VerifyAll(ctx, VerifyOptions{})
		return verified.Events, err
	}
	const query = `
		SELECT ` + columns + ` FROM order_events WHERE order_id = $1 AND version > $2 ORDER BY version LIMIT $3`
	verified, err := s.walk(ctx, VerifyOptions{}, func(last Event) ([]Event, error) {
		return s.query(ctx, query, stream, last.Version, verifyPage)
	})
	return verified.Events, err
}

// VerifyAll is Verify for all streams, in the order of their names, with constant memory. Of a broken stream, the first
// fault is found. Events that are appended meanwhile may or may not be walked.
func (s *Store) VerifyAll(ctx context.Context, options VerifyOptions) (Verified, error) {
	const query = `
		SELECT ` + columns + ` FROM order_events WHERE (order_id, version) > ($1, $2) ORDER BY order_id, version LIMIT $3`
	return s.walk(ctx, options, func(last Event) ([]Event, error) {
		return s.query(ctx, query, last.StreamID, last.Version, verifyPage)
	})
}

// walk checks page after page; next reads the one after an event, and the first one after the zero event.
func (s *Store) walk(ctx context.Context, options VerifyOptions, next func(last Event) ([]Event, error)) (Verified, error) {
	w := walker{options: options}
	for {
		page, err := next(w.last)
		if err != nil {
			return w.verified, fmt.Errorf("verify: %w", err)
		}
		for _, event := range page {
			if err := w.step(event); err != nil {
				return w.verified, err
			}
		}
		if options.Progress != nil {
			options.Progress(w.verified)
		}
		if len(page) < verifyPage {
			return w.verified, ctx.Err()
		}
	}
}

// walker is a walk so far.
type walker struct {
	options  VerifyOptions
	verified Verified
	last     Event
	broken   bool // the stream of the last event: what follows in it cannot be judged
}

func (w *walker) step(event Event) error {
	if event.StreamID != w.last.StreamID {
		w.last, w.broken = Event{StreamID: event.StreamID}, false
		w.verified.Streams++
	}
	last := w.last
	w.last = event
	if w.broken {
		return nil
	}
	fault := event.follows(last)
	if fault == nil {
		w.verified.Events++
		return nil
	}
	w.broken = true
	w.verified.Faults++
	return report(w.options.Fault, fault)
}

// report hands a fault to whoever wants all of them, or ends the search with it.
func report(each func(*FaultError), fault *FaultError) error {
	if each == nil {
		return fault
	}
	each(fault)
	return nil
}

// EstimateEvents is about how many events there are, as the database's statistics have it, in no time; 0 when they do not
// know yet.
func (s *Store) EstimateEvents(ctx context.Context) (int64, error) {
	const query = `SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'order_events'::regclass`
	var n int64
	if err := s.pool.QueryRow(ctx, query).Scan(&n); err != nil {
		return 0, fmt.Errorf("estimate the events: %w", err)
	}
	return n, nil
}
