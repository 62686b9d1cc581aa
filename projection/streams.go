package projection

import (
	"cmp"
	"slices"

	"orderly/eventstore"
)

// Streams numbers the streams of a batch, so that what is kept of each is found without looking for its id at every event.
type Streams struct {
	// IDs are the streams' ids by number, in the order of their first events; Numbers are the numbers by id.
	IDs     []string
	Numbers map[string]int
	// Of is the number of each event's stream.
	Of []int
}

// StreamsOf numbers the streams of events.
func StreamsOf(events []eventstore.Event) Streams {
	s := Streams{Numbers: map[string]int{}, Of: make([]int, len(events))}
	for i := range events {
		id := events[i].StreamID
		number, known := s.Numbers[id]
		if !known {
			number = len(s.IDs)
			s.Numbers[id] = number
			s.IDs = append(s.IDs, id)
		}
		s.Of[i] = number
	}
	return s
}

// Events is how many each stream has.
func (s Streams) Events() []int {
	counts := make([]int, len(s.IDs))
	for _, number := range s.Of {
		counts[number]++
	}
	return counts
}

// ByID gives the numbers in the order of the ids: whoever writes rows in the same order as everybody else meets nobody crosswise.
func (s Streams) ByID() []int {
	numbers := make([]int, len(s.IDs))
	for i := range numbers {
		numbers[i] = i
	}
	slices.SortFunc(numbers, func(x, y int) int { return cmp.Compare(s.IDs[x], s.IDs[y]) })
	return numbers
}
