package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"orderly/internal/testkit"
)

// integrator is a reader of docs/integrators.md in a checkout beside a system that runs.
type integrator struct {
	tour
	blocks []string
}

// next runs the next block of the page and gives its output.
func (i *integrator) next() string {
	i.shop.t.Helper()
	block := i.blocks[0]
	i.blocks = i.blocks[1:]
	return i.run(block)
}

func TestIntegrators_BlocksDoWhatTheTextSays(t *testing.T) {
	t.Parallel()
	text := strings.ReplaceAll(readText(t, "docs/integrators.md"), "127.0.0.1:9099", testkit.FreeAddrs(t, 1)[0])
	i := &integrator{tour: takeTour(t, "go.mod", "go.sum", "client", "docs")}
	for _, match := range shellBlock.FindAllStringSubmatch(text, -1) {
		i.blocks = append(i.blocks, match[1])
	}
	i.run("export GOFLAGS=-buildvcs=false GOCACHE=" + goEnv(t, "GOCACHE") + " GOMODCACHE=" + goEnv(t, "GOMODCACHE"))
	i.places()
	i.triesAgain()
	i.reads()
	i.isTold()
	if len(i.blocks) > 0 {
		t.Errorf("%d blocks were not run", len(i.blocks))
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(value))
}

// places: an API key, a first order by curl, and one in Go.
func (i *integrator) places() {
	i.split(i.next(), 200)
	placed := i.split(i.next(), 201)
	if order := object(i.shop.t, placed[0]); order["order_id"] != "ord_shop_1" {
		i.shop.t.Errorf("the answer: %s", placed[0])
	}
	wantLines(i.shop.t, i.next(), `^placed ord_`, `^paid 10498$`)
}

// triesAgain: the same command again, the key with another body, a version that has passed, and a request that is wrong.
func (i *integrator) triesAgain() {
	t := i.shop.t
	again := i.split(i.next(), 201, 422)
	wantLines(t, again[0], `(?i)^Idempotent-Replayed: true`)
	i.wantCode(again[1], "idempotency_key_reused")
	i.until("ord_shop_1", "delivered")
	i.wantCode(i.split(i.next(), 412)[0], "version_mismatch")
	wrong := i.wantCode(i.split(i.next(), 422)[0], "invalid_request")
	if faults := list(wrong["errors"]); len(faults) != 2 {
		t.Errorf("want what is wrong with code and reason: %v", faults)
	}
}

func (i *integrator) wantCode(text, code string) map[string]any {
	i.shop.t.Helper()
	problem := object(i.shop.t, text)
	if problem["code"] != code {
		i.shop.t.Errorf("got %s, want the code %s", text, code)
	}
	return problem
}

// reads: an order as it is, as it was, all that happened to it, and what happens as it happens.
func (i *integrator) reads() {
	answers := i.split(i.next(), 200, 200, 200, 404, 200, 200)
	if first := object(i.shop.t, answers[1]); first["status"] != "created" {
		i.shop.t.Errorf("version 1: %s", answers[1])
	}
	i.wantCode(answers[3], "not_yet_created")
	if diff := object(i.shop.t, answers[5]); len(list(diff["changes"])) == 0 {
		i.shop.t.Errorf("the difference: %s", answers[5])
	}
	wantLines(i.shop.t, i.next(), `^id: \d+\.\d+$`, `^event: OrderCreated$`, `^data: {"order_id":"ord_shop_1"`)
}

// isTold: an endpoint, a receiver that verifies, a signature by hand, a rotation.
func (i *integrator) isTold() {
	t := i.shop.t
	i.split(i.next(), 201)
	output := i.next()
	wantLines(t, output, `^ord_shop_1 v\d+ OrderNoteAdded$`)
	if deliveries := i.split(output, 200, 200); !strings.Contains(deliveries[1], `"status":"delivered"`) {
		t.Errorf("the deliveries: %s", deliveries[1])
	}
	signature := strings.TrimSpace(i.next())
	oracle, err := standardwebhooks.NewWebhook(strings.TrimSpace(i.run("echo $WEBHOOK_SECRET")))
	if err != nil {
		t.Fatal(err)
	}
	if want, err := oracle.Sign("msg_1", time.Unix(1767225600, 0), []byte(`{"type":"OrderDelivered"}`)); err != nil || signature != want {
		t.Errorf("the signature by hand: got %s, want %s (%v)", signature, want, err)
	}
	i.split(i.next(), 200, 204)
}

func TestIntegrators_ProgramsAreTheOnesThatAreBuilt(t *testing.T) {
	t.Parallel()
	block := regexp.MustCompile("(?ms)^```go\n(.*?)\n```$")
	named := regexp.MustCompile("(?m)`(docs/examples/[a-z]+/main\\.go)`:")
	text := readText(t, "docs/integrators.md")
	programs, paths := block.FindAllStringSubmatch(text, -1), named.FindAllStringSubmatch(text, -1)
	if len(programs) != 2 || len(paths) != 2 {
		t.Fatalf("%d programs, %d names of them, want 2", len(programs), len(paths))
	}
	for n, path := range paths {
		source, err := os.ReadFile(filepath.Join("..", path[1]))
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(string(source)) != programs[n][1] {
			t.Errorf("%s is not what the page shows", path[1])
		}
	}
}
