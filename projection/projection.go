package projection

import (
	"context"
	"fmt"
	"hash/fnv"

	"github.com/jackc/pgx/v5"

	"orderly/eventstore"
)

// Projection turns events into a read model.
type Projection struct {
	// Name names it in the table of projections, for ever.
	Name string
	// Version grows when the shape or the meaning of the read model changes: it is built anew then.
	Version int
	// Tables are those that Apply writes. Apply names them without a schema: a rebuild has tables of the same names in another
	// one. They are listed in read_model_tables.
	Tables []string
	// Metadata are the keys of metadata that Apply looks at. Events may come with Metadata nil when it has none of them, and with Hash
	// nil. Projections with the same keys share what they read of the feed while they catch up.
	Metadata []string
	// Shards is how many runners share the work, each for the orders that [ShardOf] gives it; 0 is one. Apply must get by with
	// the others' writing to rows of the same tables.
	Shards int
	// Apply writes what the events change, with tx and nothing else. Events come in the order of the feed; those of one order
	// come in the order of its versions and may have been applied before (see [Next]). It may be called again with the same
	// events, or fewer, after it failed: nothing of the failed call is left.
	Apply func(ctx context.Context, tx pgx.Tx, events []eventstore.Event) error
}

// shards is how many there are.
func (p Projection) shards() int { return max(p.Shards, 1) }

// ShardOf is the shard that an order belongs to (FNV-1a: Fowler, Noll and Vo).
func ShardOf(orderID string, shards int) int {
	if shards <= 1 {
		return 0
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(orderID)) // never fails
	return int(hash.Sum32() % uint32(shards))
}

// Skipped is the type of an event that stands in for one which was left out by hand: Apply takes note of its version, and
// nothing else.
const Skipped = "projection.Skipped"

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
