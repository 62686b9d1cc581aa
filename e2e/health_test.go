package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// health is what a path of the health checks answers; the status is 0 when nobody listens.
func (s shop) health(path string) answer {
	a, _ := s.call(http.MethodGet, path, "", "")
	return a
}

// saysInLog waits until a process has logged some words so often.
func (s shop) saysInLog(name, words string, times int) {
	s.t.Helper()
	s.Await(name+" logs "+words, func() bool { return strings.Count(s.Logs()[name+".log"], words) >= times })
}

// TestReadiness_FollowsPostgres: while Postgres is away the process is alive and not ready, and says so to commands; when it is back all
// goes on by itself.
func TestReadiness_FollowsPostgres(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := openIn(t, c.url)
	s.StartRole("--all")
	before := s.place(wish{})
	c.stop()
	var a answer
	s.Await("not ready", func() bool { a = s.health("/readyz"); return a.status != http.StatusOK })
	if a.status != http.StatusServiceUnavailable || a.body["code"] != "not_ready" || a.header.Get("Retry-After") == "" || !strings.Contains(a.raw, `"/database"`) {
		t.Errorf("/readyz without Postgres: %d %v %s", a.status, a.header, a.raw)
	}
	for range 3 {
		if a := s.health("/livez"); a.status != http.StatusOK {
			t.Errorf("/livez without Postgres: %d %s", a.status, a.raw)
		}
		if a := s.health("/readyz"); a.status != http.StatusServiceUnavailable {
			t.Errorf("/readyz without Postgres: %d %s", a.status, a.raw)
		}
	}
	key, order := uuid.NewString(), wish{id: "ord_meanwhile"}.json()
	refused, err := s.call(http.MethodPost, "/v1/orders", key, order)
	if err != nil || refused.status != http.StatusServiceUnavailable || refused.body["code"] != "store_unavailable" || refused.header.Get("Retry-After") == "" {
		t.Errorf("a command without Postgres: %d %v %s (%v)", refused.status, refused.header, refused.raw, err)
	}
	c.start()
	s.Await("ready again", func() bool { return s.health("/readyz").status == http.StatusOK })
	placed, err := s.call(http.MethodPost, "/v1/orders", key, order)
	if err != nil || placed.status != http.StatusCreated {
		t.Errorf("the same command when Postgres is back: %d %s (%v)", placed.status, placed.raw, err)
	}
	for _, id := range []string{before, "ord_meanwhile"} {
		s.until(id, "closed")
		s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
	}
}

// TestServe_WaitsForPostgres_AndForRoomInIt: it comes up later than the process, and then has no connection left; whoever stops the
// process meanwhile need not kill it.
func TestServe_WaitsForPostgres_AndForRoomInIt(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.do("CREATE ROLE orderly_service LOGIN CONNECTION LIMIT 0", "CREATE ROLE orderly_app", "GRANT orderly_app TO orderly_service")
	s := openIn(t, c.url)
	s.Setenv("DATABASE_URL="+c.address("orderly_service", "", "sslmode=disable"), "ORDERLY_OWNER_URL="+c.url)
	c.stop()
	const waits = "Postgres is not ready; trying again"
	s.StartBeside("early", "--all")
	s.saysInLog("early", waits, 2)
	s.Signal("early", syscall.SIGTERM)
	if ended := s.Wait("early"); !ended.Success() {
		t.Errorf("stopped while it waited: %s\n%s", ended, s.Logs()["early.log"])
	}
	s.StartBeside("patient", "--all")
	s.saysInLog("patient", waits, 1)
	c.start()
	s.saysInLog("patient", "too many connections", 1)
	c.do("ALTER ROLE orderly_service CONNECTION LIMIT -1")
	s.Await("ready", func() bool { return s.health("/readyz").status == http.StatusOK })
	s.until(s.place(wish{}), "closed")
}

