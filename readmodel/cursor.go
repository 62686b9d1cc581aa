package readmodel

import (
	"encoding/base64"
	"encoding/json"
	"time"
)

// place is the place of a row in a list: its time, and its id to tell rows of the same time apart. The zero place is
// the beginning of a list.
type place struct {
	At time.Time `json:"at"`
	ID []string  `json:"id"`
}

func (p place) cursor() string {
	text, err := json.Marshal(p)
	if err != nil {
		return "" // the times come out of the database
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// parseCursor reads a cursor with that many ids; the empty one is the beginning.
func parseCursor(cursor string, ids int) (place, error) {
	if cursor == "" {
		return place{ID: make([]string, ids)}, nil
	}
	var p place
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || json.Unmarshal(text, &p) != nil || len(p.ID) != ids || p.At.IsZero() || p.At.Year() > 9999 {
		return place{}, ErrBadCursor
	}
	for _, id := range p.ID {
		if !storable(id) {
			return place{}, ErrBadCursor
		}
	}
	return p, nil
}
