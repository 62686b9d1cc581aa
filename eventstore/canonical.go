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

// canonical rewrites a JSON value so that it comes out the same whether it was just encoded or has been through jsonb:
// keys sorted by their bytes, of equal keys the last, no white space, strings as encoding/json escapes them, numbers plain
// integers. It is what decoding and encoding with encoding/json gives, at a fifth of the cost: each event is hashed
// when it is appended, and again whenever it is verified.
func canonical(data []byte) ([]byte, error) {
	if !json.Valid(data) {
		return nil, fmt.Errorf("%w: not JSON: %w", ErrInvalidEvent, json.Unmarshal(data, new(any)))
	}
	c := canonicalizer{in: data, out: make([]byte, 0, len(data))}
	if err := c.value(); err != nil {
		return nil, err
	}
	return c.out, nil
}

// canonicalizer walks over valid JSON, so that it need not look out for mistakes.
type canonicalizer struct {
	in, out []byte
	at      int
}

// next skips white space and gives the byte that follows.
func (c *canonicalizer) next() byte {
	for c.in[c.at] == ' ' || c.in[c.at] == '\n' || c.in[c.at] == '\t' || c.in[c.at] == '\r' {
		c.at++
	}
	return c.in[c.at]
}

func (c *canonicalizer) value() error {
	switch c.next() {
	case '{':
		return c.object()
	case '[':
		return c.array()
	case '"':
		_, err := c.text()
		return err
	case 't', 'n':
		c.copy(len("true"))
		return nil
	case 'f':
		c.copy(len("false"))
		return nil
	default:
		return c.number()
	}
}

func (c *canonicalizer) copy(n int) {
	c.out = append(c.out, c.in[c.at:c.at+n]...)
	c.at += n
}

func (c *canonicalizer) number() error {
	start := c.at
	if c.in[c.at] == '-' {
		c.at++
	}
	for c.at < len(c.in) && '0' <= c.in[c.at] && c.in[c.at] <= '9' {
		c.at++
	}
	number := c.in[start:c.at]
	if c.at < len(c.in) && strings.IndexByte(".eE", c.in[c.at]) >= 0 || string(number) == "-0" {
		return errNotInteger
	}
	c.out = append(c.out, number...)
	return nil
}

// text rewrites a string, and gives what it says when it is a key that must be compared.
func (c *canonicalizer) text() (key []byte, err error) {
	start, plain := c.at, true
	for c.at++; c.in[c.at] != '"'; c.at++ {
		switch b := c.in[c.at]; {
		case b == '\\':
			plain = false
			c.at++
		case b >= 0x80 || b == '<' || b == '>' || b == '&':
			plain = false // encoding/json may write it differently
		}
	}
	c.at++
	token := c.in[start:c.at]
	if plain {
		c.out = append(c.out, token...)
		return token[1 : len(token)-1], nil
	}
	var value string
	if err := json.Unmarshal(token, &value); err != nil {
		return nil, fmt.Errorf("%w: not JSON: %w", ErrInvalidEvent, err)
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("%w: not JSON: %w", ErrInvalidEvent, err)
	}
	c.out = append(c.out, encoded...)
	return []byte(value), nil
}

func (c *canonicalizer) array() error {
	c.copy(1)
	for first := true; c.next() != ']'; first = false {
		if !first {
			c.copy(1) // the comma
		}
		if err := c.value(); err != nil {
			return err
		}
	}
	c.copy(1)
	return nil
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
	for first := true; c.next() != '}'; first = false {
		if !first {
			c.copy(1) // the comma
			c.next()
		}
		m := member{start: len(c.out)}
		var err error
		if m.key, err = c.text(); err != nil {
			return err
		}
		c.next()
		c.copy(1) // the colon
		if err := c.value(); err != nil {
			return err
		}
		m.end = len(c.out)
		sorted = sorted && (first || bytes.Compare(members[len(members)-1].key, m.key) < 0)
		members = append(members, m)
	}
	if !sorted {
		c.sort(members, begin)
	}
	c.copy(1)
	return nil
}

// sort puts the members of an object, which lie at the end of the output, into their order.
func (c *canonicalizer) sort(members []member, begin int) {
	slices.SortStableFunc(members, func(a, b member) int { return bytes.Compare(a.key, b.key) })
	lying := slices.Clone(c.out[begin:])
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
