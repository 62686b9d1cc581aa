package postgres

import (
	"testing"
	"testing/fstest"
)

func TestFingerprint_ChangesWithNameAndContent(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for i, files := range []map[string]string{
		{"00001_a.sql": "select 1"},
		{"00001_a.sql": "select 2"},
		{"00001_b.sql": "select 1"},
		{"00001_a.sql": "select 1", "00002_b.sql": "select 2"},
		{"00001_a.sql": "select 1select 2", "00002_b.sql": ""},
		{"00001_a.sql": "", "00002_b.sql": "select 1select 2"},
		{},
	} {
		source := fstest.MapFS{}
		for name, text := range files {
			source[name] = &fstest.MapFile{Data: []byte(text)}
		}
		sum := fingerprint(source)
		if other, there := seen[sum]; there {
			t.Errorf("case %d and %d are both %s", i, other, sum)
		}
		if again := fingerprint(source); again != sum || len(sum) != 12 {
			t.Errorf("case %d: %q, then %q", i, sum, again)
		}
		seen[sum] = i
	}
	if got := Fingerprint(); got != fingerprint(migrations()) {
		t.Errorf("the program's own is %s", got)
	}
}
