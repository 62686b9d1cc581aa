package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"orderly/orchestrator"
	"orderly/order"
)

func TestCommand_SentAgain_GivesTheFirstAnswer(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	first := h.post(t, "/v1/orders", "k1", with(t, "order_id", "ord_1"))
	wantStatus(t, h.post(t, "/v1/orders/ord_1/notes", "k2", `{"text": "later"}`), http.StatusOK)
	// The same fields in another order and with other spaces are the same request.
	again := h.post(t, "/v1/orders", "k1", " "+with(t, "order_id", "ord_1"))
	wantStatus(t, again, http.StatusCreated)
	if again.Body.String() != first.Body.String() {
		t.Errorf("answers differ:\n%s\n%s", first.Body, again.Body)
	}
	if again.Header().Get("Idempotent-Replayed") != "true" || again.Header().Get("ETag") != first.Header().Get("ETag") {
		t.Errorf("headers are %v", again.Header())
	}
	if got := h.orders.count(); got != 2 {
		t.Errorf("%d commands were sent, want 2", got)
	}
}

func TestCommand_WithTheKeyOfAnother_IsRefused(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	h.place(t, "ord_2")
	note := func(orderID, text string) int {
		return h.post(t, "/v1/orders/"+orderID+"/notes", "k1", `{"text": "`+text+`"}`).Code
	}
	if got := note("ord_1", "a"); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	wantProblem(t, h.post(t, "/v1/orders/ord_1/notes", "k1", `{"text": "b"}`), codeKeyReused)
	if got := note("ord_2", "b"); got != http.StatusOK {
		t.Errorf("the key counts for another order, too: status %d", got)
	}
	h.key = h.newKey(t, "rival", "admin")
	answer := h.post(t, "/v1/orders", "place-ord_1", with(t, "customer_id", "cust_2"))
	wantStatus(t, answer, http.StatusCreated)
}

func TestCommand_TwentyAtOnce_MakeOneOrder(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var group sync.WaitGroup
	answers := make(chan int, 20)
	for range 20 {
		group.Go(func() {
			answer := h.post(t, "/v1/orders", "k1", usualOrder)
			if answer.Code == http.StatusCreated && answer.Header().Get("Idempotent-Replayed") == "" {
				answers <- 1
				return
			}
			answers <- 0
			if answer.Code != http.StatusCreated && answer.Code != http.StatusConflict {
				t.Errorf("status %d: %s", answer.Code, answer.Body)
			}
		})
	}
	group.Wait()
	close(answers)
	firsts := 0
	for first := range answers {
		firsts += first
	}
	var orders int
	if err := h.pool.QueryRow(t.Context(), `select count(*) from order_events where event_type = 'OrderCreated'`).Scan(&orders); err != nil {
		t.Fatal(err)
	}
	if firsts != 1 || orders != 1 {
		t.Errorf("%d first answers and %d orders, want one of each", firsts, orders)
	}
}

func TestCommand_WhenAllKeysAreLost_IsStillAppliedOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	first := decode[Order](t, h.post(t, "/v1/orders", "k1", usualOrder))
	if _, err := h.pool.Exec(t.Context(), `truncate idempotency_keys`); err != nil {
		t.Fatal(err)
	}
	again := h.post(t, "/v1/orders", "k1", with(t, "customer_id", "somebody_else"))
	wantStatus(t, again, http.StatusCreated)
	if again.Header().Get("Idempotent-Replayed") != "true" {
		t.Error("the answer does not say that it is the first one's")
	}
	if got := decode[Order](t, again); got.OrderID != first.OrderID || got.CustomerID != first.CustomerID || got.Version != 1 {
		t.Errorf("order is %+v", got)
	}
}

func TestCommand_UnderWay_IsAConflict_UntilTheLeaseRunsOut(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	started, finish := make(chan struct{}), make(chan struct{})
	var others atomic.Bool
	h.orders.answer = func(order.Command) error {
		if !others.Swap(true) {
			close(started)
			<-finish
		}
		return nil
	}
	var group sync.WaitGroup
	group.Go(func() { h.post(t, "/v1/orders/ord_1/notes", "k1", `{"text": "a"}`) })
	<-started
	answer := h.post(t, "/v1/orders/ord_1/notes", "k1", `{"text": "a"}`)
	wantProblem(t, answer, codeInFlight)
	if answer.Header().Get("Retry-After") == "" {
		t.Error("the answer does not say when to try again")
	}
	if _, err := h.pool.Exec(t.Context(), `update idempotency_keys set claimed_until = now() - interval '1 second'`); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, h.post(t, "/v1/orders/ord_1/notes", "k1", `{"text": "a"}`), http.StatusOK)
	close(finish)
	group.Wait()
	wantStatus(t, h.post(t, "/v1/orders/ord_1/notes", "k1", `{"text": "a"}`), http.StatusOK)
	if got := decode[Order](t, h.get(t, "/v1/orders/ord_1")).Version; got != 2 {
		t.Errorf("the order is at version %d, want 2", got)
	}
}

func TestCommand_RefusedByTheRules_IsRefusedAgainTheSameWay(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	const path, body = "/v1/orders/ord_1/release", `{"code": "manual", "reason": "x"}`
	first := h.post(t, path, "k1", body)
	problem := wantProblem(t, first, codeNotAllowed)
	if len(problem.Allowed) == 0 || problem.CurrentVersion != 1 || first.Header().Get("ETag") != `"1"` {
		t.Errorf("problem is %s, headers %v", first.Body, first.Header())
	}
	wantStatus(t, h.post(t, "/v1/orders/ord_1/hold", "k2", body), http.StatusOK)
	again := h.post(t, path, "k1", body)
	if again.Body.String() != first.Body.String() || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("first %s, then %s", first.Body, again.Body)
	}
	wantStatus(t, h.post(t, path, "k3", body), http.StatusOK)
}

