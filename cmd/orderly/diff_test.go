package main

import (
	"encoding/json"
	"strings"
	"testing"

	"orderly/internal/fielddiff"
)

func TestPrintChanges_TellsTextFromNumbersAndNothing(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	changes := []fielddiff.Change{{Path: "status", Before: "created", After: nil}, {Path: "total", Before: nil, After: json.Number("12")}}
	if err := printChanges(&table, changes); err != nil {
		t.Fatal(err)
	}
	if want := "FIELD   BEFORE     AFTER\nstatus  \"created\"  -\ntotal   -          12\n"; table.String() != want {
		t.Errorf("got\n%s", table.String())
	}
}
