package eventstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// endAttempts bounds how often an append to the end is tried again because another writer was faster.
const endAttempts = 30

// AppendToEnd appends wherever the stream ends now: any version is expected. Events that were sent before are recognised
// by their ids, wherever they stand in the stream, and the first result is given. It reads the whole stream first:
// whoever decides by what is in a stream uses [Store.Append].
//
// Errors: as of [Store.Append]; a [*ConflictError] only when other writers were faster again and again.
func (s *Store) AppendToEnd(ctx context.Context, stream string, events ...NewEvent) ([]Event, Head, error) {
	for attempt := 1; ; attempt++ {
		there, head, err := s.Load(ctx, stream)
		if err != nil {
			return nil, Head{}, fmt.Errorf("append to the end of %s: %w", stream, err)
		}
		stored, end, err := s.Append(ctx, stream, headBefore(there, head, events), events...)
		if _, conflict := errors.AsType[*ConflictError](err); !conflict || attempt == endAttempts {
			return stored, end, err
		}
		select {
		case <-time.After(rand.N(time.Duration(attempt) * 2 * time.Millisecond)):
		case <-ctx.Done():
			return nil, Head{}, ctx.Err()
		}
	}
}

// headBefore is the head after which events stand in a stream already, or else its end.
func headBefore(there []Event, end Head, events []NewEvent) Head {
	if len(events) == 0 {
		return end
	}
	switch first := slices.IndexFunc(there, func(e Event) bool { return e.ID == events[0].ID }); first {
	case -1:
		return end
	case 0:
		return Head{}
	default:
		return there[first-1].head()
	}
}
