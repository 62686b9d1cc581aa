package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"orderly/eventstore"
)

// listedFaults bounds how many faults are named; the others are counted.
const listedFaults = 100

const (
	signaturesChecked   = "checked"
	signaturesUnchecked = "not checked"
)

// verifyReport is what verify found.
type verifyReport struct {
	Streams     int `json:"streams"`
	Events      int `json:"events"` // sound ones
	Checkpoints int `json:"checkpoints"`
	// Signatures says whether those of the checkpoints were checked.
	Signatures string       `json:"signatures"`
	FaultCount int          `json:"fault_count"`
	Faults     []foundFault `json:"faults"`
}

// foundFault is a fault of a stream; of a checkpoint when there is no stream.
type foundFault struct {
	Stream     string           `json:"stream"`
	Version    int              `json:"version"`
	Checkpoint int64            `json:"checkpoint,omitempty"`
	Fault      eventstore.Fault `json:"fault"`
	Problem    string           `json:"problem"`
}

func (r *verifyReport) add(f *eventstore.FaultError) {
	r.FaultCount++
	if len(r.Faults) < listedFaults {
		r.Faults = append(r.Faults, foundFault{
			Stream: f.Stream, Version: f.Version, Checkpoint: f.Checkpoint, Fault: f.Fault, Problem: f.Problem,
		})
	}
}

func (r *verifyReport) print(w io.Writer) error {
	counts := fmt.Sprintf("%d streams, %d events, %d checkpoints", r.Streams, r.Events, r.Checkpoints)
	if r.Checkpoints > 0 {
		counts += fmt.Sprintf(" (signatures %s)", r.Signatures)
	}
	if r.FaultCount == 0 {
		_, err := fmt.Fprintln(w, "sound:", counts)
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FAULT\tWHERE\tWHAT")
	for _, f := range r.Faults {
		where := fmt.Sprintf("%s version %d", f.Stream, f.Version)
		if f.Stream == "" {
			where = fmt.Sprintf("checkpoint %d", f.Checkpoint)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Fault, where, f.Problem)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if more := r.FaultCount - len(r.Faults); more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
	_, err := fmt.Fprintf(w, "NOT SOUND, faults: %d; walked %s\n", r.FaultCount, counts)
	return err
}
