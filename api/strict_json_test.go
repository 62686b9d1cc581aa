package api

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"unicode/utf8"
)

func FuzzCheckJSON(f *testing.F) {
	for _, seed := range []string{usualOrder, `{"a":1,"a":2}`, `"\ud83d\ude42"`, `"\ud800"`, `"\udc00\ud800"`, `[null,1.0,"\u0000"]`, `{"a":{"b":[{}]}}`, "\xff", `"\\ud800"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		faults, err := checkJSON(body)
		var malformed *malformedError
		if err != nil && !errors.As(err, &malformed) {
			t.Fatalf("error %v is of no known kind", err)
		}
		if err == nil && (!json.Valid(body) || !utf8.Valid(body)) {
			t.Fatalf("%q passed", body)
		}
		if len(faults) > maxFaults {
			t.Fatalf("%d faults", len(faults))
		}
		var value any
		if err != nil || len(faults) > 0 || json.Unmarshal(body, &value) != nil {
			return
		}
		// What passes means the same when it is written again.
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := checkJSON(text); err != nil || len(again) > 0 && !hasLargeNumber(value) {
			t.Fatalf("%q passed, but not %q: %v %v", body, text, again, err)
		}
	})
}

// hasLargeNumber says whether a number is so large that it is written with an exponent.
func hasLargeNumber(value any) bool {
	switch value := value.(type) {
	case float64:
		return value >= 1e15 || value <= -1e15
	case []any:
		return slices.ContainsFunc(value, hasLargeNumber)
	case map[string]any:
		for _, each := range value {
			if hasLargeNumber(each) {
				return true
			}
		}
	}
	return false
}

func TestPointerOf(t *testing.T) {
	t.Parallel()
	for location, want := range map[string]string{
		"body": "", "body[3]": "/3", "body.lines": "/lines", "body.lines[0].quantity": "/lines/0/quantity",
		"body.a[1][2].b": "/a/1/2/b", "query.limit": "/limit", "path.order_id": "/order_id", "header.If-Match": "/If-Match",
	} {
		if got := pointerOf(location); got != want {
			t.Errorf("%s is %q, want %q", location, got, want)
		}
	}
}
