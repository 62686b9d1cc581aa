package e2e_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	enumspb "go.temporal.io/api/enums/v1"

	"orderly/eventstore"
	"orderly/journal"
	"orderly/order"
)

// behind records a command without its workflow, as when worker and Temporal are lost between the commit and the end of the
// workflow task, and nobody sends it again.
func (s shop) behind(id string, body order.Body) {
	s.t.Helper()
	pool, err := pgxpool.New(s.t.Context(), s.DatabaseURL)
	if err != nil {
		s.t.Fatal(err)
	}
	defer pool.Close()
	lost := order.Command{ID: uuid.NewString(), Source: "api", Actor: order.Actor{Type: "operator", ID: "ops"}, Body: body}
	if _, err := journal.New(eventstore.New(pool, eventstore.Options{}), order.Policy{}, journal.Options{}).Apply(s.t.Context(), id, lost); err != nil {
		s.t.Fatal(err)
	}
}

func TestReleaseThatItsWorkflowNeverHeardOf_TheReconcilerWakesIt(t *testing.T) {
	t.Parallel()
	s := open(t, everything, "ORDERLY_RECONCILE_EVERY=1s", "ORDERLY_RECONCILE_GRACE=0s")
	s.fault(`{"service":"fraud","operation":"screen","mode":"unavailable","rate":1.0}`)
	id := s.place(wish{})
	s.screening(id, enumspb.PENDING_ACTIVITY_STATE_SCHEDULED)
	s.command(200, "/v1/orders/"+id+"/hold", `{"code":"manual","reason":"look at it"}`)
	s.screening(id, enumspb.PENDING_ACTIVITY_STATE_UNSPECIFIED)
	s.healFaults()
	s.behind(id, order.ReleaseOrder{Code: "manual"})
	s.until(id, "closed")
	s.wantLedger("payments", id, map[string]int{"authorize": 1, "capture": 1})
}
