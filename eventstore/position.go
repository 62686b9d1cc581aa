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

// ParsePosition reads what String wrote, and nothing else: each position has one text.
func ParsePosition(text string) (Position, error) {
	left, right, _ := strings.Cut(text, ".")
	tx, txErr := strconv.ParseUint(left, 10, 64)
	seq, seqErr := strconv.ParseInt(right, 10, 64)
	position := Position{Tx: tx, Seq: seq}
	if txErr != nil || seqErr != nil || seq < 0 || position.String() != text {
		return Position{}, fmt.Errorf("position %q: want two numbers with a dot between them", text)
	}
	return position, nil
}

func (p Position) String() string { return fmt.Sprintf("%d.%d", p.Tx, p.Seq) }

// Compare is -1, 0 or 1 as p is before, at or after q in the feed.
func (p Position) Compare(q Position) int {
	return cmp.Or(cmp.Compare(p.Tx, q.Tx), cmp.Compare(p.Seq, q.Seq))
}

// Less is true when p is before q in the feed.
func (p Position) Less(q Position) bool { return p.Compare(q) < 0 }

// MarshalText writes the position as String does.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (p *Position) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePosition(string(text))
	return err
}
