package fielddiff

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCompare_NamesEachFieldThatDiffers(t *testing.T) {
	t.Parallel()
	type line struct {
		ID       string `json:"id"`
		Quantity int    `json:"quantity"`
	}
	type value struct {
		Status string  `json:"status"`
		Total  int64   `json:"total"`
		Lines  []line  `json:"lines"`
		Note   *string `json:"note"`
	}
	note := "urgent"
	got, err := Compare(
		value{Status: "created", Total: 9_007_199_254_740_993, Lines: []line{{"1", 2}, {"2", 1}}},
		value{Status: "paid", Total: 9_007_199_254_740_994, Lines: []line{{"1", 1}}, Note: &note})
	if err != nil {
		t.Fatal(err)
	}
	want := []Change{
		{"lines[0].quantity", json.Number("2"), json.Number("1")},
		{"lines[1].id", "2", nil},
		{"lines[1].quantity", json.Number("1"), nil},
		{"note", nil, "urgent"},
		{"status", "created", "paid"},
		{"total", json.Number("9007199254740993"), json.Number("9007199254740994")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCompare_TheSame_NothingDiffers(t *testing.T) {
	t.Parallel()
	got, err := Compare(map[string]any{"a": 1}, map[string]any{"a": 1, "b": nil})
	if err != nil || got == nil || len(got) > 0 {
		t.Errorf("got %v, %v", got, err)
	}
}
