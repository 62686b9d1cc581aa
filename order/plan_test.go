package order_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orderly/order"
)

// wantKeys wants the plan of a life to have steps with these keys, in any order.
func wantKeys(t *testing.T, given life, keys ...string) {
	t.Helper()
	var got []string
	for _, step := range order.PlanFor(stateOf(given), testPolicy).Steps {
		got = append(got, step.Key)
	}
	slices.Sort(got)
	slices.Sort(keys)
	if diff := cmp.Diff(keys, got); diff != "" {
		t.Errorf("the plan's keys: - want, + got:\n%s", diff)
	}
}
