package torture

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func operations(seed uint64) (all []Operation) {
	g := &generator{random: rand.New(rand.NewPCG(seed, 1)), client: 1}
	seen := view{OrderID: "o", Version: 3, Captured: 10, Refunded: 0}
	for range 200 {
		all = append(all, g.place(), g.steer(seen))
	}
	return all
}

func TestGenerator_SameSeed_SameOperations(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(operations(7), operations(7), cmp.AllowUnexported(Operation{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("two runs differ: %s", diff)
	}
	if cmp.Equal(operations(7), operations(8), cmp.AllowUnexported(Operation{})) {
		t.Error("two seeds gave the same operations")
	}
}

func TestGenerator_AsksForWhatAnOrderWaitsFor(t *testing.T) {
	t.Parallel()
	seen := view{OrderID: "o", Captured: 10, Refunded: 3}
	seen.Holds = append(seen.Holds, struct {
		Code string `json:"code"`
	}{"fraud_review"})
	seen.Returns = append(seen.Returns, struct {
		RMAID  string `json:"rma_id"`
		Status string `json:"status"`
	}{"rma_1", "approved"})
	g := &generator{random: rand.New(rand.NewPCG(1, 1))}
	var paths []string
	for range 200 {
		paths = append(paths, g.steer(seen).path)
	}
	for _, want := range []string{"/v1/orders/o/fraud-review", "/v1/orders/o/returns/rma_1/receive", "/v1/orders/o/refunds", "/v1/orders/o/cancel"} {
		if !slices.Contains(paths, want) {
			t.Errorf("%s was never asked for", want)
		}
	}
}

func TestOperation_Heard_FindsAnswersThatDoNotAgree(t *testing.T) {
	t.Parallel()
	unknown, three, four, refused := answer{outcome: Unknown}, answer{Acknowledged, 3}, answer{Acknowledged, 4}, answer{outcome: Refused}
	for name, tt := range map[string]struct {
		answers []answer
		outcome Outcome
		agree   bool
	}{
		"none":         {[]answer{unknown, unknown}, Unknown, true},
		"the same":     {[]answer{three, unknown, three}, Acknowledged, true},
		"two versions": {[]answer{three, four}, Acknowledged, false},
		"yes and no":   {[]answer{refused, three}, Refused, false},
	} {
		op := Operation{Outcome: Unknown}
		for _, each := range tt.answers {
			op.heard(each)
		}
		if op.Outcome != tt.outcome || (op.Disagreement == "") != tt.agree {
			t.Errorf("%s: %s, %q", name, op.Outcome, op.Disagreement)
		}
	}
}
