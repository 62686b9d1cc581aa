package e2e_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"orderly/internal/testkit"
)

// checks are all things that the doctor looks at, in order.
var checks = []string{"postgres", "schema", "feed", "projections", "temporal", "search attributes", "workflows", "gateways", "api"}

// doctor asks the doctor, who must find fault with exactly the things that are named, and advise so for each. Its table
// must say the same as its JSON, and the exit status, too.
func (s shop) doctor(want map[string]string, env ...string) {
	s.t.Helper()
	cmd := s.Command("doctor", "--output", "json")
	cmd.Env = append(cmd.Env, env...)
	r := run(s.t, cmd)
	got := map[string]string{}
	for _, f := range list(object(s.t, r.stdout)["findings"]) {
		if advice, _ := f["advice"].(string); f["ok"] != true {
			got[f["check"].(string)] = advice
		}
	}
	if !reflect.DeepEqual(got, want) {
		s.t.Errorf("faults and advice: got %q, want %q\n%s", got, want, r.stdout)
	}
	table := s.Command("doctor")
	table.Env = append(table.Env, env...)
	told := run(s.t, table)
	for _, check := range slices.Sorted(maps.Keys(want)) {
		wantLines(s.t, told.stdout, "^BAD +"+check+" +\\S")
		if !strings.Contains(told.stdout, "→ "+want[check]+"\n") {
			s.t.Errorf("no advice on %s:\n%s", check, told.stdout)
		}
	}
	if bad := strings.Count(told.stdout, "BAD "); bad != len(want) {
		s.t.Errorf("%d faults in the table, want %d:\n%s", bad, len(want), told.stdout)
	}
	status := 0
	if len(want) > 0 {
		status = 3
	}
	if r.status != status || told.status != status || r.stderr+told.stderr != "" {
		s.t.Errorf("status %d and %d, want %d; stderr %q", r.status, told.status, status, r.stderr+told.stderr)
	}
}

func TestDoctor_FindsWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := open(t, []string{"--api", "--worker", "--projector"})
	s.awaitReadModels()
	s.doctor(map[string]string{})
	for _, check := range checks {
		wantLines(t, s.cli(0, "doctor").stdout, "^ok +"+check+" +\\S")
	}
	nobody := nobodyThere(t)
	s.doctor(map[string]string{"temporal": "start Temporal, and check TEMPORAL_ADDRESS"}, "TEMPORAL_ADDRESS="+nobody)
	s.doctor(map[string]string{"postgres": "start Postgres, and check DATABASE_URL"}, "DATABASE_URL=postgres://nobody@"+nobody+"/x")
	s.doctor(map[string]string{"postgres": "start Postgres, and check DATABASE_URL"}, "DATABASE_URL=")
	s.doctor(map[string]string{"schema": "run `orderly migrate`"}, "DATABASE_URL="+testkit.EmptyDatabaseURL(t))
	s.Stop("--api")
	s.doctor(map[string]string{"api": "start `orderly serve --api`, or set ORDERLY_URL"})
	s.Stop("simulator")
	s.doctor(map[string]string{
		"api":      "start `orderly serve --api`, or set ORDERLY_URL",
		"gateways": "start `orderly simulator`, or set ORDERLY_SIMULATOR_URL",
	})
}

func TestDoctor_WithoutWorkerAndProjector_SaysWhatToStart(t *testing.T) {
	t.Parallel()
	s := shop{testkit.Start(t, []string{"--api"}), t}
	s.doctor(map[string]string{
		"projections":       "start `orderly serve --projector`, and look at its workflow in the Temporal Web UI",
		"search attributes": "start `orderly serve --worker`, which adds them",
	})
	s.StartRole("--worker")
	s.StartRole("--projector")
	s.Await("all is well", func() bool { return run(t, s.Command("doctor")).status == 0 })
}
