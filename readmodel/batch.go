package readmodel

import (
	"cmp"
	"slices"

	"orderly/eventstore"
)

// batchOrders numbers the orders of a batch, so that what is kept of each is found without looking for its id at every event.
type batchOrders struct {
	ids     []string // by number
	numbers map[string]int
	of      []int // the number of each event's order
}

func ordersOf(events []eventstore.Event) batchOrders {
	b := batchOrders{numbers: map[string]int{}, of: make([]int, len(events))}
	for i := range events {
		id := events[i].StreamID
		number, known := b.numbers[id]
		if !known {
			number = len(b.ids)
			b.numbers[id] = number
			b.ids = append(b.ids, id)
		}
		b.of[i] = number
	}
	return b
}

// events is how many each order has.
func (b batchOrders) events() []int {
	counts := make([]int, len(b.ids))
	for _, number := range b.of {
		counts[number]++
	}
	return counts
}

// byID gives the numbers in the order of the ids: whoever writes rows in the same order as everybody else meets nobody crosswise.
func (b batchOrders) byID() []int {
	numbers := make([]int, len(b.ids))
	for i := range numbers {
		numbers[i] = i
	}
	slices.SortFunc(numbers, func(x, y int) int { return cmp.Compare(b.ids[x], b.ids[y]) })
	return numbers
}
