package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orderly/internal/testkit"
)

// ran is how a run of the command line ended.
type ran struct {
	stdout, stderr string
	status         int
}

// run runs a command to its end.
func run(t *testing.T, cmd *exec.Cmd) ran {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() < 0) {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	return ran{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// cli runs a command that must end with a status.
func (s shop) cli(status int, args ...string) ran {
	s.t.Helper()
	r := run(s.t, s.Command(args...))
	if r.status != status {
		s.t.Fatalf("orderly %s: status %d, want %d\n%s%s", strings.Join(args, " "), r.status, status, r.stdout, r.stderr)
	}
	return r
}

// bare runs a command with nothing in its environment but what is given.
func bare(t *testing.T, env []string, args ...string) ran {
	t.Helper()
	binary := os.Getenv("ORDERLY_BIN")
	if binary == "" {
		t.Fatal("ORDERLY_BIN is not set: run the tests with `make test`")
	}
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = append([]string{"HOME=" + t.TempDir()}, env...)
	return run(t, cmd)
}

// wantComplaint wants a status and one line on stderr that has the words, and nothing else.
func wantComplaint(t *testing.T, r ran, status int, words string) {
	t.Helper()
	oneLine := strings.HasPrefix(r.stderr, "orderly: ") && strings.Count(r.stderr, "\n") == 1 && strings.HasSuffix(r.stderr, "\n")
	if r.status != status || r.stdout != "" || !oneLine || !strings.Contains(r.stderr, words) {
		t.Errorf("got status %d, stdout %q, stderr %q; want status %d and one line with %q", r.status, r.stdout, r.stderr, status, words)
	}
}

func TestCommandLine_WrongUse_IsStatusTwoAndOneLine(t *testing.T) {
	t.Parallel()
	for _, each := range []struct{ args, words string }{
		{"wat", `unknown command "wat"`},
		{"--wat", "--wat"},
		{"serve --wat", "--wat"},
		{"serve extra --all", "serve"},
		{"timeline", "timeline ORDER"},
		{"timeline ord_1 ord_2", "timeline ORDER"},
		{"timeline ord_1 --output xml", `table or json, not "xml"`},
		{"state", "state ORDER"},
		{"state ord_1 --version zero", "--version"},
		{"state ord_1 --version 0", "--version: must be at least 1"},
		{"state ord_1 --at yesterday", "--at"},
		{"state ord_1 --at 2026-11-23T14:00:00Z --version 1", "--at and --version"},
		{"keys", "create, list, rotate, revoke, master, temporal or rewrap"},
		{"keys wat", `unknown command "wat"`},
		{"keys create", "create NAME"},
		{"keys list extra", "keys list"},
		{"keys revoke", "revoke ID"},
		{"migrate extra", "migrate"},
		{"doctor extra", "doctor"},
		{"probe", "probe URL"},
	} {
		t.Run(each.args, func(t *testing.T) {
			t.Parallel()
			wantComplaint(t, bare(t, nil, strings.Fields(each.args)...), 2, each.words)
		})
	}
}

func TestCommandLine_WithoutADatabase_SaysSoInOneLine(t *testing.T) {
	t.Parallel()
	// A service waits for a database that does not answer yet, and for none that nobody names.
	for _, roles := range [][]string{{"serve"}, {"serve", "--all"}} {
		wantComplaint(t, bare(t, nil, roles...), 1, "DATABASE_URL is not set: source .orderly/env")
	}
	for _, command := range []string{
		"timeline ord_1", "state ord_1", "state ord_1 --version 1", "migrate", "keys create ci", "keys list", "keys revoke 1",
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(command)
			wantComplaint(t, bare(t, nil, args...), 1, "DATABASE_URL is not set: source .orderly/env")
			wantComplaint(t, bare(t, []string{"DATABASE_URL=postgres://nobody@" + nobodyThere(t) + "/x"}, args...), 1, "connection refused")
		})
	}
}

// nobodyThere is an address where nobody listens.
func nobodyThere(t *testing.T) string {
	t.Helper()
	return testkit.FreeAddrs(t, 1)[0]
}

