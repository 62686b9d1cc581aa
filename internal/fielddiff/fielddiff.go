// Package fielddiff tells what differs between two values, field by field.
package fielddiff

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Change is a field that differs; a side on which it is not there, or is null, is null.
type Change struct {
	Path   string `json:"path" example:"shipments[0].status" doc:"The field."`
	Before any    `json:"before" doc:"Its value before; null when it was not there."`
	After  any    `json:"after" doc:"Its value after; null when it is not there any more."`
}

// Compare lists the fields that differ between two values as JSON shows them, by their paths. Numbers are exact.
func Compare(before, after any) ([]Change, error) {
	left, err := fields(before)
	if err != nil {
		return nil, err
	}
	right, err := fields(after)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(left)
	maps.Copy(all, right)
	changes := []Change{}
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if !reflect.DeepEqual(left[path], right[path]) {
			changes = append(changes, Change{Path: path, Before: left[path], After: right[path]})
		}
	}
	return changes, nil
}

// fields are what a value says, by the paths of its fields.
func fields(of any) (map[string]any, error) {
	text, err := json.Marshal(of)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	found := map[string]any{}
	flatten(found, "", value)
	return found, nil
}

func flatten(into map[string]any, path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, each := range value {
			flatten(into, strings.TrimPrefix(path+"."+name, "."), each)
		}
	case []any:
		for i, each := range value {
			flatten(into, fmt.Sprintf("%s[%d]", path, i), each)
		}
	case nil: // as one that is not there
	default:
		into[path] = value
	}
}
