package projection

import "time"

const (
	// smallestBatch is the size while there is little to do. Of so few rows Postgres keeps the plan of the feed's query: making it
	// anew each time costs several times as much as reading them.
	smallestBatch = 32
	largestBatch  = 8000
	// slowBatch is how long a batch may take before the next one is made smaller: a batch holds its rows, and the feed of every
	// other reader, for that long.
	slowBatch = time.Second
)

// batchSize adapts the size of batches: small ones are soon visible and quickly read, large ones cost less for each event. The
// zero value is ready to use.
type batchSize struct{ now int }

func (s *batchSize) limit() int {
	if s.now == 0 {
		s.now = smallestBatch
	}
	return s.now
}

// applied takes note of a batch that went well; full says that there may be more to read.
func (s *batchSize) applied(full bool, took time.Duration) {
	switch {
	case took > slowBatch:
		s.now = max(s.limit()/2, 1)
	case full:
		s.now = min(s.limit()*2, largestBatch)
	default:
		s.now = max(s.limit()/2, smallestBatch)
	}
}

// failed takes note of a batch of n events that failed.
func (s *batchSize) failed(n int) { s.now = max(n/2, 1) }