func TestState_IsExactAtEveryVersionAndMoment(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.place(wish{})
	s.until(id, "closed")
	events := list(s.get("/v1/orders/" + id + "/events").body["events"])
	for i, event := range events {
		version := i + 1
		at := s.state(id, "--version", fmt.Sprint(version))
		if at["version"] != json.Number(fmt.Sprint(version)) || at["updated_at"] != event["created_at"] {
			t.Errorf("version %d: got version %v of %v, want %v", version, at["version"], at["updated_at"], event["created_at"])
		}
		if byTime := s.state(id, "--at", event["created_at"].(string)); !reflect.DeepEqual(byTime, at) {
			t.Errorf("at %v: got %v, want %v", event["created_at"], byTime, at)
		}
		if status := map[int]string{1: "created", len(events): "closed"}[version]; status != "" && at["status"] != status {
			t.Errorf("version %d: status %v, want %s", version, at["status"], status)
		}
	}
	if now, last := s.state(id), s.state(id, "--version", fmt.Sprint(len(events))); !reflect.DeepEqual(now, last) {
		t.Errorf("now: got %v, want %v", now, last)
	}
	first := events[0]["created_at"].(string)
	wantLines(t, s.cli(0, "state", id, "--version", "1").stdout, "^order +"+id+", version 1$", "^status +created$", "^total +\\$104\\.98$",
		"^payment +none, captured \\$0\\.00, refunded \\$0\\.00$", "^placed +"+first[:len("2026-11-23T14:00:00")], "^next +")
	wantLines(t, s.cli(0, "state", id).stdout, "^status +closed$", "^payment +captured, captured \\$104\\.98", "^shipment .*: delivered, fedex FEDEX")

	wantComplaint(t, s.cli(1, "state", id, "--at", "2020-01-01T00:00:00Z"), 1, id+": the order was not created yet")
	wantComplaint(t, s.cli(1, "state", id, "--version", fmt.Sprint(len(events)+1)), 1, fmt.Sprintf("%s is at version %d", id, len(events)))
	wantComplaint(t, s.cli(1, "state", "nope"), 1, "nope: there is no such order")
	wantComplaint(t, s.cli(1, "state", "nope", "--version", "1"), 1, "nope: there is no such order")
	wantComplaint(t, s.cli(1, "state", "nope", "--at", first), 1, "nope: there is no such order")
}

// state is what the command line prints of an order as JSON.
func (s shop) state(id string, more ...string) map[string]any {
	s.t.Helper()
	return object(s.t, s.cli(0, append([]string{"state", id, "--output", "json"}, more...)...).stdout)
}

func TestTimeline_TellsEachEventInALine(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.place(wish{})
	s.until(id, "closed")
	events := list(s.get("/v1/orders/" + id + "/events").body["events"])

	brief, verbose := s.cli(0, "timeline", id).stdout, s.cli(0, "timeline", id, "--verbose").stdout
	for i, event := range events {
		line := fmt.Sprintf(`v%d +%s +\{.*\}  \S+Z  by \S+ \S+ \(.+\)$`, i+1, event["event_type"])
		wantLines(t, brief, line)
		wantLines(t, verbose, line)
	}
	for name, text := range map[string]string{"brief": brief, "verbose": verbose} {
		if got := strings.Count(text, "\n"); got != len(events) || !strings.HasPrefix(text, id+": v1 ") {
			t.Errorf("%s: %d lines, want %d:\n%s", name, got, len(events), text)
		}
	}
	wantLines(t, brief, `^`+id+`: v1 OrderCreated +\{customer: cust_456, total: \$104\.98\}  \S+Z  by `)
	wantLines(t, brief, `^ +v\d+ PaymentReceived +\{method: card, amount: \$104\.98\}  \S+Z  by system `)
	if strings.Contains(brief, "provider_ref") || !strings.Contains(verbose, `"provider_ref": "cap_`) {
		t.Errorf("all data is for --verbose alone:\n%s\n%s", brief, verbose)
	}

	told := object(t, s.cli(0, "timeline", id, "--output", "json").stdout)
	shown := s.get("/v1/orders/" + id + "/events").body["events"]
	if diff := cmp.Diff(map[string]any{"order_id": id, "events": shown}, told); diff != "" {
		t.Errorf("as JSON (-the API, +the command line):\n%s", diff)
	}
	wantComplaint(t, s.cli(1, "timeline", "nope"), 1, "nope: there is no such order")
}

