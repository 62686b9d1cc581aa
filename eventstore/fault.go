package eventstore

import (
	"bytes"
	"fmt"
)

// Fault is a way in which a stream, or the checkpoints, can be broken.
type Fault string

// The faults that [Store.Verify] finds in a stream by itself.
const (
	FaultGap   Fault = "gap"   // versions do not follow each other: rows are missing, or were put in
	FaultTime  Fault = "time"  // an event is not later than the one before it
	FaultOrder Fault = "order" // an event stands in the feed before the one that it follows
	FaultHash  Fault = "hash"  // the row, or the one before it, was changed or put in
)

// The faults that [Store.VerifyCheckpoints] finds.
const (
	FaultCut        Fault = "cut"        // a stream ends before a version that a checkpoint saw
	FaultVanished   Fault = "vanished"   // a stream that a checkpoint saw has no events
	FaultMissing    Fault = "missing"    // an event that a checkpoint saw is gone, later ones are there
	FaultRewritten  Fault = "rewritten"  // another event stands where a checkpoint saw one
	FaultInserted   Fault = "inserted"   // an event stands in the feed where a checkpoint saw none
	FaultCheckpoint Fault = "checkpoint" // the checkpoints themselves were changed, or some are gone
)

// FaultError says what is wrong with a stream, and where; or with a checkpoint, and then there is no stream.
type FaultError struct {
	Stream     string
	Version    int
	Checkpoint int64 // the one that shows it; 0 when the stream does so by itself
	Fault      Fault
	Problem    string
}

func (e *FaultError) Error() string {
	if e.Stream == "" {
		return fmt.Sprintf("checkpoint %d: %s", e.Checkpoint, e.Problem)
	}
	return fmt.Sprintf("%s at version %d: %s", e.Stream, e.Version, e.Problem)
}

// follows says what is wrong with an event as the next one after another; the first of a stream follows one of version 0.
func (e Event) follows(last Event) *FaultError {
	fault := func(fault Fault, format string, args ...any) *FaultError {
		return &FaultError{Stream: e.StreamID, Version: e.Version, Fault: fault, Problem: fmt.Sprintf(format, args...)}
	}
	if e.Version != last.Version+1 {
		return fault(FaultGap, "follows version %d: events are missing", last.Version)
	}
	if !e.CreatedAt.After(last.CreatedAt) {
		return fault(FaultTime, "its time %s is not after %s, that of the one before it", e.CreatedAt, last.CreatedAt)
	}
	if last.Version > 0 && !last.Position.Less(e.Position) {
		return fault(FaultOrder, "its position %s is not after %s, that of the one before it", e.Position, last.Position)
	}
	hash, err := e.expectedHash(last.Hash)
	if err != nil {
		return fault(FaultHash, "cannot be hashed: %v", err)
	}
	if !bytes.Equal(hash, e.Hash) {
		return fault(FaultHash, "its hash does not fit: the row, or the one before it, was changed")
	}
	return nil
}
