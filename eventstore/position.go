package eventstore

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Position is a place in the feed: the transaction that wrote the event, and the event's number. Clients treat its text
// ("812.40017") as opaque. The zero Position is before the first event.
type Position struct {
	Tx  uint64
	Seq int64
}

// ParsePosition reads what String wrote.
func ParsePosition(text string) (Position, error) {
	left, right, ok := strings.Cut(text, ".")
	if !ok {
		return Position{}, fmt.Errorf("position %q: want two numbers with a dot between them", text)
	}
	tx, err := strconv.ParseUint(left, 10, 64)
	if err != nil {
		return Position{}, fmt.Errorf("position %q: %w", text, err)
	}
	seq, err := strconv.ParseInt(right, 10, 64)
	if err != nil || seq < 0 {
		return Position{}, fmt.Errorf("position %q: want a number after the dot", text)
	}
	return Position{Tx: tx, Seq: seq}, nil
}

func (p Position) String() string { return fmt.Sprintf("%d.%d", p.Tx, p.Seq) }

// Compare is -1, 0 or 1 as p is before, at or after q in the feed.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Tx, q.Tx), cmp.Compare(p.Seq, q.Seq))
}

// MarshalText writes the position as String does.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (p *Position) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePosition(string(text))
	return err
}
