package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tailed is what `orderly tail` prints of an event.
type tailed struct {
	OrderID   string `json:"order_id"`
	Version   int    `json:"version"`
	EventType string `json:"event_type"`
}

// tail runs `orderly tail` until stop, and gives its lines.
func (s shop) tail(arguments ...string) (lines <-chan string, stop func()) {
	s.t.Helper()
	cmd := s.Command(append([]string{"tail"}, arguments...)...)
	output, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	printed := make(chan string, 10_000)
	go func() {
		defer close(printed)
		for scanner := bufio.NewScanner(output); scanner.Scan(); {
			printed <- scanner.Text()
		}
	}()
	return printed, func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		for range printed { //nolint:revive // until its output has ended
		}
		if err := cmd.Wait(); err != nil {
			s.t.Errorf("orderly tail, stopped with Ctrl-C: %v: %s", err, complaints.String())
		}
	}
}

func TestStream_APIKilledAndStopped_ClientIsToldEverythingOnceInOrder(t *testing.T) {
	t.Parallel()
	s := open(t, []string{"--api", "--worker", "--projector"})
	s.Setenv("ORDERLY_API_KEY=" + s.Key)
	lines, stop := s.tail("--after", "0.0", "--output", "json")
	defer stop()
	var ids []string
	for round := range 3 {
		for i := range 2 {
			id := fmt.Sprintf("ord_%d_%d", round, i)
			s.place(wish{id: id})
			ids = append(ids, id)
		}
		switch round {
		case 0:
			s.Kill("--api")
			s.StartRole("--api")
		case 1:
			s.Stop("--api")
			s.StartRole("--api")
		}
	}
	want := map[string][]string{}
	for _, id := range ids {
		s.until(id, "closed")
		for _, event := range list(s.get("/v1/orders/" + id + "/events").body["events"]) {
			want[id] = append(want[id], event["event_type"].(string))
		}
	}
	got := map[string][]string{}
	for missing := true; missing; {
		var event tailed
		line := nextLine(t, lines)
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if got[event.OrderID] = append(got[event.OrderID], event.EventType); len(got[event.OrderID]) != event.Version {
			t.Fatalf("version %d of %s came as event %d", event.Version, event.OrderID, len(got[event.OrderID]))
		}
		missing = slices.ContainsFunc(ids, func(id string) bool { return len(got[id]) < len(want[id]) })
	}
	for _, id := range ids {
		if !slices.Equal(got[id], want[id]) {
			t.Errorf("%s: told %v, want %v", id, got[id], want[id])
		}
	}
}

func nextLine(t *testing.T, lines <-chan string) string {
	t.Helper()
	select {
	case line, open := <-lines:
		if !open {
			t.Fatal("orderly tail has ended")
		}
		return line
	case <-time.After(90 * time.Second):
		t.Fatal("orderly tail prints nothing more")
	}
	return ""
}

func TestCLI_Tail_OfOneOrder_PrintsItFromItsFirstEvent(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.Setenv("ORDERLY_API_KEY=" + s.Key)
	s.place(wish{id: "ord_1"})
	lines, stop := s.tail("ord_1")
	defer stop()
	first := nextLine(t, lines)
	if !strings.Contains(first, "ord_1: v1   OrderCreated {") || !strings.Contains(first, "by ") {
		t.Errorf("the first line is %q", first)
	}
	for !strings.Contains(nextLine(t, lines), "OrderClosed") { //nolint:revive // until the order's last event
	}
	for _, wrong := range [][]string{{"tail", "ord_1", "ord_2"}, {"tail", "ord_1", "--types", "OrderClosed"}} {
		if refused := s.cli(2, wrong...).stderr; refused == "" {
			t.Errorf("%v: no word of what is wrong", wrong)
		}
	}
	if refused := s.cli(1, "tail", "ord_none").stderr; !strings.Contains(refused, "order_not_found") {
		t.Errorf("an order that there is not: %s", refused)
	}
}
