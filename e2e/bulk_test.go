package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
)

// failedBookings places orders whose bookings all fail, and waits until they all need attention.
func (s shop) failedBookings(n int) {
	s.t.Helper()
	s.fault(noCarrier)
	var group sync.WaitGroup
	free := make(chan struct{}, 16)
	for range n {
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			key := uuid.NewString()
			s.Await("an order is placed, however busy the machine is", func() bool {
				placed, err := s.call(http.MethodPost, "/v1/orders", key, wish{}.json())
				return err == nil && placed.status == http.StatusCreated
			})
		})
	}
	group.Wait()
	s.Await("all bookings have failed", func() bool {
		dry := s.bulk(`{"command":"retry","filter":{"step":"BookShipment"},"reason":"count","dry_run":true}`)
		return number(dry["total"]) == n
	})
}

func (s shop) bulk(body string) map[string]any {
	s.t.Helper()
	return s.command(http.StatusCreated, "/v1/bulk", body).body
}

func number(value any) int {
	n, _ := strconv.Atoi(fmt.Sprint(value))
	return n
}

// bulkIs waits until an operation has a state.
func (s shop) bulkIs(id, state string) map[string]any {
	s.t.Helper()
	var last map[string]any
	s.Await("operation "+id+" is "+state, func() bool {
		last = s.get("/v1/bulk/" + id).body
		return last["state"] == state
	})
	return last
}

// bulkCompletes waits for the end of an operation, for as long as it gets on.
func (s shop) bulkCompletes(id string) {
	s.t.Helper()
	for before, state := -1, ""; state != "completed"; {
		s.Await(fmt.Sprintf("operation %s gets on from %d", id, before), func() bool {
			now := s.get("/v1/bulk/" + id).body
			done := number(now["done"])
			state, _ = now["state"].(string)
			got := done > before || state == "completed"
			before = max(before, done)
			return got
		})
	}
}

// bulkResults are all results of an operation.
func (s shop) bulkResults(id string) []map[string]any {
	s.t.Helper()
	var all []map[string]any
	for cursor := ""; ; {
		page := s.get("/v1/bulk/" + id + "?limit=200&cursor=" + url.QueryEscape(cursor))
		if page.status != http.StatusOK {
			s.t.Fatalf("a page of results: %d %s", page.status, page.raw)
		}
		all = append(all, list(page.body["results"])...)
		if cursor, _ = page.body["next_cursor"].(string); cursor == "" {
			return all
		}
	}
}

// wantRecovered checks that an order got the command once, has gone its whole way, and left once.
func (s shop) wantRecovered(result map[string]any) {
	s.t.Helper()
	id := result["order_id"].(string)
	s.until(id, "closed")
	if retried := s.count(id, "StepRetried"); retried != 1 || result["status"] != "done" {
		s.t.Errorf("%s was retried %d times: %v", id, retried, result)
	}
	s.wantLedger("shipments", id, map[string]int{"book": 1})
}

// outage is how many orders meet the carriers' outage; more of them by hand.
func outage() int {
	if n, err := strconv.Atoi(os.Getenv("BULK_ORDERS")); err == nil {
		return n
	}
	return 30
}

func TestBulk_RetryAfterAnOutage_AllRecover(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_BOOK_TRIES=1", "ORDERLY_CARRIERS=fedex")
	n := outage()
	s.failedBookings(n)
	s.healFaults()
	const retry = `{"command":"retry","filter":{"step":"BookShipment","carrier":"fedex"},"reason":"the carriers are back","rate":100}`
	key := uuid.NewString()
	first, err := s.call(http.MethodPost, "/v1/bulk", key, retry)
	if err != nil || first.status != http.StatusCreated || number(first.body["total"]) != n {
		t.Fatalf("start: %d %s %v", first.status, first.raw, err)
	}
	id := first.body["bulk_id"].(string)
	again, err := s.call(http.MethodPost, "/v1/bulk", key, retry)
	if err != nil || again.body["bulk_id"] != id || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("sent again: %d %s %v", again.status, again.raw, err)
	}
	if other, err := s.call(http.MethodPost, "/v1/bulk", key, `{"command":"cancel","filter":{"status":"paid"},"reason":"x"}`); err != nil || other.status != http.StatusUnprocessableEntity {
		t.Errorf("the key for another request: %d %s %v", other.status, other.raw, err)
	}
	s.bulkCompletes(id)
	if done := s.get("/v1/bulk/" + id).body; number(done["done"]) != n || number(done["refused"]) != 0 {
		t.Errorf("done: %v", done)
	}
	results := s.bulkResults(id)
	if len(results) != n {
		t.Errorf("%d results, want %d", len(results), n)
	}
	for _, result := range results {
		s.wantRecovered(result)
	}
	if left := list(s.get("/v1/attention").body["attention"]); len(left) != 0 {
		t.Errorf("these need attention still: %v", left)
	}
}

