package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"go.temporal.io/sdk/client"
)

// Options say what to measure against.
type Options struct {
	// URL and Key reach a running Orderly whose orders close as soon as they are delivered.
	URL, Key string
	// Temporal is the server that Orderly uses, too.
	Temporal client.Client
	// Orders is how many lives each round measures, Rounds how many rounds there are, InFlight how many lives are under
	// way at a time.
	Orders, Rounds, InFlight int
	// Progress hears what is being done.
	Progress io.Writer
}

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

// Run measures whole lifecycles per second through HTTP, webhooks and read models included, beside the floor, in turns,
// and gives the medians.
func Run(ctx context.Context, o Options) ([]Row, error) {
	base, err := startFloor(o.Temporal)
	if err != nil {
		return nil, err
	}
	defer base.stop()
	through := newOrders(o.URL, o.Key, o.Temporal)
	nothingAfter := func(context.Context) error { return nil }
	if _, err := rate(ctx, o.InFlight, o.InFlight, through.life, through.caughtUp); err != nil {
		return nil, fmt.Errorf("warm up: %w", err)
	}
	var floors, figures []float64
	for round := range o.Rounds {
		low, err := rate(ctx, o.Orders, o.InFlight, base.life, nothingAfter)
		if err != nil {
			return nil, fmt.Errorf("the floor: %w", err)
		}
		figure, err := rate(ctx, o.Orders, o.InFlight, through.life, through.caughtUp)
		if err != nil {
			return nil, fmt.Errorf("orders: %w", err)
		}
		floors, figures = append(floors, low), append(figures, figure)
		fmt.Fprintf(o.Progress, "round %d of %d: floor %.1f/s, orders %.1f/s\n", round+1, o.Rounds, low, figure)
	}
	row := Row{Name: fmt.Sprintf("whole lifecycle, %d in flight", o.InFlight), Unit: "orders/s", Figure: median(figures), Baseline: median(floors), Target: 0.75}
	row.Ratio = row.Figure / row.Baseline
	row.Met = row.Ratio >= row.Target
	return []Row{row}, nil
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
