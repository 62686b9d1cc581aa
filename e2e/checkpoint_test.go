package e2e_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/client"

	"orderly/eventstore"
	"orderly/internal/testkit"
	"orderly/worker"
	"orderly/workflows"
)

// TestAudit_OfARunningSystem lets the schedule make checkpoints beside orders that go their road, verifies everything,
// and takes an order to another database.
func TestAudit_OfARunningSystem(t *testing.T) {
	t.Parallel()
	private, _ := eventstore.NewSigningKey()
	s := open(t, everything, "ORDERLY_CHECKPOINT_KEY="+private, "ORDERLY_CHECKPOINT_EVERY=1s")
	s.command(201, "/v1/orders", wish{id: "ord_1"}.json())
	s.command(201, "/v1/orders", wish{id: "ord_2"}.json())
	s.until("ord_1", "closed")
	s.until("ord_2", "closed")
	var report struct {
		Streams, Events, Checkpoints int
		Signatures                   string
		Faults                       []any
	}
	s.Await("a checkpoint is made", func() bool {
		output, err := s.Run("verify", "--all", "--read-models", "--output", "json")
		if err != nil {
			t.Fatalf("verify: %v\n%s", err, output)
		}
		if err := json.Unmarshal([]byte(output), &report); err != nil {
			t.Fatalf("verify: %v\n%s", err, output)
		}
		return report.Checkpoints > 0
	})
	if report.Streams != 2 || report.Events < 20 || report.Signatures != "checked" || len(report.Faults) > 0 {
		t.Errorf("got %+v", report)
	}
	file := filepath.Join(t.TempDir(), "ord_1.jsonl")
	if output, err := s.Run("export", "ord_1", "--out", file); err != nil {
		t.Fatalf("export: %v\n%s", err, output)
	}
	other := newAuditor(t)
	if _, status := other.run("import", file); status != 0 {
		t.Errorf("import: exit status %d", status)
	}
	here, _ := s.Run("state", "ord_1", "--output", "json")
	there, _ := other.run("state", "ord_1", "--output", "json")
	if shipTo(here) == "" || shipTo(there) != "" {
		t.Errorf("the keys of customers are not exported, so the address is to be read here and not there:\n%s\n%s", here, there)
	}
	if withoutShipTo(t, here) != withoutShipTo(t, there) || !strings.Contains(there, `"closed"`) {
		t.Errorf("the order differs:\n%s\n%s", here, there)
	}
	diff, err := s.Run("diff", "ord_1", "1", "2", "--output", "json")
	if err != nil || !strings.Contains(diff, `"path": "version"`) {
		t.Errorf("diff: %v\n%s", err, diff)
	}
	if output, err := s.Run("diff", "ord_1", "1", "999"); err == nil || !strings.Contains(output, "has no version 999") {
		t.Errorf("diff with a version that is not there: %v\n%s", err, output)
	}
	s.checkSchedule()
}

// shipTo is the street in an order's state as JSON; empty while it is sealed.
func shipTo(state string) string {
	var parsed struct {
		ShipTo struct{ Clear struct{ Line1 string } } `json:"ship_to"`
	}
	_ = json.Unmarshal([]byte(state), &parsed) // a state that is none has no street
	return parsed.ShipTo.Clear.Line1
}

func withoutShipTo(t *testing.T, state string) string {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(state), &fields); err != nil {
		t.Fatalf("%v: %s", err, state)
	}
	delete(fields, "ship_to")
	return fmt.Sprint(fields)
}

// checkSchedule asks for the schedule again, with another interval, after an operator has paused it.
func (s shop) checkSchedule() {
	s.t.Helper()
	temporal := s.Temporal()
	schedule := temporal.ScheduleClient().GetHandle(s.t.Context(), workflows.CheckpointSchedule)
	if err := schedule.Pause(s.t.Context(), client.SchedulePauseOptions{Note: "by an operator"}); err != nil {
		s.t.Fatal(err)
	}
	for range 2 {
		if err := worker.ScheduleCheckpoints(s.t.Context(), temporal, 7*time.Hour); err != nil {
			s.t.Fatal(err)
		}
	}
	now, err := schedule.Describe(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if every := now.Schedule.Spec.Intervals[0].Every; every != 7*time.Hour || !now.Schedule.State.Paused || now.Schedule.State.Note != "by an operator" {
		s.t.Errorf("every %s, state %+v", every, now.Schedule.State)
	}
}

func TestCheckpoint_WithoutAKey_SaysHowToMakeOne(t *testing.T) {
	t.Parallel()
	a := &auditor{t: t, url: testkit.DatabaseURL(t)}
	if _, status := a.run("checkpoint"); status != 1 {
		t.Errorf("exit status %d", status)
	}
	output, status := a.run("checkpoint", "keygen")
	private, public, _ := strings.Cut(strings.TrimPrefix(output, "ORDERLY_CHECKPOINT_KEY="), "\nORDERLY_CHECKPOINT_PUBLIC_KEYS=")
	key, err := eventstore.ParseSigningKey(private)
	if status != 0 || err != nil || eventstore.FormatPublicKey(key) != strings.TrimSpace(public) {
		t.Errorf("keygen: %d, %v\n%s", status, err, output)
	}
}
