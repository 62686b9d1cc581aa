package readmodel

import (
	"strings"
	"time"
	"unicode/utf8"
)

// storable says whether Postgres can have stored the text: one that it cannot is found nowhere, and asking for it
// would be an error.
func storable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

func allStorable(texts ...string) bool {
	for _, text := range texts {
		if !storable(text) {
			return false
		}
	}
	return true
}

const (
	defaultLimit = 50
	largestLimit = 1000
)

// pageSize is the limit that was asked for, within bounds.
func pageSize(asked int) int {
	if asked <= 0 {
		return defaultLimit
	}
	return min(asked, largestLimit)
}

// orNil is the moment as a parameter: none for the zero time.
func orNil(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

// utc is the moment in UTC, as everything is given; nil for none.
func utc(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	moment := at.UTC()
	return &moment
}
