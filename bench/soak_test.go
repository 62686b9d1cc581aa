package bench

import (
	"strings"
	"testing"
	"time"
)

// soaked is a soak of nine samples, each of which looks as it is told for its number.
func soaked(look func(n int, taken *sample)) *soak {
	s := &soak{}
	s.asked.Store(100)
	for n := range 9 {
		taken := sample{lag: 20 * time.Millisecond, tables: map[string]tableSize{
			"order_views": {bytes: int64(8<<20 + n*4<<20), live: int64(2000 + n*1000), dead: 3000}, // it grows with its rows
			"projections": {bytes: 64 << 10, live: 3, dead: int64(n * 100)},
		}}
		for range soakGauges {
			taken.gauges = append(taken.gauges, 100)
		}
		look(n, &taken)
		s.samples = append(s.samples, taken)
	}
	return s
}

// TestSoak_Rows_TellWhatGrowsOn: what grows only while it warms up, or with the orders that there are, is met.
func TestSoak_Rows_TellWhatGrowsOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		look   func(n int, taken *sample)
		failed int64
		unmet  string // the beginning of the only row that is not met
	}{
		"nothing":          {look: func(int, *sample) {}},
		"warming up":       {look: func(n int, taken *sample) { taken.gauges[0] = float64(100 * min(n+1, 3)) }},
		"few more of few":  {look: func(n int, taken *sample) { taken.gauges[5] = float64(n) }},
		"memory":           {look: func(n int, taken *sample) { taken.gauges[0] += float64(n * 10) }, unmet: "resident memory"},
		"connections":      {look: func(n int, taken *sample) { taken.gauges[4] += float64(n * 10) }, unmet: "its connections"},
		"lag":              {look: func(n int, taken *sample) { taken.lag *= time.Duration(1 + 2*n) }, unmet: "lag"},
		"a failed request": {look: func(int, *sample) {}, failed: 1, unmet: "requests"},
		"a table": {look: func(n int, taken *sample) {
			taken.tables["order_views"] = tableSize{bytes: int64(8+n) << 20, live: 2000, dead: 500}
		}, unmet: "bytes a row of order_views"},
		"dead rows": {look: func(n int, taken *sample) {
			taken.tables["order_views"] = tableSize{bytes: 8 << 20, live: 2000, dead: int64(n * 1000)}
		}, unmet: "dead rows a row of order_views"},
		"one row that is updated": {look: func(n int, taken *sample) {
			taken.tables["projections"] = tableSize{bytes: int64(n) << 20, live: 3, dead: 30}
		}, unmet: "bytes a row of projections"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := soaked(c.look)
			s.failed.Store(c.failed)
			rows, err := s.rows()
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				if expected := c.unmet != "" && strings.HasPrefix(row.Name, c.unmet); row.Met == expected {
					t.Errorf("%s: %.2f, met: %v", row.Name, row.Ratio, row.Met)
				}
			}
			if len(rows) != len(soakGauges)+4 {
				t.Errorf("%d rows: %v", len(rows), rows)
			}
		})
	}
}
