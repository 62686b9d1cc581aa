package bench

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// MemoryOptions say what to measure the memory of a serving process on.
type MemoryOptions struct {
	// System is one whose parcels never leave: so its orders stay under way.
	System System
	// Orders are how many orders are under way at each measurement, in ascending order.
	Orders   []int
	InFlight int
	// Progress hears what is being done.
	Progress io.Writer
}

const (
	// memoryTarget is in MB, with a thousand orders under way.
	memoryTarget = 300
	// settleFor is how long a process has to come to rest before it is measured.
	settleFor = 5 * time.Second
)

// Memory measures how much memory the process has with more and more orders under way.
func Memory(ctx context.Context, o MemoryOptions) ([]Row, error) {
	through := newOrders(o.System)
	var rows []Row
	placed := 0
	for _, n := range o.Orders {
		place := func(ctx context.Context) error { return through.place(ctx, newOrderID()) }
		if _, err := rate(ctx, n-placed, o.InFlight, place, through.caughtUp); err != nil {
			return nil, fmt.Errorf("place orders: %w", err)
		}
		placed = n
		if err := settle(ctx); err != nil {
			return nil, err
		}
		megabytes, err := through.memory(ctx)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(o.Progress, "memory with %d orders under way: %.0f MB\n", n, megabytes)
		name := fmt.Sprintf("memory of serve --all, %d orders under way", n)
		if n == 1000 {
			rows = append(rows, newCost(name+" / 300 MB", "MB", 1, []float64{megabytes}, []float64{memoryTarget}))
			continue
		}
		rows = append(rows, Row{Name: name, Unit: "MB", Figure: megabytes})
	}
	if first, last := rows[0], rows[len(rows)-1]; len(rows) > 1 {
		more := float64(o.Orders[len(o.Orders)-1]) / float64(o.Orders[0])
		rows = append(rows, newCost(fmt.Sprintf("%s / with %d", last.Name, o.Orders[0]), "MB", more, []float64{last.Figure}, []float64{first.Figure}))
	}
	return rows, nil
}

// settle lets the processes do what they have put off: Temporal has work with workflows that have ended.
func settle(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(settleFor):
		return nil
	}
}

// memory is the resident memory of the process, in MB, as it measures it.
func (o *orders) memory(ctx context.Context) (float64, error) {
	metrics, err := o.metrics(ctx)
	if err != nil {
		return 0, err
	}
	resident, ok := metrics[residentMetric]
	if !ok {
		return 0, errNothing
	}
	return resident / (1 << 20), nil
}

// residentMetric is in bytes.
const residentMetric = "process_resident_memory_bytes"

// metrics are what the process measures of itself, by name and labels as Prometheus writes them.
func (o *orders) metrics(ctx context.Context) (map[string]float64, error) {
	text, err := o.get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	metrics := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		line = strings.TrimSpace(line)
		end := strings.LastIndexByte(line, ' ')
		if end < 0 {
			continue
		}
		if metrics[line[:end]], err = strconv.ParseFloat(line[end+1:], 64); err != nil {
			return nil, fmt.Errorf("metrics: %s: %w", line, err)
		}
	}
	return metrics, nil
}
