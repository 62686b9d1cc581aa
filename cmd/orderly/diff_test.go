package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orderly/order"
)

func TestCompareStates_NamesEachFieldThatDiffers(t *testing.T) {
	t.Parallel()
	before := order.State{OrderID: "ord_1", Version: 2, Status: order.Created, Lines: []order.Line{{LineID: "1", Quantity: 2}, {LineID: "2", Quantity: 1}}}
	after := before
	after.Version, after.Status, after.Total = 3, order.Paid, 9_007_199_254_740_993
	after.Lines = []order.Line{{LineID: "1", Quantity: 1}}
	changes, err := compareStates(before, after)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][2]any{}
	for _, c := range changes {
		if !strings.HasPrefix(c.Path, "lines[1].") {
			got[c.Path] = [2]any{c.Before, c.After}
		} else if c.After != nil || c.Before == nil {
			t.Errorf("of a line that is gone: %+v", c)
		}
	}
	want := map[string][2]any{
		"version": {json.Number("2"), json.Number("3")}, "status": {"created", "paid"},
		"total": {json.Number("0"), json.Number("9007199254740993")}, "lines[0].quantity": {json.Number("2"), json.Number("1")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var table strings.Builder
	if err := printChanges(&table, changes); err != nil || !strings.Contains(table.String(), `"created"`) || !strings.Contains(table.String(), "-\n") {
		t.Errorf("%v:\n%s", err, table.String())
	}
	if same, err := compareStates(after, after); err != nil || len(same) != 0 {
		t.Errorf("of the same: %v, %v", same, err)
	}
}
