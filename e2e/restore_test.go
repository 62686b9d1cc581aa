package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"orderly/order"
)

// inAnotherCluster restores a dump into the database of a new cluster, and has Orderly refuse it, repair it and verify it.
const inAnotherCluster = `
psql -q "$DATABASE_URL" -c 'CREATE ROLE orderly_app'
pg_restore --no-owner -d "$DATABASE_URL" "$DUMP"
if "$ORDERLY_BIN" serve --api; then echo "it serves a feed that would wait for ever"; exit 1; fi
"$ORDERLY_BIN" doctor --repair
"$ORDERLY_BIN" verify --all --read-models
"$ORDERLY_BIN" doctor --repair
"$ORDERLY_BIN" timeline ord_1`

// TestRestore_IntoAnotherCluster moves a running system's database with the tools of Postgres.
func TestRestore_IntoAnotherCluster(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	for _, id := range []string{"ord_1", "ord_2"} {
		s.place(wish{id: id})
		s.until(id, string(order.Closed))
	}
	s.awaitReadModels()
	dump := filepath.Join(t.TempDir(), "orderly.dump")
	if output, err := exec.CommandContext(t.Context(), "pg_dump", "-Fc", "-f", dump, s.DatabaseURL).CombinedOutput(); err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, output)
	}
	cmd := exec.CommandContext(t.Context(), os.Getenv("DEVSTACK_BIN"), "exec", "--ephemeral", "--fsync=false", "--", "bash", "-euc", inAnotherCluster)
	for _, variable := range s.Command().Env {
		if name, _, _ := strings.Cut(variable, "="); name != "DATABASE_URL" && name != "TEMPORAL_ADDRESS" {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "TEMPORAL_ADDRESS=127.0.0.1:1", "DUMP="+dump) // only a Postgres is needed
	output, err := cmd.CombinedOutput()
	text := string(output)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, want := range []string{"transaction ids of another Postgres cluster", "rebased ", "nothing to repair", "OrderClosed"} {
		if !strings.Contains(text, want) {
			t.Errorf("the output lacks %q:\n%s", want, text)
		}
	}
}
