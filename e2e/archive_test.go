package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestArchive_OrdersGoOnBeingServed: an archived order is read, noted, placed again and verified as before, also by new
// processes.
func TestArchive_OrdersGoOnBeingServed(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_SNAPSHOT_EVERY=5")
	dir := s.ArchiveDir
	const id = "ord_123"
	place := wish{id: id}.json()
	first, err := s.call(http.MethodPost, "/v1/orders", "place-1", place)
	if err != nil || first.status != http.StatusCreated {
		t.Fatalf("place: %v, %d %s", err, first.status, first.raw)
	}
	s.until(id, "closed")
	timeline, before := s.must("timeline", id), s.must("state", id, "--version", "3", "-o", "json")
	whole := s.must("export", id)

	moment := time.Now().UTC().Format(time.RFC3339Nano)
	s.Await("the read model has everything", func() bool {
		_, err := s.Run("archive", "--before", moment, "--dry-run")
		return err == nil
	})
	if text := s.must("archive", "--before", moment, "--dry-run"); !strings.Contains(text, "would archive  1 orders") {
		t.Errorf("dry run: %s", text)
	}
	var done struct {
		Streams, Events int
		Files           []string
	}
	if err := json.Unmarshal([]byte(s.must("archive", "--before", moment, "-o", "json")), &done); err != nil {
		t.Fatal(err)
	}
	if done.Streams != 1 || done.Events < 10 || len(done.Files) != 1 || !strings.HasPrefix(done.Files[0], dir) {
		t.Errorf("archived: %+v", done)
	}
	s.Kill("--all")
	s.StartRole("--all")
	if got := s.must("timeline", id); got != timeline {
		t.Errorf("timeline: got %s, want %s", got, timeline)
	}
	if got := s.must("state", id, "--version", "3", "-o", "json"); got != before {
		t.Errorf("state at version 3: got %s, want %s", got, before)
	}
	if got := s.must("export", id); got != whole {
		t.Errorf("export: got %s, want %s", got, whole)
	}
	s.placeAgain(id, place, first)
	a := s.command(http.StatusOK, "/v1/orders/"+id+"/notes", `{"text":"long after"}`)
	if want := fmt.Sprint(done.Events + 2); a.header.Get("X-Event-Version") != want {
		t.Errorf("a note led to version %s, want %s", a.header.Get("X-Event-Version"), want)
	}
	if text := s.must("verify"); !strings.Contains(text, fmt.Sprint(done.Events+2)) {
		t.Errorf("verify: %s, want %d events", text, done.Events+2)
	}
}

// placeAgain sends an order again, with its key and with another: the first result comes, or that there is one already.
func (s shop) placeAgain(id, place string, first answer) {
	s.t.Helper()
	again, err := s.call(http.MethodPost, "/v1/orders", "place-1", place)
	if err != nil || again.status != first.status || again.body["order_id"] != id {
		s.t.Errorf("the same order again: %v, %d %s", err, again.status, again.raw)
	}
	other, err := s.call(http.MethodPost, "/v1/orders", "place-2", place)
	if err != nil || other.status != http.StatusConflict {
		s.t.Errorf("another order under its id: %v, %d %s", err, other.status, other.raw)
	}
}

// must runs the binary, which must do well.
func (s shop) must(args ...string) string {
	s.t.Helper()
	output, err := s.Run(args...)
	if err != nil {
		s.t.Fatalf("orderly %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return output
}

// TestArchive_RefusesWhatReadModelsStillNeed: the feed does not go into the archive.
func TestArchive_RefusesWhatReadModelsStillNeed(t *testing.T) {
	t.Parallel()
	a := newAuditor(t)
	a.fill("a")
	moment := time.Now().UTC().Format(time.RFC3339Nano)
	archive := func(want int) {
		t.Helper()
		if _, status := a.run("archive", "--before", moment, "--dir", t.TempDir()); status != want {
			t.Errorf("got exit status %d, want %d", status, want)
		}
	}
	a.exec(`INSERT INTO projections (name, version) VALUES ('orders', 1)`)
	archive(1)
	a.exec(`UPDATE projections SET checkpoint_tx = (SELECT max(tx) FROM order_events), checkpoint_position = (SELECT max(position) FROM order_events)`)
	archive(0)
	a.exec(`INSERT INTO projection_dead_letters (name, shard, order_id, version, event_id, event_type, tx, position, error)
		SELECT 'orders', 0, order_id, version, id, event_type, tx, position, 'broken' FROM order_events LIMIT 1`)
	archive(1)
	a.exec(`DELETE FROM projections`)
	for _, wrong := range []string{"yesterday", "2999-01-01T00:00:00Z", ""} {
		if _, status := a.run("archive", "--before", wrong); status != 2 {
			t.Errorf("--before %q: got exit status %d, want 2", wrong, status)
		}
	}
}