func TestKeys_AreShownOnceAndRefusedOnceRevoked(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	other := s
	other.System = testkit.Attach(t, s.URL, strings.TrimSuffix(s.cli(0, "keys", "create", "ci").stdout, "\n"), s.SimulatorURL)
	if a := other.get("/v1/orders"); a.status != http.StatusOK {
		t.Fatalf("the new key: got %d %s", a.status, a.raw)
	}
	table := s.cli(0, "keys", "list").stdout
	wantLines(t, table, `^ID +NAME +TENANT +KEY +ROLES +CREATED +USED +STATE$`, `^\S+ +ci +default +…`+other.Key[len(other.Key)-4:]+` +admin +\S+ +\S+ +valid$`)
	asJSON := s.cli(0, "keys", "list", "--output", "json").stdout
	if strings.Contains(table+asJSON, other.Key) {
		t.Error("the key is shown a second time")
	}
	keys := map[any]map[string]any{}
	for _, key := range list(object(t, asJSON)["keys"]) {
		keys[key["name"]] = key
	}
	if len(keys) != 2 || keys["ci"]["revoked_at"] != nil {
		t.Fatalf("keys: %v", keys)
	}

	s.cli(0, "keys", "revoke", keys["ci"]["id"].(string))
	var a answer
	s.Await("the key is refused", func() bool { a = other.get("/v1/orders"); return a.status != http.StatusOK })
	if a.status != http.StatusUnauthorized || a.body["code"] != "unauthenticated" {
		t.Errorf("the revoked key: got %d %s", a.status, a.raw)
	}
	wantLines(t, s.cli(0, "keys", "list").stdout, `^\S+ +ci .* revoked \S+Z$`, `^\S+ +test .* valid$`)
	wantComplaint(t, s.cli(1, "keys", "revoke", "nope"), 1, "nope: there is no such key")
}

func TestKeys_Rotate_LeavesTheOldOneValidForAWhile(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	status := func(key string) int {
		other := s
		other.System = testkit.Attach(t, s.URL, strings.TrimSpace(key), s.SimulatorURL)
		return other.get("/v1/orders").status
	}
	old := s.cli(0, "keys", "create", "shop", "--role", "integrator", "--scope", "read", "--expires", "1h").stdout
	idOf := func(last string) string {
		for _, key := range list(object(t, s.cli(0, "keys", "list", "-o", "json").stdout)["keys"]) {
			if strings.HasSuffix(strings.TrimSpace(last), key["last_four"].(string)) {
				return key["id"].(string)
			}
		}
		t.Fatalf("the key …%s is not listed", last)
		return ""
	}
	next := s.cli(0, "keys", "rotate", idOf(old)).stdout
	if status(old) != http.StatusOK || status(next) != http.StatusOK {
		t.Error("the two keys are not both valid")
	}
	wantLines(t, s.cli(0, "keys", "list").stdout, `^\S+ +shop +default +…\S+ +integrator \(read\) +\S+ +\S+ +valid until \S+Z$`)
	wantComplaint(t, s.cli(1, "keys", "rotate", idOf(old)), 1, "has a successor")
	last := s.cli(0, "keys", "rotate", idOf(next), "--overlap", "0s").stdout
	s.Await("the old key is refused", func() bool { return status(next) == http.StatusUnauthorized })
	if status(last) != http.StatusOK {
		t.Error("the last key is refused")
	}
	wantComplaint(t, s.cli(1, "keys", "rotate", "nope"), 1, "nope: there is no such key")
	wantComplaint(t, s.cli(2, "keys", "rotate", "nope", "--overlap", "-1s"), 2, "negative")
}

func TestConfig_ShowsWhatIsInEffect_AndNoSecret(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("whsec_hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"ORDERLY_WEBHOOK_SECRET_FILE=" + path, "DATABASE_URL=postgres://app:hunter2@db/orderly", "ORDERLY_RATE_LIMIT=7", "TEMPORAL_API_KEY=hunter2"}
	for _, format := range []string{"table", "json"} {
		r := bare(t, env, "config", "--output", format)
		if r.status != 0 || strings.Contains(r.stdout+r.stderr, "hunter2") {
			t.Errorf("status %d: %s%s", r.status, r.stdout, r.stderr)
		}
		for _, want := range []string{path, "postgres://app:xxxxx@db/orderly", "ORDERLY_RATE_LIMIT", "ORDERLY_CLOSE_AFTER", "TEMPORAL_API_KEY"} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("%s is missing in %s", want, r.stdout)
			}
		}
	}
	wantComplaint(t, bare(t, append(env, "ORDERLY_WEBHOOK_SECRET=x"), "config"), 1, "ORDERLY_WEBHOOK_SECRET and ORDERLY_WEBHOOK_SECRET_FILE are both set")
}

