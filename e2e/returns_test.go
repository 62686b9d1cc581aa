package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
)

// closedOrder is an order of two mugs, 4999 each, that was delivered and closed.
func (s shop) closedOrder() string {
	s.t.Helper()
	id := s.place(wish{})
	s.until(id, "closed")
	s.wantNoRunning(id)
	return id
}

// sendBack asks for pieces of the first line to be taken back, and gives the path of the return.
func (s shop) sendBack(id string, pieces int, resolution string) string {
	s.t.Helper()
	answer := s.command(http.StatusOK, "/v1/orders/"+id+"/returns",
		fmt.Sprintf(`{"lines":[{"line_id":"l1","quantity":%d}],"reason":"too small","resolution":%q}`, pieces, resolution))
	returns := list(answer.body["returns"])
	return fmt.Sprintf("/v1/orders/%s/returns/%v", id, returns[len(returns)-1]["rma_id"])
}

// returnIs waits until the order's latest return has a status.
func (s shop) returnIs(id, status string) map[string]any {
	s.t.Helper()
	var latest map[string]any
	s.Await("the return of "+id+" is "+status, func() bool {
		returns := list(s.order(id)["returns"])
		if len(returns) == 0 {
			return false
		}
		latest = returns[len(returns)-1]
		return latest["status"] == status
	})
	return latest
}

func (s shop) fulfilment(id string) any {
	s.t.Helper()
	state, _ := s.order(id)["fulfilment"].(map[string]any)
	return state["state"]
}

func TestReturn_OfAClosedOrder_IsPaidBackAndRestockedByCondition(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.closedOrder()
	s.command(http.StatusUnprocessableEntity, "/v1/orders/"+id+"/returns", `{"lines":[{"line_id":"l1","quantity":3}],"reason":"x","resolution":"refund"}`)
	path := s.sendBack(id, 2, "refund")
	s.awaitRunning(id)
	s.command(http.StatusConflict, path+"/receive", `{}`)
	s.command(http.StatusOK, path+"/approve", `{"reason":"within the time"}`)
	s.command(http.StatusConflict, path+"/reject", `{"reason":"too late for that"}`)
	s.Await("the goods are on their way back", func() bool { return s.fulfilment(id) == "returning" })
	s.command(http.StatusOK, path+"/receive",
		`{"lines":[{"line_id":"l1","quantity":1,"condition":"sellable"},{"line_id":"l1","quantity":1,"condition":"damaged"}]}`)
	s.returnIs(id, "closed")
	s.wantRefunded(id, "9998")
	if state, status := s.fulfilment(id), s.order(id)["status"]; state != "returned" || status != "closed" {
		t.Errorf("fulfilment is %v, status %v", state, status)
	}
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1, "refund": 1})
	s.wantLedger("stock", id, map[string]int{"reserve": 1, "commit": 1, "restock": 1})
	s.command(http.StatusConflict, "/v1/orders/"+id+"/returns", `{"lines":[{"line_id":"l1","quantity":1}],"reason":"x","resolution":"refund"}`)
	s.wantNoRunning(id)
}

func TestReturn_IsReplaced_ByAParcelOfItsOwn(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.closedOrder()
	path := s.sendBack(id, 1, "replace")
	s.command(http.StatusOK, path+"/approve", ``)
	s.command(http.StatusOK, path+"/receive", ``)
	s.returnIs(id, "closed")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
	s.wantLedger("shipments", id, map[string]int{"book": 2})
	s.wantLedger("stock", id, map[string]int{"reserve": 2, "commit": 2, "restock": 1})
	if s.parcel(id, 2)["status"] != "delivered" {
		t.Errorf("the replacement is %v", s.parcel(id, 2))
	}
}

// TestReturn_WithoutAWorkflow_IsFoundByTheReconciler: the workflow of a closed order that something of comes back to is
// started again, too, and does what is due by itself.
func TestReturn_WithoutAWorkflow_IsFoundByTheReconciler(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_RECONCILE_EVERY=1s", "ORDERLY_RECONCILE_GRACE=0s")
	id := s.closedOrder()
	s.fault(`{"service":"payments","operation":"refund","mode":"unavailable","rate":1.0}`)
	path := s.sendBack(id, 1, "refund")
	s.command(http.StatusOK, path+"/approve", `{}`)
	s.command(http.StatusOK, path+"/receive", `{}`)
	first := s.latestRun(id)
	s.terminate(id)
	s.Await(id+" has another workflow", func() bool { return s.latestRun(id) != first })
	s.healFaults()
	s.returnIs(id, "closed")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1, "refund": 1})
	s.wantLedger("stock", id, map[string]int{"reserve": 1, "commit": 1, "restock": 1})
	s.wantNoRunning(id)
}

func TestReturn_ThatNobodyDecides_IsApproved_AndClosedWhenNothingComes(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_RETURN_DECIDE_WITHIN=1s", "ORDERLY_RETURN_ARRIVE_WITHIN=1s")
	id := s.closedOrder()
	s.sendBack(id, 1, "refund")
	s.returnIs(id, "approved")
	s.returnIs(id, "closed")
	s.wantRefunded(id, "0")
	s.wantNoRunning(id)
}

func TestReturn_Rejected_LeavesTheOrderAsItIs(t *testing.T) {
	t.Parallel()
	s := open(t, everything)
	id := s.closedOrder()
	path := s.sendBack(id, 1, "refund")
	s.command(http.StatusOK, path+"/reject", `{"reason":"it is worn"}`)
	s.returnIs(id, "rejected")
	s.wantRefunded(id, "0")
	s.wantNoRunning(id)
}
