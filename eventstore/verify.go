package eventstore

import (
	"context"
	"errors"
	"fmt"
)

// verifyPage is how many events are read at a time: it bounds the memory, and keeps each statement far below the
// time-outs of a session, however long the whole walk takes.
const verifyPage = 1000

// Verified counts what was found to be sound.
type Verified struct {
	Streams, Events int
}

// Verify walks the chain of one stream, or of all when stream is empty, and returns the number of sound events: those in the
// table and those in the archive. The first fault ends it with a [*FaultError].
//
// A chain alone shows neither that a stream's end was cut off nor that a whole stream is gone, nor what somebody wrote who
// can compute hashes: for that the heads must be known from elsewhere.
func (s *Store) Verify(ctx context.Context, stream string) (int, error) {
	if stream == "" {
		verified, err := s.VerifyAll(ctx, nil)
		return verified.Events, err
	}
	const query = `
		SELECT ` + columns + ` FROM order_events WHERE order_id = $1 AND version > $2 ORDER BY version LIMIT $3`
	verified, err := s.walk(ctx, nil, func(last Event) ([]Event, error) {
		return s.query(ctx, query, stream, last.Version, verifyPage)
	})
	return verified.Events, err
}

// VerifyAll is Verify for all streams, in the order of their names, with constant memory. It calls progress, unless that is
// nil, now and then, and at the end. Events that are appended meanwhile may or may not be walked.
func (s *Store) VerifyAll(ctx context.Context, progress func(Verified)) (Verified, error) {
	const query = `
		SELECT ` + columns + ` FROM order_events WHERE (order_id, version) > ($1, $2) ORDER BY order_id, version LIMIT $3`
	return s.walk(ctx, progress, func(last Event) ([]Event, error) {
		return s.query(ctx, query, last.StreamID, last.Version, verifyPage)
	})
}

// walk checks page after page; next reads the one after an event, and the first one after the zero event.
func (s *Store) walk(ctx context.Context, progress func(Verified), next func(last Event) ([]Event, error)) (Verified, error) {
	var verified Verified
	var last Event
	for {
		page, err := next(last)
		if err != nil {
			return verified, fmt.Errorf("verify: %w", err)
		}
		for _, event := range page {
			if event.StreamID != last.StreamID {
				last = Event{StreamID: event.StreamID}
				verified.Streams++
			}
			if event.Version > last.Version+1 {
				archived, end, err := s.walkArchived(ctx, last, event.Version)
				if verified.Events += archived; err != nil {
					return verified, err
				}
				last = end
			}
			if err := event.follows(last); err != nil {
				return verified, err
			}
			last = event
			verified.Events++
		}
		if progress != nil {
			progress(verified)
		}
		if len(page) < verifyPage {
			return verified, ctx.Err()
		}
	}
}

// walkArchived checks the archived events between the last one and a version, and gives the last of them. It finds none when
// the stream has no archive: then the gap shows as one.
func (s *Store) walkArchived(ctx context.Context, last Event, before int) (int, Event, error) {
	n := 0
	for event, err := range s.archived(ctx, last.StreamID, last.Version) {
		if broken, ok := errors.AsType[*ArchiveError](err); ok {
			return n, last, &FaultError{Stream: last.StreamID, Version: last.Version + 1, Fault: FaultArchive, Problem: broken.Error()}
		}
		if err != nil {
			return n, last, fmt.Errorf("verify: %w", err)
		}
		if event.Version >= before {
			break
		}
		if err := event.follows(last); err != nil {
			return n, last, err
		}
		last = event.outOfFeed()
		n++
	}
	return n, last, nil
}