func TestMigrate_AppliesOnce(t *testing.T) {
	t.Parallel()
	env := []string{"DATABASE_URL=" + testkit.EmptyDatabaseURL(t)}
	wantComplaint(t, bare(t, env, "serve", "--api"), 1, "run `orderly migrate`")
	first, second := bare(t, env, "migrate"), bare(t, env, "migrate")
	if first.status != 0 || first.stderr != "" || strings.HasPrefix(first.stdout, "0 ") || !strings.HasSuffix(first.stdout, " migrations applied, the schema is up to date\n") {
		t.Errorf("the first time: %+v", first)
	}
	if want := (ran{stdout: "0 migrations applied, the schema is up to date\n"}); second != want {
		t.Errorf("the second time: got %+v, want %+v", second, want)
	}
}

// TestCLI_Bench_Projections_WritesItsRows runs that part of the benchmark with next to nothing to do: its figures mean nothing here.
func TestCLI_Bench_Projections_WritesItsRows(t *testing.T) {
	t.Parallel()
	s := shop{testkit.Start(t, nil), t}
	file := filepath.Join(t.TempDir(), "bench.json")
	table := s.cli(0, "bench", "--only", "projections", "--events", "700", "--changes", "2000", "--rounds", "1", "--save", file).stdout
	wantLines(t, table, `catching up, all read models / bare feed +\d`, `rebuild of all read models of 700 events +\d`, `its memory / 200 MB +\d+`,
		`lag of the read models under load, p99 / 250 ms +\d`, `counts at an instant over 2000 changes, p99 / 20 ms +\d`)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Rows []struct{ Name string }
	}
	if err := json.Unmarshal(text, &report); err != nil || len(report.Rows) != 7 {
		t.Errorf("%v: %s", err, text)
	}
	if refused := s.cli(2, "bench", "--only", "nothing").stderr; !strings.Contains(refused, "no such part") {
		t.Errorf("a part that there is not: %s", refused)
	}
}

// TestCLI_Bench_Growth_WritesItsRows runs it on a history of next to nothing, in systems that the benchmark starts itself.
func TestCLI_Bench_Growth_WritesItsRows(t *testing.T) {
	t.Parallel()
	s := shop{testkit.Start(t, nil), t}
	profile := filepath.Join(t.TempDir(), "cpu.pprof")
	table := s.cli(0, "bench", "--only", "growth", "--past", "2,20", "--orders", "3", "--in-flight", "2", "--rounds", "1", "--profile", profile).stdout
	wantLines(t, table, `whole lifecycle, 20 past orders / 2 +\d`, `GET any order, 20 past orders / 2 +\d`, `GET /v1/orders, 20 past orders / 2 +\d`)
	if written, err := os.Stat(profile); err != nil || written.Size() == 0 {
		t.Errorf("the profile: %v, %v", written, err)
	}
	if refused := s.cli(2, "bench", "--only", "growth", "--past", "20,2").stderr; !strings.Contains(refused, "--past") {
		t.Errorf("a past that shrinks: %s", refused)
	}
}

// TestCLI_Bench_Soak_WritesItsRows keeps a system busy for seconds, in which nothing can be seen to grow.
func TestCLI_Bench_Soak_WritesItsRows(t *testing.T) {
	t.Parallel()
	s := shop{testkit.Start(t, nil), t}
	table := s.cli(0, "bench", "--only", "soak", "--minutes", "0.1", "--orders", "4", "--in-flight", "2").stdout
	wantLines(t, table, `resident memory of serve --all, last third / the one before +\d+`, `its connections to Postgres, .* \d+`,
		`lag of the read models, p99 / 250 ms +\d`, `requests that were answered / asked +[1-9].*≥ 1.00 +yes`)
	if refused := s.cli(2, "bench", "--only", "soak", "--minutes", "0").stderr; !strings.Contains(refused, "--minutes") {
		t.Errorf("a soak of no time: %s", refused)
	}
}
