package api

import (
	"iter"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// operationsOf is all operations at an address, by their methods.
func operationsOf(item *huma.PathItem) iter.Seq2[string, *huma.Operation] {
	return func(yield func(string, *huma.Operation) bool) {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Options, item.Head, item.Patch, item.Trace} {
			if op != nil && !yield(op.Method, op) {
				return
			}
		}
	}
}

// ginPath is an address as the router writes it.
func ginPath(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}