func TestBulk_WorkerKilledInTheMiddle_EachOrderGetsTheCommandOnce(t *testing.T) {
	t.Parallel()
	s := open(t, []string{"--api", "--projector", "--worker"}, "ORDERLY_BOOK_TRIES=1", "ORDERLY_CARRIERS=fedex")
	const n = 24
	s.failedBookings(n)
	s.healFaults()
	id := s.bulk(`{"command":"retry","filter":{"step":"BookShipment"},"reason":"fedex is back","rate":4}`)["bulk_id"].(string)
	path := "/v1/bulk/" + id
	s.Await("some orders have the command", func() bool { return number(s.get(path).body["done"]) > 0 })
	s.Kill("--worker")
	if left := number(s.get(path).body["pending"]); left == 0 {
		t.Fatal("the worker was killed too late")
	}
	s.StartRole("--worker")
	s.bulkCompletes(id)
	results := s.bulkResults(id)
	if len(results) != n {
		t.Errorf("%d results, want %d", len(results), n)
	}
	for _, result := range results {
		s.wantRecovered(result)
	}
}

func TestBulk_SuspendedResumedCancelled(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_BOOK_TRIES=1", "ORDERLY_CARRIERS=fedex")
	s.failedBookings(8)
	started := s.bulk(`{"command":"cancel","filter":{"step":"BookShipment"},"reason":"given up","rate":1}`)
	id := started["bulk_id"].(string)
	path := "/v1/bulk/" + id
	s.command(http.StatusOK, path+"/suspend", "")
	suspended := s.bulkIs(id, "suspended")
	s.command(http.StatusOK, path+"/suspend", "")
	s.command(http.StatusOK, path+"/resume", "")
	s.Await("it goes on", func() bool { return number(s.get(path).body["done"]) > number(suspended["done"]) })
	s.command(http.StatusOK, path+"/cancel", "")
	ended := s.bulkIs(id, "cancelled")
	s.command(http.StatusConflict, path+"/resume", "")
	if number(ended["pending"]) == 0 || number(ended["done"]) == 0 {
		t.Errorf("cancelled in the middle: %v", ended)
	}
	pending := s.get(path + "?status=pending&limit=1")
	if len(list(pending.body["results"])) != 1 || number(ended["pending"]) > 1 && pending.body["next_cursor"] == "" {
		t.Errorf("a page of what is left: %s", pending.raw)
	}
	for _, result := range list(ended["results"]) {
		if result["status"] == "done" {
			s.until(result["order_id"].(string), "cancelled")
		}
	}
}

func TestBulk_OnTheCommandLine(t *testing.T) {
	t.Parallel()
	s := open(t, []string{"--api", "--projector", "--worker"}, "ORDERLY_BOOK_TRIES=1", "ORDERLY_CARRIERS=fedex")
	s.Setenv("ORDERLY_API_KEY=" + s.Key)
	s.failedBookings(2)
	run := func(want string, args ...string) string {
		t.Helper()
		said, err := s.Run(append([]string{"bulk"}, args...)...)
		if err != nil || !strings.Contains(said, want) {
			t.Fatalf("bulk %v: %v\n%s\nwant %q", args, err, said, want)
		}
		return said
	}
	run("dry run", "start", "retry", "--step", "BookShipment", "--reason", "count", "--dry-run")
	s.healFaults()
	s.Kill("--worker") // so that the operation is under way for as long as this takes
	id, _, _ := strings.Cut(run("2 in all", "start", "retry", "--step", "BookShipment", "--reason", "fedex is back"), " ")
	run("suspended", "suspend", id)
	run("running", "resume", id)
	s.StartRole("--worker")
	s.bulkCompletes(id)
	run("2 done", "show", id)
	for code, wrong := range map[string][]string{
		"not_allowed_now": {"cancel", id}, "not_found": {"show", "blk_1"}, "invalid_request": {"start", "retry", "--reason", "everything"},
	} {
		if said, err := s.Run(append([]string{"bulk"}, wrong...)...); err == nil || !strings.Contains(said, "("+code+", trace ") {
			t.Errorf("bulk %v: %v %s", wrong, err, said)
		}
	}
}

func TestBulk_Refusals(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	for _, body := range []string{
		`{"command":"retry","filter":{},"reason":"all"}`,
		`{"command":"explode","filter":{"status":"paid"},"reason":"all"}`,
		`{"command":"reroute","filter":{"step":"BookShipment"},"reason":"all"}`,
		`{"command":"retry","filter":{"step":"BookShipment"},"reason":"all","carrier":"ups"}`,
		`{"command":"cancel","filter":{"order_ids":["../x"]},"reason":"all"}`,
		`{"command":"cancel","filter":{"status":"paid"},"reason":"all","rate":0}`,
	} {
		s.command(http.StatusUnprocessableEntity, "/v1/bulk", body)
	}
	if unknown := s.get("/v1/bulk/blk_00000000000000000000000000000000"); unknown.status != http.StatusNotFound {
		t.Errorf("an unknown operation: %d %s", unknown.status, unknown.raw)
	}
	none := s.bulk(`{"command":"cancel","filter":{"customer_id":"nobody"},"reason":"nobody"}`)
	if ended := s.bulkIs(none["bulk_id"].(string), "completed"); number(ended["total"]) != 0 {
		t.Errorf("nothing matches: %v", ended)
	}
}
