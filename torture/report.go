package torture

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Report is how a run went.
type Report struct {
	Seed    uint64 `json:"seed"`
	Seconds int    `json:"seconds"`
	// Operations were begun by clients; the others of the numbers say what they were told.
	Operations   int `json:"operations"`
	Acknowledged int `json:"acknowledged"`
	Refused      int `json:"refused"`
	Unanswered   int `json:"unanswered"`
	Orders       int `json:"orders"`
	Events       int `json:"events"`
	// Statuses is how many orders ended in each status.
	Statuses map[string]int `json:"statuses"`
	// Faults is how often each came.
	Faults map[string]int `json:"faults"`
	// Found is how often each kind of promise was broken.
	Found    map[Kind]int `json:"found"`
	Findings []Finding    `json:"findings"`
	// Timelines tell the stories of the first orders of the findings.
	Timelines []string `json:"timelines,omitempty"`
	// Kept is where the logs are, after a run that found something.
	Kept string `json:"kept,omitempty"`
}

func newReport(seed uint64, facts Facts, findings []Finding, faults map[string]int) *Report {
	r := &Report{
		Seed: seed, Operations: len(facts.Sent), Orders: len(facts.Streams), Statuses: map[string]int{}, Faults: faults,
		Found: map[Kind]int{}, Findings: append([]Finding{}, findings...),
	}
	for _, op := range facts.Sent {
		switch op.Outcome {
		case Acknowledged:
			r.Acknowledged++
		case Refused:
			r.Refused++
		case Unknown:
			r.Unanswered++
		}
	}
	for _, stream := range facts.Streams {
		r.Events += len(stream.Events)
		r.Statuses[string(stream.State.Status)]++
	}
	for _, kind := range Kinds {
		r.Found[kind] = 0
	}
	for _, finding := range findings {
		r.Found[finding.Kind]++
	}
	return r
}

// listedFindings bounds how many findings are printed; all are counted.
const listedFindings = 30

// Print writes the report for people.
func (r *Report) Print(w io.Writer) error {
	for i, finding := range r.Findings {
		if i == listedFindings {
			fmt.Fprintf(w, "and %d more\n", len(r.Findings)-i)
			break
		}
		fmt.Fprintf(w, "%s  %s: %s\n", strings.ToUpper(string(finding.Kind)), finding.OrderID, finding.What)
	}
	for _, timeline := range r.Timelines {
		fmt.Fprintf(w, "\n%s\n", timeline)
	}
	if r.Kept != "" {
		fmt.Fprintf(w, "logs, ledgers and data are kept in %s\n", r.Kept)
	}
	fmt.Fprintf(w, "seed %d, %d s: %d operations, %d acknowledged, %d refused, %d never answered; %d orders, %d events (%s)\n",
		r.Seed, r.Seconds, r.Operations, r.Acknowledged, r.Refused, r.Unanswered, r.Orders, r.Events, counts(r.Statuses))
	sum := 0
	for _, n := range r.Faults {
		sum += n
	}
	fmt.Fprintf(w, "%d faults: %s\n", sum, counts(r.Faults))
	_, err := fmt.Fprintf(w, "%s\n%s\n", r.line(Kinds[6:]), r.line(Kinds[:6]))
	return err
}

func (r *Report) line(kinds []Kind) string {
	parts := make([]string, len(kinds))
	for i, kind := range kinds {
		parts[i] = fmt.Sprintf("%s %d", kind, r.Found[kind])
	}
	return strings.Join(parts, ", ")
}

func counts(of map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, of[name]))
	}
	return strings.Join(parts, ", ")
}
