package projection

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
)

// Projection turns events into a read model.
type Projection struct {
	// Name names it in the table of projections, for ever.
	Name string
	// Version grows when the shape or the meaning of the read model changes.
	Version int
	// Apply writes what the events change, with tx and nothing else. Events come in the order of the feed; those of one order
	// come in the order of its versions and may have been applied before (see [Next]). It may be called again with the same
	// events, or fewer, after it failed: nothing of the failed call is left.
	Apply func(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error
}

// GapError says that a version of a stream was skipped: the read model is not what its checkpoint claims, or the feed
// is not what it promises. A runner stops at it.
type GapError struct {
	Stream    string
	Have, Got int // versions
}

func (e *GapError) Error() string {
	return fmt.Sprintf("the feed gave version %d of %s after version %d: events were skipped", e.Got, e.Stream, e.Have)
}

// Next says whether an event is the next one for a read model that has its stream at a version. An event that the read model has
// already is not; one that leaves a gap is a [*GapError].
func Next(have int, event eventstore.Event) (bool, error) {
	switch {
	case event.Version <= have:
		return false, nil
	case event.Version > have+1:
		return false, &GapError{Stream: event.StreamID, Have: have, Got: event.Version}
	default:
		return true, nil
	}
}
