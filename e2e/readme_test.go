package e2e_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"orderly/internal/testkit"
)

// leftOut are the only blocks of the README that are not run: the first is running while the others are, and the second
// runs this test.
var leftOut = []string{"make run", "make test"}

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)\n```$")

// readmeBlocks gives the shell blocks of the README, in order, without those that are left out.
func readmeBlocks(t *testing.T) []string {
	t.Helper()
	var blocks, skipped []string
	for _, match := range shellBlock.FindAllStringSubmatch(readText(t, "README.md"), -1) {
		if slices.Contains(leftOut, match[1]) {
			skipped = append(skipped, match[1])
			continue
		}
		blocks = append(blocks, match[1])
	}
	if !slices.Equal(skipped, leftOut) {
		t.Fatalf("left out: got %q, want %q", skipped, leftOut)
	}
	return blocks
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// tour is a reader of the README: a terminal, and the system that `make run` runs.
type tour struct {
	*terminal
	shop
}

// takeTour runs what `make run` runs and opens a terminal beside it, in a directory with the named parts of the source.
func takeTour(t *testing.T, source ...string) tour {
	t.Helper()
	run := newStack(t)
	run.env = append(run.env, "ORDERLY_CLOSE_AFTER=1h") // orders stay delivered while they are looked at
	env := run.start()
	dir := t.TempDir()
	links := map[string]string{"bin/orderly": os.Getenv("ORDERLY_BIN"), ".orderly": run.dir}
	for _, name := range source {
		path, err := filepath.Abs(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		links[name] = path
	}
	for name, target := range links {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
	}
	s := shop{testkit.Attach(t, env["ORDERLY_URL"], env["ORDERLY_API_KEY"], env["ORDERLY_SIMULATOR_URL"]), t}
	s.DatabaseURL = env["DATABASE_URL"]
	return tour{newTerminal(t, dir), s}
}

func TestReadme_BlocksDoWhatTheTextSays(t *testing.T) {
	t.Parallel()
	blocks := readmeBlocks(t)
	if len(blocks) != 5 {
		t.Fatalf("the README has %d blocks to run, and this test knows 5 of them", len(blocks))
	}
	r := takeTour(t)
	r.firstOrder(blocks[0])
	r.lookAtIt(blocks[1])
	r.visitPlaces()
	r.somethingGoesWrong(blocks[2], blocks[3])
	r.repair(blocks[4])
	r.verify()
}

// firstOrder: "The answer is the order. Send the same command again: the same answer, and no second order. A few
// seconds later it is delivered".
func (r tour) firstOrder(block string) {
	first := r.answers(block, 201)
	if order := object(r.shop.t, first[0]); order["order_id"] != "ord_123" {
		r.shop.t.Errorf("the answer: %s", first[0])
	}
	if again := r.answers(block, 201); !slices.Equal(again, first) {
		r.shop.t.Errorf("the same command again: got %s, want %s", again, first)
	}
	r.until("ord_123", "delivered")
	r.awaitReadModels()
	if orders := list(r.get("/v1/orders").body["orders"]); len(orders) != 1 {
		r.shop.t.Errorf("%d orders, want one", len(orders))
	}
}

// lookAtIt: the delivered order, its timeline, its first version, the doctor's findings, what the provider really did.
func (r tour) lookAtIt(block string) {
	t := r.shop.t
	output := r.run(block)
	answers := r.split(output, 200, 200)
	if order := object(t, answers[0]); order["status"] != "delivered" {
		t.Errorf("the order: %s", answers[0])
	}
	wantLines(t, output,
		`^ord_123: v1 +OrderCreated .*customer: cust_456.*total: \$104\.98.* by `, `^ +v\d+ +PaymentReceived .*\$104\.98`, `^ +v\d+ +OrderDelivered `,
		`^order +ord_123, version 1$`, `^status +created$`,
		`^ok +postgres `, `^ok +schema `, `^ok +projections `, `^ok +temporal `, `^ok +search attributes `, `^ok +gateways `, `^ok +api `)
	if strings.Contains(output, "BAD") {
		t.Errorf("the doctor finds something:\n%s", output)
	}
	ledger := answers[1][strings.LastIndex(answers[1], "\n[")+1:]
	if captures := strings.Count(ledger, `"operation":"capture"`); captures != 1 {
		t.Errorf("%d captures, want one: %s", captures, ledger)
	}
}

// visitPlaces: the table of where to see what.
func (r tour) visitPlaces() {
	t := r.shop.t
	places := regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(readText(t, "README.md"), -1)
	if len(places) != 4 {
		t.Errorf("the table has %d places, want 4", len(places))
	}
	for _, place := range places {
		if command, ok := strings.CutPrefix(place[1], "bin/"); ok {
			r.run("bin/" + command)
			continue
		}
		r.answers("curl -sL "+place[1], 200)
	}
	r.answers("curl -s $ORDERLY_URL/openapi.json", 200)
}

// somethingGoesWrong: no carrier takes the parcel, and the order stands in the work queue.
func (r tour) somethingGoesWrong(order, queue string) {
	t := r.shop.t
	placed := r.split(r.run(order), 201, 201)
	if order := object(t, placed[1]); order["order_id"] != "ord_124" {
		t.Errorf("the answer: %s", placed[1])
	}
	r.attention("ord_124", "BookShipment")
	r.awaitReadModels()
	entries := list(object(t, r.answers(queue, 200)[0])["attention"])
	if len(entries) != 1 || entries[0]["order_id"] != "ord_124" || entries[0]["attention_id"] != "att_1" {
		t.Errorf("the work queue: %v", entries)
	}
}

// repair: the carriers come back, an operator retries, the order is delivered and the work queue is empty.
func (r tour) repair(block string) {
	r.answers(block, 204, 200)
	r.until("ord_124", "delivered")
	r.awaitReadModels()
	if left := list(r.get("/v1/attention").body["attention"]); len(left) != 0 {
		r.shop.t.Errorf("the work queue: %v", left)
	}
	r.wantLedger("payments", "ord_124", map[string]int{"authorize": 1, "capture": 1})
	r.wantLedger("shipments", "ord_124", map[string]int{"book": 1})
}

// answers runs a block and gives what its curls printed; each must be answered with its status.
func (r tour) answers(block string, statuses ...int) []string {
	r.shop.t.Helper()
	return r.split(r.run(block), statuses...)
}

func (r tour) split(output string, statuses ...int) []string {
	r.shop.t.Helper()
	var bodies []string
	var got []int
	rest := 0
	for _, m := range regexp.MustCompile(`\nHTTP (\d+)\n`).FindAllStringSubmatchIndex(output, -1) {
		bodies = append(bodies, output[rest:m[0]])
		status, _ := strconv.Atoi(output[m[2]:m[3]]) // digits
		got = append(got, status)
		rest = m[1]
	}
	if !slices.Equal(got, statuses) {
		r.shop.t.Fatalf("got the statuses %v, want %v:\n%s", got, statuses, output)
	}
	return bodies
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var value map[string]any
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("not a JSON object: %v\n%s", err, text)
	}
	return value
}

// wantLines wants a line for each pattern.
func wantLines(t *testing.T, output string, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		if !regexp.MustCompile(`(?m)` + pattern).MatchString(output) {
			t.Errorf("no line matches %s:\n%s", pattern, output)
		}
	}
}
