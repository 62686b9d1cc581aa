package eventstore_test

import (
	"encoding/json"
	"math"
	"testing"

	"orderly/eventstore"
)

func TestParsePosition_RefusesWhatStringNeverWrites(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", ".", "1", "1.", ".1", "1.2.3", "+1.2", "1.+2", "01.2", "1.02", "-1.2", "1.-2", " 1.2", "1.2\n", "1_0.2", "0x1.2", "١.٢",
		"18446744073709551616.0", "0.9223372036854775808",
	} {
		if position, err := eventstore.ParsePosition(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, position)
		}
	}
}

func TestPosition_OrderAndJSON(t *testing.T) {
	t.Parallel()
	ascending := []eventstore.Position{
		{}, {Seq: 1}, {Seq: math.MaxInt64}, {Tx: 9, Seq: 7}, {Tx: 10}, {Tx: 812, Seq: 40017}, {Tx: math.MaxUint64, Seq: math.MaxInt64},
	}
	for i, p := range ascending {
		for j, q := range ascending {
			if p.Less(q) != (i < j) || (p.Compare(q) == 0) != (i == j) {
				t.Errorf("%s against %s: Less %t, Compare %d", p, q, p.Less(q), p.Compare(q))
			}
		}
		text, err := json.Marshal(map[string]eventstore.Position{"after": p})
		if err != nil {
			t.Fatal(err)
		}
		var back map[string]eventstore.Position
		if err := json.Unmarshal(text, &back); err != nil || back["after"] != p {
			t.Errorf("%s came back as %v, %v", text, back, err)
		}
	}
	if got := ascending[5].String(); got != "812.40017" {
		t.Errorf("got %q, want 812.40017", got)
	}
}

func FuzzParsePosition(f *testing.F) {
	for _, seed := range []string{"0.0", "812.40017", "1.", "+1.2", "18446744073709551615.9223372036854775807"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		position, err := eventstore.ParsePosition(text)
		if err == nil && position.String() != text {
			t.Errorf("%q was read as %s", text, position)
		}
		if err != nil && position != (eventstore.Position{}) {
			t.Errorf("%q: got %s beside an error", text, position)
		}
	})
}
