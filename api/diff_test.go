package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"orderly/internal/fielddiff"
)

func TestDiffOrder_VersionsAndMoments(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	begin := time.Now()
	h.place(t, "ord_1")
	between := time.Now()
	h.post(t, "/v1/orders/ord_1/hold", "k1", `{"code": "manual", "reason": "wait"}`)
	h.post(t, "/v1/orders/ord_1/notes", "k2", `{"text": "x"}`)
	stamp := func(at time.Time) string { return url.QueryEscape(at.Format(time.RFC3339Nano)) }
	for question, want := range map[string][2]int{
		"from=1&to=2": {1, 2}, "from=2&to=1": {2, 1}, "from=1": {1, 3}, "to=2": {1, 2}, "from=" + stamp(between): {1, 3},
		"from=" + stamp(between) + "&to=2": {1, 2}, "from=0&to=1": {0, 1}, "from=" + stamp(begin.Add(-time.Hour)) + "&to=1": {0, 1},
	} {
		answer := h.get(t, "/v1/orders/ord_1/diff?"+question)
		wantStatus(t, answer, http.StatusOK)
		diff := decode[OrderDiff](t, answer)
		if diff.From != want[0] || diff.To != want[1] {
			t.Errorf("%s compares %d with %d, want %v", question, diff.From, diff.To, want)
		}
		if tag, version := answer.Header().Get("ETag"), answer.Header().Get("X-Event-Version"); tag != etag(want[1]) || version != strconv.Itoa(want[1]) {
			t.Errorf("%s: ETag %s, X-Event-Version %s", question, tag, version)
		}
		changed := map[string]fielddiff.Change{}
		for _, c := range diff.Changes {
			changed[c.Path] = c
		}
		if c := changed["version"]; fmt.Sprint(c.Before) != shown(want[0]) || fmt.Sprint(c.After) != shown(want[1]) {
			t.Errorf("%s: version changed as in %+v", question, c)
		}
		if _, held := changed["holds[0].code"]; held != (want[0] < 2 && want[1] >= 2 || want[0] >= 2 && want[1] < 2) {
			t.Errorf("%s: changes %+v", question, diff.Changes)
		}
	}
}

// shown is a version as a change shows it.
func shown(version int) string {
	if version == 0 {
		return "<nil>"
	}
	return fmt.Sprint(version)
}

func TestDiffOrder_BadQuestions(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	for question, pointer := range map[string]string{
		"?from=x": "/from", "?from=-1": "/from", "?from=2": "/from", "?from=1&to=2": "/to", "?from=1&to=yesterday": "/to",
		"?from=9999-01-01T00:00:00Z": "/from",
	} {
		wantProblem(t, h.get(t, "/v1/orders/ord_1/diff"+question), codeInvalid, pointer)
	}
	wantProblem(t, h.get(t, "/v1/orders/none/diff?from=1"), codeOrderNotFound)
}
