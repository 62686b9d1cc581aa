package api

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// maxFaults bounds how many wrong fields one answer lists.
const maxFaults = 50

// faultsOf translates what huma found. Values are left out: they may be personal data.
func faultsOf(found []error) []Fault {
	faults := make([]Fault, 0, len(found))
	for _, err := range found {
		if detail, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			faults = append(faults, faultOf(detail))
		}
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Compare(a.Pointer, b.Pointer) })
	return faults[:min(len(faults), maxFaults)]
}

func faultOf(detail *huma.ErrorDetail) Fault {
	pointer := pointerOf(detail.Location)
	if name, ok := strings.CutPrefix(detail.Message, "expected required property "); ok {
		name, _, _ = strings.Cut(name, " ")
		return Fault{pointer + "/" + name, "is required"}
	}
	if strings.HasSuffix(detail.Message, "parameter is missing") {
		return Fault{pointer, "is required"}
	}
	if detail.Message == "unexpected property" || detail.Message == "unknown query parameter" {
		return Fault{pointer, "is not known here"}
	}
	return Fault{pointer, detail.Message}
}

// pointerOf makes a JSON pointer of a location as huma writes it: body.lines[0].quantity is /lines/0/quantity.
func pointerOf(location string) string {
	_, path, inside := strings.Cut(location, ".")
	if !inside {
		// The body itself, or an array that is the body: body, body[0].
		path = strings.TrimLeft(location, "abcdefghijklmnopqrstuvwxyz")
	}
	path = strings.NewReplacer("[", ".", "]", "").Replace(path)
	if path == "" {
		return ""
	}
	return "/" + strings.ReplaceAll(strings.TrimPrefix(path, "."), ".", "/")
}

// pointerToken escapes a field's name for a JSON pointer.
func pointerToken(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
