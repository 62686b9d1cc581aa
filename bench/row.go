package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Row is a figure beside its baseline.
type Row struct {
	Name     string  `json:"name"`
	Unit     string  `json:"unit"`
	Figure   float64 `json:"figure"`
	Baseline float64 `json:"baseline"`
	Ratio    float64 `json:"ratio"`
	// Target is what the ratio must be: at least, or at most when less is better. A row without a target only tells.
	Target float64 `json:"target,omitempty"`
	AtMost bool    `json:"at_most,omitempty"`
	Met    bool    `json:"met"`
}

// newRow compares the medians of a figure and of its baseline, of which more is better.
func newRow(name, unit string, target float64, figures, baselines []float64) Row {
	row := Row{Name: name, Unit: unit, Figure: median(figures), Baseline: median(baselines), Target: target}
	row.Ratio = row.Figure / row.Baseline
	row.Met = row.Ratio >= row.Target
	return row
}

// newCost compares the medians of a figure and of its baseline, of which less is better.
func newCost(name, unit string, target float64, figures, baselines []float64) Row {
	row := newRow(name, unit, target, figures, baselines)
	row.AtMost, row.Met = true, row.Ratio <= target
	return row
}

// inTurns measures a baseline and a figure as [allInTurns] does.
func inTurns(rounds int, baseline, figure func() (float64, error)) (baselines, figures []float64, err error) {
	values, err := allInTurns(rounds, baseline, figure)
	if err != nil {
		return nil, nil, err
	}
	return values[0], values[1], nil
}

// allInTurns measures all in each round, and gives what each of them had. Every other round goes backwards, and there are twice as
// many rounds as were asked for: each measurement leaves something to do behind, as pages to be written, of which the next one
// pays its share.
func allInTurns(rounds int, measures ...func() (float64, error)) ([][]float64, error) {
	values := make([][]float64, len(measures))
	for round := range 2 * rounds {
		for i := range measures {
			if round%2 == 1 {
				i = len(measures) - 1 - i
			}
			value, err := measures[i]()
			if err != nil {
				return nil, err
			}
			values[i] = append(values[i], value)
		}
	}
	return values, nil
}

// median of values, of which there is at least one: of an even number, the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// Print writes the rows as a table.
func Print(w io.Writer, rows []Row) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "figure\t\tbaseline\tratio\ttarget\tmet\t")
	for _, row := range rows {
		fmt.Fprintf(table, "%s\t%.1f %s\t%.1f\t%.2f\t%s\t\n", row.Name, row.Figure, row.Unit, row.Baseline, row.Ratio, row.verdict())
	}
	return table.Flush()
}

// verdict is the target, and whether it was met.
func (r Row) verdict() string {
	met := map[bool]string{true: "yes", false: "no"}[r.Met]
	switch {
	case r.Target == 0:
		return "\t"
	case r.AtMost:
		return fmt.Sprintf("≤ %.2f\t%s", r.Target, met)
	default:
		return fmt.Sprintf("≥ %.2f\t%s", r.Target, met)
	}
}
