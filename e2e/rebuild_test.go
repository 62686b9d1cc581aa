package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	enumspb "go.temporal.io/api/enums/v1"

	"orderly/workflows"
)

// TestRebuild_OfEverything_ArchivedOrdersToo builds all read models anew, by the command line and over HTTP, with orders under
// way and orders in the archive. The end of the test compares all rows with the events.
func TestRebuild_OfEverything_ArchivedOrdersToo(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.until(s.place(wish{id: "ord_old"}), "closed")
	s.awaitReadModels()
	s.must("archive", "--before", time.Now().UTC().Format(time.RFC3339Nano))
	s.fault(noCarrier)
	s.attention(s.place(wish{id: "ord_parked"}), "BookShipment")
	if told := s.must("projections", "rebuild", "--all"); !strings.Contains(told, "orders: rebuilt") || !strings.Contains(told, "figures: rebuilt") {
		t.Errorf("rebuild: %s", told)
	}
	for _, name := range []string{"orders", "figures"} {
		s.command(http.StatusAccepted, "/v1/projections/"+name+"/rebuild", "")
	}
	s.command(http.StatusConflict, "/v1/projections/webhooks/rebuild", "")
	s.command(http.StatusNotFound, "/v1/projections/nothing/rebuild", "")
	s.healFaults()
	s.command(http.StatusOK, "/v1/orders/ord_parked/attention/att_1/retry", `{"reason":"the carriers are back"}`)
	s.until("ord_parked", "closed")
	s.Await("nothing is being rebuilt", func() bool {
		return !strings.Contains(s.get("/v1/projections").raw, "rebuilding")
	})
	if found := list(s.get("/v1/orders?customer_id=cust_456").body["orders"]); len(found) != 2 {
		t.Errorf("the list has %d orders", len(found))
	}
	s.awaitReadModels()
}

// TestPoison_IsParked_AndSkipped: an event that this version does not know stops its order in the read models, and no other.
func TestPoison_IsParked_AndSkipped(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	const id = "ord_1"
	s.until(s.place(wish{id: id}), "closed")
	s.awaitReadModels()
	s.poison(id)
	var letter map[string]any
	s.Await("the event is parked", func() bool {
		letters := list(s.get("/v1/projections/orders/dead-letters").body["dead_letters"])
		if len(letters) == 1 {
			letter = letters[0]
		}
		return letter != nil
	})
	if letter["order_id"] != id || letter["error"] == "" {
		t.Errorf("letter %v", letter)
	}
	path := fmt.Sprintf("/v1/projections/orders/dead-letters/%v/", letter["id"])
	s.command(http.StatusConflict, path+"retry", "")
	s.until(s.place(wish{id: "ord_2"}), "closed")
	var letters struct {
		DeadLetters []struct {
			ID string `json:"id"`
		} `json:"dead_letters"`
	}
	if err := json.Unmarshal([]byte(s.must("projections", "dead-letters", "figures", "-o", "json")), &letters); err != nil || len(letters.DeadLetters) != 1 {
		t.Fatalf("dead letters of figures: %+v, %v", letters, err)
	}
	s.command(http.StatusOK, path+"skip", "")
	s.command(http.StatusNotFound, path+"skip", "")
	s.must("projections", "skip", "figures", letters.DeadLetters[0].ID)
	if left := s.get("/v1/projections/orders/dead-letters").raw; strings.Contains(left, id) {
		t.Errorf("still parked: %s", left)
	}
	s.unpoison(id)
}

// poison writes an event of a schema that nobody knows behind an order's last one. It is no link of the chain.
func (s shop) poison(id string) {
	s.t.Helper()
	s.sql(`INSERT INTO order_events (order_id, version, id, event_type, schema_version, data, metadata, created_at, hash)
		SELECT order_id, version + 1, gen_random_uuid(), 'OrderNoteAdded', 99, '{}', '{}', created_at + interval '1 second', hash
		FROM order_events WHERE order_id = $1 ORDER BY version DESC LIMIT 1`, id)
}

// unpoison takes that event away again, as nobody but the database's owner can, and with it what it has left in the read models.
func (s shop) unpoison(id string) {
	s.t.Helper()
	s.sql(`ALTER TABLE order_events DISABLE TRIGGER USER`)
	s.sql(`DELETE FROM order_events WHERE order_id = $1 AND schema_version = 99`, id)
	s.sql(`ALTER TABLE order_events ENABLE TRIGGER USER`)
	s.must("projections", "rebuild", "--all")
}

// sql runs a statement as the owner of the database.
func (s shop) sql(statement string, args ...any) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.DatabaseURL)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close(s.t.Context()) }()
	if _, err := conn.Exec(s.t.Context(), statement, args...); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}

// TestProjection_Paused_StaysAsItIs_AlsoOverARestart: what is recorded meanwhile is there after it was resumed.
func TestProjection_Paused_StaysAsItIs_AlsoOverARestart(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	s.until(s.place(wish{id: "ord_before"}), "closed")
	s.awaitReadModels()
	s.command(http.StatusAccepted, "/v1/projections/orders/pause", "")
	s.awaitState("orders", "paused")
	s.Kill("--all")
	s.StartRole("--all")
	s.place(wish{id: "ord_meanwhile"})
	s.must("projections", "pause", "figures")
	s.awaitState("figures", "paused")
	s.awaitState("orders", "paused")
	for _, each := range list(s.get("/v1/orders").body["orders"]) {
		if each["order_id"] == "ord_meanwhile" {
			t.Error("a paused projection goes on")
		}
	}
	s.must("projections", "resume", "orders")
	s.command(http.StatusAccepted, "/v1/projections/figures/resume", "")
	s.command(http.StatusNotFound, "/v1/projections/nothing/pause", "")
	s.awaitState("orders", "running")
	s.awaitState("figures", "running")
	s.awaitReadModels()
	if found := list(s.get("/v1/orders").body["orders"]); len(found) != 2 {
		t.Errorf("the list has %d orders", len(found))
	}
}

func (s shop) awaitState(name, state string) {
	s.t.Helper()
	s.Await(name+" is "+state, func() bool {
		for _, each := range list(s.get("/v1/projections").body["projections"]) {
			if each["name"] == name {
				return each["state"] == state
			}
		}
		return false
	})
}

// TestProjector_Killed_AnotherOneTakesOver: the read models go on when the process that keeps them is killed. How soon is in
// the test's log; docs/operations.md says how soon it should be.
func TestProjector_Killed_AnotherOneTakesOver(t *testing.T) {
	t.Parallel()
	s := open(t, []string{"--api", "--worker"})
	s.StartBeside("first", "--projector")
	s.until(s.place(wish{id: "ord_first"}), "closed")
	s.awaitReadModels()
	s.StartBeside("second", "--projector")
	s.Await("the second projector polls", func() bool { return s.pollers(workflows.ProjectionTaskQueue) >= 2 })
	s.Kill("first")
	killed := time.Now()
	id := s.place(wish{id: "ord_second"})
	s.Await("the read model knows the order", func() bool {
		return len(list(s.get("/v1/orders?q=" + id).body["orders"])) == 1
	})
	t.Logf("the other projector took over %s after the first one was killed", time.Since(killed).Round(100*time.Millisecond))
	s.until(id, "closed")
	s.awaitReadModels()
}

// pollers is how many workers ask Temporal for activities of a task queue.
func (s shop) pollers(queue string) int {
	s.t.Helper()
	described, err := s.Temporal().DescribeTaskQueue(s.t.Context(), queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	if err != nil {
		s.t.Fatal(err)
	}
	return len(described.GetPollers())
}
