package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// The versions that the project is tested with.
const (
	oldestMajor = 15
	newestMajor = 18
)

// Binaries is an installed Postgres server.
type Binaries struct {
	Dir     string
	Version string // 15.18
	Major   int
}

// errNotFound says exactly what to do: it is what a newcomer sees first when Postgres is missing.
var errNotFound = fmt.Errorf(
	"no PostgreSQL %d to %d found: install it (Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql@17), "+
		"or set PG_BIN to the directory that holds initdb and postgres", oldestMajor, newestMajor)

// findBinaries returns the first usable installation, and when major is not zero, the first of that major version: only
// the major version that made a data directory can open it.
func findBinaries(ctx context.Context, major int) (Binaries, error) {
	var seen, other []string
	for _, dir := range candidateDirs(ctx) {
		if slices.Contains(seen, dir) {
			continue
		}
		seen = append(seen, dir)
		found, err := inspect(ctx, dir)
		if err != nil {
			if os.Getenv("PG_BIN") != "" {
				return Binaries{}, fmt.Errorf("PG_BIN=%s: %w", dir, err)
			}
			continue
		}
		if major == 0 || found.Major == major {
			return found, nil
		}
		other = append(other, found.Version)
	}
	if len(other) > 0 {
		return Binaries{}, fmt.Errorf(
			"the data directory was made by PostgreSQL %d, and here is only %s: install postgresql-%d, set PG_BIN, or give another directory with --data",
			major, strings.Join(other, ", "), major)
	}
	return Binaries{}, errNotFound
}

// candidateDirs lists where the binaries may be, the most specific first. PG_BIN, when set, is the only candidate.
func candidateDirs(ctx context.Context) []string {
	if dir := os.Getenv("PG_BIN"); dir != "" {
		return []string{dir}
	}
	var dirs []string
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",               // Debian, Ubuntu
		"/usr/pgsql-*/bin",                        // Red Hat, from the project's own packages
		"/usr/libexec/postgresql*",                // Alpine
		"/opt/homebrew/opt/postgresql@*/bin",      // macOS, ARM
		"/usr/local/opt/postgresql@*/bin",         // macOS, Intel
		"/Applications/Postgres.app/Contents/*/*", // Postgres.app
		"/usr/local/pgsql/bin",                    // built from source
	} {
		matches, _ := filepath.Glob(pattern) // the patterns are constants and well-formed
		dirs = append(dirs, newestFirst(matches)...)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		// A link in the PATH has no initdb beside it, the file it points to has.
		if target, err := filepath.EvalSymlinks(path); err == nil {
			path = target
		}
		dirs = append(dirs, filepath.Dir(path))
	}
	return dirs
}

var firstNumber = regexp.MustCompile(`\d+`)

// newestFirst orders directories by the first number in their names, as a number: 18 before 9.
func newestFirst(dirs []string) []string {
	number := func(dir string) int {
		n, _ := strconv.Atoi(firstNumber.FindString(dir))
		return n
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return number(b) - number(a) })
	return dirs
}

var versionOutput = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

func inspect(ctx context.Context, dir string) (Binaries, error) {
	for _, name := range []string{"initdb", "postgres"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return Binaries{}, fmt.Errorf("there is no %s in it", name)
		}
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").CombinedOutput()
	if err != nil {
		return Binaries{}, fmt.Errorf("postgres --version: %w: %s", err, strings.TrimSpace(string(out)))
	}
	match := versionOutput.FindStringSubmatch(string(out))
	if match == nil {
		return Binaries{}, errors.New("postgres --version prints no version")
	}
	major, err := strconv.Atoi(match[2])
	if err != nil || major < oldestMajor {
		return Binaries{}, fmt.Errorf("PostgreSQL %s is too old, %d or later is needed", match[1], oldestMajor)
	}
	return Binaries{Dir: dir, Version: match[1], Major: major}, nil
}

// localeArguments choose a locale that sorts by code point on every system, so that data directories behave alike.
func localeArguments() []string {
	if runtime.GOOS == "darwin" {
		return []string{"--locale=C", "--encoding=UTF8"} // macOS has no C.UTF-8
	}
	return []string{"--locale=C.UTF-8"}
}
