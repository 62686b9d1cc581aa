package e2e_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"orderly/internal/testkit"
)

// TestDocsPage_ShowsTheWholeAPI_WithoutTheInternet looks at /docs as it is served in production: on a host of another name than
// localhost, of which Swagger UI thinks that the whole internet can reach it.
func TestDocsPage_ShowsTheWholeAPI_WithoutTheInternet(t *testing.T) {
	t.Parallel()
	s := shop{testkit.Start(t, []string{"--api"}), t}
	b := s.openBrowser()
	site := strings.Replace(s.URL, "127.0.0.1", outside, 1)
	b.visit(site + "/docs")
	b.sees(summaries(t)...)
	b.logIn(site+"/docs?again#/default/log-in-with-key", s.Key)
	asked, complaints := b.heard()
	for _, address := range asked {
		if !strings.HasPrefix(address, site+"/") && !strings.HasPrefix(address, "data:") {
			t.Errorf("the page wants something from %s", address)
		}
	}
	if len(complaints) > 0 {
		t.Errorf("the browser complains of %q", complaints)
	}
}

// summaries are what each operation of the API is said to do.
func summaries(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile("../api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]struct{ Summary string }
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	for _, path := range document.Paths {
		for _, operation := range path {
			all = append(all, operation.Summary)
		}
	}
	if len(all) < 10 {
		t.Fatalf("the document has only %d operations", len(all))
	}
	return all
}
