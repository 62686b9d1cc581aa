package eventstore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// errNotInteger refuses numbers that Postgres may give back in another form than they were written in.
var errNotInteger = fmt.Errorf("%w: numbers must be plain integers", ErrInvalidEvent)

// errNotJSON refuses what encoding/json would not read either.
var errNotJSON = fmt.Errorf("%w: not JSON", ErrInvalidEvent)

// deepest is how far values may be nested, as in encoding/json.
const deepest = 10000

// appendCanonical appends a JSON value so that it comes out the same whether it was just encoded or has been through jsonb:
// keys sorted by their bytes, of equal keys the last, no white space, strings as encoding/json escapes them, numbers plain
// integers. It is what decoding and encoding with encoding/json gives, at a tenth of the cost: each event is hashed
// when it is appended, and again whenever it is verified.
func appendCanonical(out, data []byte) ([]byte, error) {
	c := canonicalizer{in: data, out: out}
	if err := c.value(); err != nil {
		return nil, err
	}
	if c.next(); c.at < len(data) {
		return nil, errNotJSON
	}
	return c.out, nil
}

// canonicalizer walks over JSON once, checking and rewriting it.
type canonicalizer struct {
	in, out   []byte
	at, depth int
}

// next skips white space and gives the byte that follows; 0, which no JSON has, at the end.
func (c *canonicalizer) next() byte {
	for c.at < len(c.in) {
		switch b := c.in[c.at]; b {
		case ' ', '\n', '\t', '\r':
			c.at++
		default:
			return b
		}
	}
	return 0
}

func (c *canonicalizer) value() error {
	switch c.next() {
	case '{':
		return c.nested(c.object)
	case '[':
		return c.nested(c.array)
	case '"':
		_, err := c.text()
		return err
	case 't':
		return c.literal("true")
	case 'n':
		return c.literal("null")
	case 'f':
		return c.literal("false")
	default:
		return c.number()
	}
}

func (c *canonicalizer) nested(value func() error) error {
	if c.depth++; c.depth > deepest {
		return errNotJSON
	}
	err := value()
	c.depth--
	return err
}

// copy takes the next n bytes as they are.
func (c *canonicalizer) copy(n int) {
	c.out = append(c.out, c.in[c.at:c.at+n]...)
	c.at += n
}

func (c *canonicalizer) literal(word string) error {
	if len(c.in)-c.at < len(word) || string(c.in[c.at:c.at+len(word)]) != word {
		return errNotJSON
	}
	c.copy(len(word))
	return nil
}

func (c *canonicalizer) number() error {
	rest := c.in[c.at:]
	n := 0
	if n < len(rest) && rest[n] == '-' {
		n++
	}
	digits := n
	for n < len(rest) && '0' <= rest[n] && rest[n] <= '9' {
		n++
	}
	switch {
	case n == digits, rest[digits] == '0' && n > digits+1:
		return errNotJSON
	case n < len(rest) && strings.IndexByte(".eE", rest[n]) >= 0, string(rest[:n]) == "-0":
		return errNotInteger
	}
	c.copy(n)
	return nil
}

// plain are the bytes that stand for themselves in a string, however it is encoded.
var plain = func() (table [256]bool) {
	for b := ' '; b < 0x80; b++ {
		table[b] = strings.IndexByte(`"\<>&`, byte(b)) < 0
	}
	return table
}()

// text rewrites a string, and gives what it says, for a key must be compared.
func (c *canonicalizer) text() ([]byte, error) {
	start := c.at
	i := start + 1
	for i < len(c.in) && plain[c.in[i]] {
		i++
	}
	if i < len(c.in) && c.in[i] == '"' {
		c.at = i + 1
		c.out = append(c.out, c.in[start:c.at]...)
		return c.in[start+1 : i], nil
	}
	return c.escaped(start, i)
}

// escaped is text for a string that encoding/json may write differently; i is where it is not plain.
func (c *canonicalizer) escaped(start, i int) ([]byte, error) {
	for i < len(c.in) && c.in[i] != '"' {
		if c.in[i] == '\\' {
			i++
		}
		i++
	}
	if i >= len(c.in) {
		return nil, errNotJSON
	}
	c.at = i + 1
	var value string
	if err := json.Unmarshal(c.in[start:c.at], &value); err != nil {
		return nil, errNotJSON
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, errNotJSON
	}
	c.out = append(c.out, encoded...)
	return []byte(value), nil
}

// separator takes what stands in front of the next of several values; done when the end is there instead.
func (c *canonicalizer) separator(end byte, first bool) (done bool, err error) {
	b := c.next()
	switch {
	case b == end:
		c.copy(1)
		return true, nil
	case first:
		return false, nil
	case b != ',':
		return false, errNotJSON
	}
	c.copy(1)
	if c.next() == end {
		return false, errNotJSON
	}
	return false, nil
}

func (c *canonicalizer) array() error {
	c.copy(1)
	for first := true; ; first = false {
		if done, err := c.separator(']', first); done || err != nil {
			return err
		}
		if err := c.value(); err != nil {
			return err
		}
	}
}

// member is a key of an object, and where it lies in the output with its value.
type member struct {
	key        []byte
	start, end int
}

func (c *canonicalizer) object() error {
	c.copy(1)
	var space [8]member // most objects are small
	members, begin, sorted := space[:0], len(c.out), true
	for first := true; ; first = false {
		done, err := c.separator('}', first)
		if err != nil {
			return err
		}
		if done {
			break
		}
		m, err := c.member()
		if err != nil {
			return err
		}
		sorted = sorted && (first || bytes.Compare(members[len(members)-1].key, m.key) < 0)
		members = append(members, m)
	}
	if !sorted {
		c.out = c.out[:len(c.out)-1]
		c.sort(members, begin)
		c.out = append(c.out, '}')
	}
	return nil
}

func (c *canonicalizer) member() (m member, err error) {
	if c.next() != '"' {
		return m, errNotJSON
	}
	m.start = len(c.out)
	if m.key, err = c.text(); err != nil {
		return m, err
	}
	if c.next() != ':' {
		return m, errNotJSON
	}
	c.copy(1)
	err = c.value()
	m.end = len(c.out)
	return m, err
}

// sort puts the members of an object, which lie at the end of the output, into their order.
func (c *canonicalizer) sort(members []member, begin int) {
	slices.SortStableFunc(members, func(a, b member) int { return bytes.Compare(a.key, b.key) })
	var space [512]byte // most objects are small
	lying := append(space[:0], c.out[begin:]...)
	c.out = c.out[:begin]
	for i, m := range members {
		if i+1 < len(members) && bytes.Equal(members[i+1].key, m.key) {
			continue
		}
		if len(c.out) > begin {
			c.out = append(c.out, ',')
		}
		c.out = append(c.out, lying[m.start-begin:m.end-begin]...)
	}
}
