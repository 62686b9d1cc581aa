// Package sabotage lets a process harm itself when its environment asks for it: it dies by SIGKILL at a named point, or
// decides by a clock that jumps. It hangs on what the program is wired of (the transport to the gateways, the tracer of the
// pool, an interceptor of activities, the HTTP handler), so that no code of the product knows of it. `orderly torture`
// asks; nobody else does.
package sabotage

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// The points at which a process can die.
const (
	BeforeEffect   = "before_effect"   // a gateway is about to be asked
	AfterEffect    = "after_effect"    // a gateway has answered, and nothing of it is recorded
	BeforeActivity = "before_activity" // an activity is about to run
	AfterActivity  = "after_activity"  // what an activity did is committed, and nobody knows that it ended
	InBatch        = "in_batch"        // a batch of statements is half through
	BeforeCommit   = "before_commit"   // everything of a transaction is written
	AfterCommit    = "after_commit"    // it is committed, and nobody was told
	BeforeAnswer   = "before_answer"   // a request was carried out, and its answer is about to leave
)

// Points lists the points that a process with a role comes by.
func Points(role string) []string {
	switch role {
	case "worker":
		return []string{BeforeEffect, AfterEffect, BeforeActivity, AfterActivity, InBatch}
	case "projector":
		return []string{BeforeActivity, InBatch, BeforeCommit, AfterCommit}
	case "api":
		return []string{InBatch, BeforeAnswer}
	default:
		return nil
	}
}

// Killer kills its process when a point has been passed as often as it was told. A nil Killer never does.
type Killer struct {
	point string
	left  atomic.Int64
}

// UnmarshalText reads a point and, after a colon, how often it is passed, the deadly time included: "after_effect:12".
func (k *Killer) UnmarshalText(text []byte) error {
	point, count, _ := strings.Cut(string(text), ":")
	known := slices.Concat(Points("worker"), Points("projector"), Points("api"))
	if !slices.Contains(known, point) {
		return fmt.Errorf("there is no point %q to die at; there are %v", point, known)
	}
	times, err := strconv.ParseInt(count, 10, 64)
	if err != nil || times < 1 {
		return fmt.Errorf("die at %s after how many times? %q is no positive number", point, count)
	}
	k.point = point
	k.left.Store(times)
	return nil
}

func (k *Killer) pass(point string) {
	if k.point == point && k.left.Add(-1) == 0 {
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {} // nothing more happens here, however late the signal is
	}
}

// jumpEvery is how long a jumping clock stays where it is.
const jumpEvery = 4 * time.Second

// Clock is a clock that jumps ahead by skew and back again every few seconds; time.Now when skew is 0.
func Clock(skew time.Duration) func() time.Time {
	if skew == 0 {
		return time.Now
	}
	began := time.Now()
	return func() time.Time {
		now := time.Now()
		if now.Sub(began)/jumpEvery%2 == 1 {
			return now.Add(skew)
		}
		return now
	}
}
