package e2e_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
)

// sent is a command that can be sent again.
type sent struct{ path, key, body string }

func (s shop) send(c sent) answer {
	s.t.Helper()
	a, err := s.call(http.MethodPost, c.path, c.key, c.body)
	if err != nil {
		s.t.Fatalf("POST %s: %v", c.path, err)
	}
	return a
}

// forget deletes all that is remembered of idempotency keys.
func (s shop) forget(t *testing.T) {
	t.Helper()
	pool := s.pool()
	defer pool.Close()
	if _, err := pool.Exec(t.Context(), `DELETE FROM idempotency_keys`); err != nil {
		t.Fatal(err)
	}
}

// TestCommands_SentAgain_AfterTheEndAndARestart_AndWithoutRecords sends an order, and a refund of part of it, again: after the
// workflow has ended, to other processes, and when nothing is remembered of idempotency keys any more.
func TestCommands_SentAgain_AfterTheEndAndARestart_AndWithoutRecords(t *testing.T) {
	t.Parallel()
	s := open(t, []string{"--api", "--worker", "--projector"}, "ORDERLY_CLOSE_AFTER=3s")
	place := sent{"/v1/orders", uuid.NewString(), wish{}.json()}
	first := s.send(place)
	if first.status != http.StatusCreated {
		t.Fatalf("got %d %s", first.status, first.raw)
	}
	id := first.body["order_id"].(string)
	s.until(id, "delivered")
	refund := sent{"/v1/orders/" + id + "/refunds", uuid.NewString(), `{"amount":100,"reason":"a scratch"}`}
	refunded := s.send(refund)
	if refunded.status != http.StatusOK {
		t.Fatalf("got %d %s", refunded.status, refunded.raw)
	}
	s.until(id, "closed")
	s.Await("the refund", func() bool { return s.ledger("payments", id)["refund"] == 1 })
	again := func(when string, remembered bool) {
		t.Helper()
		for c, want := range map[sent]answer{place: first, refund: refunded} {
			a := s.send(c)
			if a.status != want.status || a.body["order_id"] != id {
				t.Errorf("%s: got %d %s", when, a.status, a.raw)
			}
			if a.header.Get("ETag") != want.header.Get("ETag") {
				t.Errorf("%s: the answer is of version %s, the first was of %s", when, a.header.Get("ETag"), want.header.Get("ETag"))
			}
			if remembered && a.header.Get("Idempotent-Replayed") != "true" {
				t.Errorf("%s: the answer does not say that it is the first one's", when)
			}
		}
	}
	again("after the end", true)
	other := refund
	other.body = `{"amount":200,"reason":"a scratch"}`
	if a := s.send(other); a.status != http.StatusUnprocessableEntity || a.body["code"] != "idempotency_key_reused" {
		t.Errorf("the key for another refund: got %d %s", a.status, a.raw)
	}
	for _, role := range []string{"--api", "--worker"} {
		s.Kill(role)
		s.StartRole(role)
	}
	again("after a restart", true)
	s.forget(t)
	again("without records", false)
	s.forget(t)
	// Nobody can tell any more that it is another request: it has no effect all the same.
	if a := s.send(other); a.header.Get("ETag") != refunded.header.Get("ETag") {
		t.Errorf("the key for another refund, without records: got %d %s", a.status, a.raw)
	}
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1, "refund": 1})
	s.awaitReadModels()
	if orders := list(s.get("/v1/orders").body["orders"]); len(orders) != 1 {
		t.Errorf("there are %d orders", len(orders))
	}
}
