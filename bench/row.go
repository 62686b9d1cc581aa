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
	Target   float64 `json:"target"`
	Met      bool    `json:"met"`
}

// newRow compares the medians of a figure and of its baseline, of which more is better.
func newRow(name, unit string, target float64, figures, baselines []float64) Row {
	row := Row{Name: name, Unit: unit, Figure: median(figures), Baseline: median(baselines), Target: target}
	row.Ratio = row.Figure / row.Baseline
	row.Met = row.Ratio >= row.Target
	return row
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// Print writes the rows as a table.
func Print(w io.Writer, rows []Row) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "figure\t\tbaseline\tratio\ttarget\tmet\t")
	for _, row := range rows {
		met := "no"
		if row.Met {
			met = "yes"
		}
		fmt.Fprintf(table, "%s\t%.1f %s\t%.1f\t%.2f\t≥ %.2f\t%s\t\n", row.Name, row.Figure, row.Unit, row.Baseline, row.Ratio, row.Target, met)
	}
	return table.Flush()
}
