package orderly_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport is who may import whom of this project; arrows run one way. A package that is not named may not exist:
// adding one means to say here what it may know.
var mayImport = map[string][]string{
	"order":      {},
	"eventstore": {},
	"vault":      {"internal/keyset"},
	"journal":    {"order", "eventstore", "vault", "internal/lookout"},
	// live is the feed for those who listen to it.
	"live":              {"eventstore", "journal"},
	"gateway":           {"order"},
	"gateway/simulator": {"gateway", "internal/webhook"},
	"gateway/stripe":    {"gateway"},
	// stripetest plays Stripe for tests only.
	"gateway/stripe/stripetest": {},
	"workflows":                 {"order"},
	"projection":                {"eventstore"},
	"readmodel":                 {"order", "eventstore", "journal", "projection", "internal/lookout"},
	"erasure":                   {"order", "eventstore", "journal", "vault", "projection", "readmodel"},
	"activities":                {"order", "eventstore", "journal", "vault", "gateway", "projection", "readmodel", "workflows", "orchestrator", "bulk", "webhooks"},
	"worker":                    {"order", "activities", "workflows"},
	"api":                       {"order", "eventstore", "journal", "vault", "projection", "readmodel", "workflows", "orchestrator", "bulk", "erasure", "webhooks", "live", "gateway/stripe", "internal/fielddiff", "internal/webhook"},
	"orchestrator":              {"order", "workflows"},
	"bulk":                      {"order"},
	"webhooks":                  {"eventstore", "journal", "projection", "vault", "workflows", "internal/webhook"},
	// The client is made of the OpenAPI document alone, as somebody else's would be.
	"client": {},
	// What docs/integrators.md shows.
	"docs/examples/firstorder": {"client"},
	"docs/examples/webhooks":   {},
	"bench":                    {"order", "eventstore", "journal", "workflows", "projection", "readmodel"},
	"torture":                  {"order", "eventstore", "journal", "workflows", "api", "internal/sabotage"},
	"e2e":                      {},
	"deploy":                   {},
	"cmd/orderly":              {"*"},
	"internal/config":          {"order", "internal/keyset", "internal/sabotage", "webhooks"},
	"internal/postgres":        {},
	// sabotage is hung up where the program is wired, and nowhere else.
	"internal/sabotage": {},
	// testkit builds running systems for tests only.
	"internal/testkit":        {"internal/keyset", "internal/postgres", "internal/temporalclient", "vault"},
	"internal/fielddiff":      {},
	"internal/keyset":         {},
	"internal/lookout":        {},
	"internal/temporalclient": {"internal/keyset"},
	"internal/telemetry":      {},
	"internal/tlsfiles":       {},
	"internal/webhook":        {},
}

type goPackage struct {
	ImportPath string
	Name       string
	Doc        string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "go", "list", "-json", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var each goPackage
		err := decoder.Decode(&each)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(each.GoFiles) > 0 {
			all = append(all, each)
		}
	}
}

func TestPackages_ImportOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	for _, each := range packages(t) {
		name := strings.TrimPrefix(each.ImportPath, "orderly/")
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("package %s is not in the table: say what it may import", name)
			continue
		}
		for _, imported := range each.Imports {
			other, ours := strings.CutPrefix(imported, "orderly/")
			if ours && !slices.Contains(allowed, other) && !slices.Contains(allowed, "*") {
				t.Errorf("%s imports %s, and may import only %v", name, other, allowed)
			}
		}
	}
}

func TestPackages_HaveADoc(t *testing.T) {
	t.Parallel()
	for _, each := range packages(t) {
		if len(each.Doc) < 40 {
			t.Errorf("%s has no package doc that says what it is: %q", each.ImportPath, each.Doc)
		}
	}
}
