package api

import (
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// optional is a query parameter that may be left out, which its zero value cannot say.
type optional[T any] struct {
	Value T
	Given bool
}

// Schema is that of the value; huma asks for it.
func (optional[T]) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeFor[T]())
}

// Receiver is where huma puts the value.
func (o *optional[T]) Receiver() reflect.Value { return reflect.ValueOf(o).Elem().Field(0) }

// OnParamSet is how huma tells that there is one.
func (o *optional[T]) OnParamSet(given bool, _ any) { o.Given = given }

// instant is a moment in a query parameter. An unescaped + of a zone arrives as a space and is meant as a +.
type instant string

func (i instant) read(name string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, strings.Replace(string(i), " ", "+", 1))
	if err != nil {
		return time.Time{}, invalid(Fault{"/" + name, "must be a time as in RFC 3339, with its zone: 2026-01-31T12:00:00Z"})
	}
	return at.UTC(), nil
}

// orZero is the zero time when the parameter was left out.
func (i instant) orZero(name string) (time.Time, error) {
	if i == "" {
		return time.Time{}, nil
	}
	return i.read(name)
}

// date is a day of UTC in a query parameter.
type date string

func (d date) read(name string) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return time.Time{}, invalid(Fault{"/" + name, "must be a day as in 2026-01-31"})
	}
	return day, nil
}

// duration is a length of time in a query parameter.
type duration string

func (d duration) read(name string) (time.Duration, error) {
	length, err := time.ParseDuration(string(d))
	if err != nil || length < time.Second {
		return 0, invalid(Fault{"/" + name, "must be a time of at least 1s, as in 30s, 15m or 24h"})
	}
	return length, nil
}