// holdOrders makes every command wait for the events' table until the function that it gives is called.
func (s shop) holdOrders() (release func()) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.DatabaseURL)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := conn.Exec(s.t.Context(), "BEGIN; LOCK TABLE order_events IN EXCLUSIVE MODE"); err != nil {
		s.t.Fatal(err)
	}
	return func() { _ = conn.Close(s.t.Context()) }
}

// sendHeld sends a command that waits for the events' table, and gives its answer later.
func (s shop) sendHeld(id string) <-chan answer {
	s.t.Helper()
	answers := make(chan answer, 1)
	go func() {
		a, err := s.call(http.MethodPost, "/v1/orders", uuid.NewString(), wish{id: id}.json())
		if err != nil {
			a.raw = err.Error()
		}
		answers <- a
	}()
	conn, err := pgx.Connect(s.t.Context(), s.DatabaseURL)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close(s.t.Context()) }()
	s.Await("the command waits for the table", func() bool {
		var waiting bool
		const look = `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'order_events'::regclass)`
		return conn.QueryRow(s.t.Context(), look).Scan(&waiting) == nil && waiting
	})
	return answers
}

// awaitDraining waits for /readyz to say that the process is being stopped. Nobody may find the door closed before.
func (s shop) awaitDraining() {
	s.t.Helper()
	s.Await("/readyz says that the process is being stopped", func() bool {
		a := s.health("/readyz")
		if a.status == 0 {
			s.t.Fatal("the listener was closed before /readyz said so")
		}
		return a.status == http.StatusServiceUnavailable && a.body["code"] == "not_ready"
	})
}

// TestSIGTERM_IsToldFirst_AndWhatIsBeingServedIsAnswered: then the process ends as one that has done its work.
func TestSIGTERM_IsToldFirst_AndWhatIsBeingServedIsAnswered(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_DRAIN_DELAY=15s")
	release := s.holdOrders()
	held := s.sendHeld("ord_held")
	s.Signal(everything[0], syscall.SIGTERM)
	s.awaitDraining()
	if a := s.health("/livez"); a.status != http.StatusOK {
		t.Errorf("/livez of a process that is being stopped: %d %s", a.status, a.raw)
	}
	late := s.sendHeld("ord_late") // somebody has not noticed yet
	release()
	for id, answers := range map[string]<-chan answer{"ord_held": held, "ord_late": late} {
		if a := <-answers; a.status != http.StatusCreated || a.body["order_id"] != id {
			t.Errorf("%s, sent before the door was closed: %d %s", id, a.status, a.raw)
		}
	}
	if ended := s.Wait(everything[0]); !ended.Success() {
		t.Errorf("it ended with %s", ended)
	}
	if a := s.health("/livez"); a.status != 0 {
		t.Errorf("somebody still answers: %d", a.status)
	}
	s.StartRole(everything[0])
	for _, id := range []string{"ord_held", "ord_late"} {
		s.until(id, "closed")
		s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
	}
}

// TestSIGTERM_Twice_EndsAtOnce: a process that would go on draining for an hour ends by the second signal, and the next one goes on
// with what it was doing.
func TestSIGTERM_Twice_EndsAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_DRAIN_DELAY=1h")
	release := s.holdOrders()
	held := s.sendHeld("ord_held")
	s.Signal(everything[0], syscall.SIGTERM)
	s.awaitDraining()
	s.Signal(everything[0], syscall.SIGTERM)
	ended := s.Wait(everything[0])
	if status, ok := ended.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %s", ended)
	}
	if a := <-held; a.status != 0 {
		t.Errorf("the command that was being served: %d %s", a.status, a.raw)
	}
	release()
	s.StartRole(everything[0])
	again := wish{id: "ord_held"}.json()
	if a, err := s.call(http.MethodPost, "/v1/orders", fmt.Sprint(uuid.New()), again); err != nil || a.status != http.StatusCreated && a.body["code"] != "order_exists" {
		t.Errorf("sent to the next process: %d %s (%v)", a.status, a.raw, err)
	}
	s.until("ord_held", "closed")
	s.wantLedger("payments", "ord_held", map[string]int{"authorize": 1, "capture": 1})
}