func TestCommand_IfMatch(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	note := func(key, match string) ask {
		return ask{http.MethodPost, "/v1/orders/ord_1/notes", `{"text": "a"}`, []string{"Idempotency-Key", key, "If-Match", match}}
	}
	wantStatus(t, h.do(t, note("k1", `"1"`)), http.StatusOK)
	stale := wantProblem(t, h.do(t, note("k2", `"1"`)), codeVersionMismatch)
	if stale.CurrentVersion != 2 {
		t.Errorf("current version is %d", stale.CurrentVersion)
	}
	wantStatus(t, h.do(t, note("k2", `"2"`)), http.StatusOK)
	wantStatus(t, h.do(t, note("k1", `"1"`)), http.StatusOK) // done already
	wantStatus(t, h.do(t, note("k3", `*`)), http.StatusOK)
}

func TestCommand_InTrouble_CanBeSentAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		code Code
	}{
		"no orchestrator": {&orchestrator.UnavailableError{Err: context.DeadlineExceeded}, codeOrchestratorDown},
		"too many":        {orchestrator.ErrTooMany, codeTooManyCommands},
		"no store":        {storeFailed("x", errors.New("connection refused")), codeStoreDown},
		"a bug":           {errors.New("relation order_events does not exist"), codeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			h.orders.answer = func(order.Command) error { return c.err }
			answer := h.post(t, "/v1/orders", "k1", usualOrder)
			problem := wantProblem(t, answer, c.code)
			if c.code != codeInternal && answer.Header().Get("Retry-After") == "" {
				t.Error("the answer does not say when to try again")
			}
			if c.code == codeInternal && problem.Detail != "" {
				t.Errorf("the answer tells the client %q", problem.Detail)
			}
			h.orders.answer = nil
			again := h.post(t, "/v1/orders", "k1", usualOrder)
			wantStatus(t, again, http.StatusCreated)
			if again.Header().Get("Idempotent-Replayed") != "" {
				t.Error("the first answer was kept")
			}
		})
	}
}

func TestCommand_ThatOutlivesItsWait_CanBeAskedFor(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.orders.answer = func(order.Command) error { return orchestrator.ErrPending }
	h.orders.outcome = orchestrator.ErrPending
	const key = "a/b?c=%20+d"
	body := with(t, "order_id", "ord_1")
	answer := h.post(t, "/v1/orders", key, body)
	wantStatus(t, answer, http.StatusAccepted)
	where := answer.Header().Get("Location")
	if got := decode[PendingCommand](t, answer); got.CommandURL != where || got.OrderID != "ord_1" || got.Status != "pending" {
		t.Errorf("answer is %+v, location %q", got, where)
	}
	wantStatus(t, h.get(t, where), http.StatusAccepted)

	h.orders.answer = nil
	command := h.orders.sent[0]
	if _, err := h.journal.Apply(t.Context(), "ord_1", command); err != nil {
		t.Fatal(err)
	}
	done := h.get(t, where)
	wantStatus(t, done, http.StatusOK)
	if got := decode[Order](t, done); got.OrderID != "ord_1" || done.Header().Get("ETag") != `"1"` {
		t.Errorf("answer is %s", done.Body)
	}
	wantStatus(t, h.post(t, "/v1/orders", key, body), http.StatusCreated)
	if _, err := h.pool.Exec(t.Context(), `truncate idempotency_keys`); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, h.get(t, where), http.StatusOK)
}

// TestCommand_ThatOutlivesItsWait_AndIsRefusedOrLost: who asks is told so, and does not wait for ever.
func TestCommand_ThatOutlivesItsWait_AndIsRefusedOrLost(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	h.orders.answer = func(order.Command) error { return orchestrator.ErrPending }
	release := h.post(t, "/v1/orders/ord_1/release", "k1", `{"code": "manual", "reason": "x"}`)
	place := h.post(t, "/v1/orders", "k2", with(t, "order_id", "ord_2"))
	for _, pending := range []*httptest.ResponseRecorder{release, place} {
		wantStatus(t, pending, http.StatusAccepted)
		where := pending.Header().Get("Location")
		h.orders.outcome = orchestrator.ErrPending
		wantStatus(t, h.get(t, where), http.StatusAccepted)
		h.orders.outcome = &order.NotAllowedError{Command: "ReleaseOrder", Detail: "it is not held"}
		wantProblem(t, h.get(t, where), codeNotAllowed)
		h.orders.outcome = orchestrator.ErrUnknown
		wantProblem(t, h.get(t, where), codeNotFound)
	}
}

func TestCommand_ThatWasRefused_CanBeAskedFor(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	h.post(t, "/v1/orders/ord_1/release", "k1", `{"code": "manual", "reason": "x"}`)
	wantProblem(t, h.get(t, "/v1/commands/ord_1/k1"), codeNotAllowed)
}

func TestForgetReceipts_ForgetsOldOnes(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.place(t, "ord_1")
	if _, err := h.pool.Exec(t.Context(), `update idempotency_keys set created_at = now() - interval '2 days', claimed_until = now() - interval '2 days'`); err != nil {
		t.Fatal(err)
	}
	h.place(t, "ord_2")
	gone, err := ForgetReceipts(t.Context(), h.pool, 24*time.Hour)
	if err != nil || gone != 1 {
		t.Errorf("%d are forgotten, error %v", gone, err)
	}
}
