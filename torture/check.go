package torture

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"orderly/order"
)

// Check holds the facts against each other and gives every promise that is broken.
func Check(facts Facts) []Finding {
	c := &checker{Facts: facts}
	c.commands()
	c.feed()
	c.effects()
	c.payments()
	c.stock()
	c.parcels()
	c.workflows()
	c.waiting()
	c.counts()
	c.verified()
	return c.findings
}

type checker struct {
	Facts

	findings []Finding
}

func (c *checker) findf(kind Kind, orderID, format string, args ...any) {
	c.findings = append(c.findings, Finding{kind, orderID, fmt.Sprintf(format, args...)})
}

// orders gives the ids of all orders, in one order every time.
func (c *checker) orders() []string { return slices.Sorted(maps.Keys(c.Streams)) }

// feed checks that every event was delivered once, each order's in their order.
func (c *checker) feed() {
	for _, id := range c.orders() {
		want, got := len(c.Streams[id].Events), c.Delivered[id]
		seen := map[int]int{}
		for i, version := range got {
			if seen[version]++; seen[version] == 2 {
				c.findf(Doubled, id, "the feed delivered version %d more than once", version)
			}
			if i > 0 && version < got[i-1] {
				c.findf(Unsound, id, "the feed delivered version %d after %d", version, got[i-1])
			}
		}
		for version := 1; version <= want; version++ {
			if seen[version] == 0 {
				c.findf(Lost, id, "the feed never delivered version %d", version)
			}
		}
	}
}

// workflows checks that open orders have a workflow, ended ones none, and that no workflow fails.
func (c *checker) workflows() {
	for _, id := range c.orders() {
		running, want := c.Running[id], 1
		if c.Streams[id].Plan.Ended {
			want = 0
		}
		if running != want {
			c.findf(Stuck, id, "%d workflows run for an order that is %s, want %d", running, c.Streams[id].State.Status, want)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.Running)) {
		if _, known := c.Streams[id]; !known && c.Running[id] > 0 {
			c.findf(Stuck, id, "a workflow runs for an order that there is not")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.Failing)) {
		c.findf(Stuck, id, "its workflow fails: %s", c.Failing[id])
	}
}

// waiting checks that whatever waits, waits for something that will come.
func (c *checker) waiting() {
	for _, id := range c.orders() {
		plan := c.Streams[id].Plan
		switch {
		case plan.Ended:
		case len(plan.Steps) > 0:
			c.findf(Stuck, id, "step %s is still to be done", plan.Steps[0].ID)
		case plan.Deadline != nil && c.Now.Sub(plan.Deadline.At) > overdue:
			c.findf(Stuck, id, "its deadline passed at %s and nothing happened: %s", plan.Deadline.At, plan.Deadline.Summary)
		case plan.Deadline == nil && plan.WaitingFor == "":
			c.findf(Stuck, id, "it is %s and waits for nothing", c.Streams[id].State.Status)
		case len(c.Streams[id].State.Attention) > 0:
			c.findf(Stuck, id, "no operator could help: %+v", c.Streams[id].State.Attention[0])
		}
	}
}

// counts checks the counts of orders in each status at instants against the orders' events.
func (c *checker) counts() {
	for _, counted := range c.Counted {
		want := map[order.Status]int64{}
		for _, stream := range c.Streams {
			var status order.Status
			for _, entered := range stream.Entered {
				if !entered.At.After(counted.At) {
					status = entered.Status
				}
			}
			if status != "" {
				want[status]++
			}
		}
		for _, status := range order.Statuses {
			if counted.Counts[status] != want[status] {
				c.findf(ReadModel, "", "at %s it counts %d orders that are %s; by the events it is %d",
					counted.At.Format(time.RFC3339Nano), counted.Counts[status], status, want[status])
			}
		}
	}
}

// verified passes on what `orderly verify` found.
func (c *checker) verified() {
	for _, f := range c.Verified {
		kind := Unsound
		if f.Fault == "read_model" {
			kind = ReadModel
		}
		c.findf(kind, f.Stream, "%s: %s", f.Fault, f.Problem)
	}
}
