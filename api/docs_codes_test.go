package api

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestIntegratorsPage_ListsEveryCode(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/integrators.md")
	if err != nil {
		t.Fatal(err)
	}
	for code, kind := range kinds {
		if row := fmt.Sprintf("| %d | `%s` | %s |", kind.status, code, kind.title); !strings.Contains(string(text), row) {
			t.Errorf("docs/integrators.md lacks the row %s", row)
		}
	}
}
