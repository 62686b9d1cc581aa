package e2e_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are what people read: the README and everything under docs/.
func documents(t *testing.T) []string {
	t.Helper()
	all := []string{"README.md"}
	err := fs.WalkDir(os.DirFS(".."), "docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 3 {
		t.Fatalf("documents: %v", all)
	}
	return all
}

// mentions gives the first group of all matches of a pattern in the documents; there must be some.
func mentions(t *testing.T, pattern string) (found []string) {
	t.Helper()
	for _, path := range documents(t) {
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(readText(t, path), -1) {
			found = append(found, match[1])
		}
	}
	if len(found) == 0 {
		t.Fatalf("the documents have nothing like %s", pattern)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestDocuments_LinksLeadToFiles(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`)
	program := regexp.MustCompile("(?ms)^```go\n.*?\n```$")
	count := 0
	for _, path := range documents(t) {
		for _, match := range link.FindAllStringSubmatch(program.ReplaceAllString(readText(t, path), ""), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			count++
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(path), match[1])); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	if count == 0 {
		t.Error("no links were found")
	}
}

// A path in backquotes, as `order/plan.go`, is one from the root; bin/ is there only once it was built.
func TestDocuments_NameFilesThatExist(t *testing.T) {
	t.Parallel()
	for _, path := range mentions(t, "`([a-z0-9]+/(?:[a-z0-9_]+/)*[a-z0-9_.]*|[a-z_]+\\.go)`") {
		if strings.HasPrefix(path, "bin/") {
			continue
		}
		if _, err := os.Stat(filepath.Join("..", path)); err != nil {
			t.Error(err)
		}
	}
}

func TestDocuments_NameMakeTargetsThatExist(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "make", "--no-print-directory", "help")
	cmd.Dir = ".."
	help, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("make help: %v\n%s", err, help)
	}
	for _, target := range mentions(t, "(?m)(?:^|`)make ([a-z-]+)") {
		if !regexp.MustCompile(`(?m)^` + target + ` `).Match(help) {
			t.Errorf("make %s is not among:\n%s", target, help)
		}
	}
}

// A command is named as `orderly state ORDER --at TIME`, or at the beginning of a line of a block.
func TestDocuments_NameCommandsAndFlagsThatExist(t *testing.T) {
	t.Parallel()
	root := help(t)
	for _, mention := range mentions(t, "(?m)(?:^|`)(?:bin/)?orderly ([a-z][^`\n]*)") {
		words := strings.Fields(mention)
		if !regexp.MustCompile(`(?m)^  ` + words[0] + ` `).MatchString(root) {
			t.Errorf("orderly %s is not among:\n%s", words[0], root)
			continue
		}
		command := words[:1]
		if len(words) > 1 && !strings.HasPrefix(words[1], "-") { // a command of the first, or what it works on
			command = words[:2]
		}
		for _, word := range words[1:] {
			if strings.HasPrefix(word, "--") && !strings.Contains(help(t, command...), word+" ") {
				t.Errorf("orderly %v has no %s", command, word)
			}
		}
	}
}

func help(t *testing.T, command ...string) string {
	t.Helper()
	binary := os.Getenv("ORDERLY_BIN")
	if binary == "" {
		t.Fatal("ORDERLY_BIN is not set: run the tests with `make test`")
	}
	output, err := exec.CommandContext(t.Context(), binary, append(slices.Clone(command), "--help")...).CombinedOutput()
	if err != nil {
		t.Fatalf("orderly %v --help: %v\n%s", command, err, output)
	}
	return string(output)
}
