package journal

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"orderly/eventstore"
	"orderly/internal/testkit"
	"orderly/order"
)

var testPolicy = order.Policy{
	Carriers: []string{"fedex", "ups"}, RetryFirst: time.Second, RetryMax: time.Minute, BookTries: 8,
	ShortageAnswerWithin: 72 * time.Hour, PaymentAnswerWithin: 24 * time.Hour, AddressAnswerWithin: 72 * time.Hour, PaymentTries: 3,
	AttentionRetryEvery: time.Hour, AttentionGiveUpAfter: 72 * time.Hour,
	PickupWithin: 48 * time.Hour, TransitWithin: 168 * time.Hour, CloseAfter: time.Hour,
}

// world is a store with a journal that keeps snapshots, and one that replays every order from its first event.
type world struct {
	t      testing.TB
	pool   *pgxpool.Pool
	store  *eventstore.Store
	book   *Journal
	replay *Journal
	seq    int
}

func newWorld(t testing.TB, every int) *world {
	t.Helper()
	pool := testkit.Database(t)
	store := eventstore.New(pool, eventstore.Options{ArchiveDir: t.TempDir()})
	failed := func(orderID string, err error) { t.Errorf("snapshot of %s: %v", orderID, err) }
	return &world{
		t: t, pool: pool, store: store,
		book:   New(store, testPolicy, Options{SnapshotEvery: every, SnapshotFailed: failed}),
		replay: New(store, testPolicy, Options{SnapshotEvery: -1}),
	}
}

// do applies a command with an id of its own; a refusal is given back.
func (w *world) do(id string, body order.Body) (Result, error) {
	w.seq++
	return w.book.Apply(w.t.Context(), id, command(fmt.Sprintf("cmd-%d", w.seq), body))
}

func command(id string, body order.Body) order.Command {
	return order.Command{ID: id, Reason: "test", Source: "test", Actor: order.Actor{Type: "system", ID: "test"}, Body: body}
}

func (w *world) must(id string, body order.Body) Result {
	w.t.Helper()
	result, err := w.do(id, body)
	if err != nil {
		w.t.Fatalf("%s on %s: %v", body.CommandName(), id, err)
	}
	return result
}

func (w *world) notes(id string, n int) {
	w.t.Helper()
	for range n {
		w.must(id, order.AddNote{Text: "note"})
	}
}

func (w *world) load(j *Journal, id string) order.State {
	w.t.Helper()
	state, err := j.Load(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return state
}

// snapshotVersion is the version of the snapshot that is stored for an order; 0 for none.
func (w *world) snapshotVersion(id string) (version int) {
	w.t.Helper()
	const query = `SELECT coalesce(max(version), 0) FROM order_snapshots WHERE order_id = $1`
	if err := w.pool.QueryRow(w.t.Context(), query, id).Scan(&version); err != nil {
		w.t.Fatal(err)
	}
	return version
}

func placed() order.PlaceOrder {
	lines := []order.Line{{LineID: "l1", SKU: "SKU-1", Quantity: 2, UnitPrice: 4999}}
	total, _ := order.Total(lines, 0)
	return order.PlaceOrder{OrderCreated: order.OrderCreated{
		Tenant: "t", CustomerID: "c", Currency: "USD", Lines: lines, Total: total, Method: "card", Token: "tok_visa",
		ShipTo: order.ShipTo{Country: "CH", Sealed: &order.Sealed{KeyID: "k", Content: []byte("sealed")}}, Shipping: order.Shipping{Service: "standard", Carrier: "fedex"},
	}}
}

// success is the good outcome of a step.
func success(s order.State, step order.Step) order.Body {
	switch step.Name {
	case order.ScreenFraud:
		return order.RecordScreening{Decision: "clear"}
	case order.ReserveStock:
		return order.RecordReservation{Key: step.Key, ReservationID: "r", Allocations: []order.Allocation{
			{LineID: "l1", SKU: "SKU-1", Quantity: 2, Warehouse: "wh-1"},
		}}
	case order.AuthorizePayment:
		return order.RecordAuthorization{Key: step.Key, ProviderRef: "pay", Amount: s.Total}
	case order.CapturePayment:
		return order.RecordCapture{Key: step.Key, ProviderRef: "pay", Amount: s.Payment.Authorized}
	case order.BookShipment:
		return order.RecordBooking{ShipmentID: step.ShipmentID, Key: step.Key, Carrier: "fedex", TrackingNumber: "T-" + step.ShipmentID}
	case order.CommitStock:
		return order.RecordCommit{Key: step.Key, ShipmentID: step.ShipmentID}
	case order.CancelShipment:
		return order.RecordBookingCancelled{ShipmentID: step.ShipmentID}
	case order.VoidPayment:
		return order.RecordVoid{Key: step.Key}
	case order.RefundPayment:
		return order.RecordRefund{RefundID: step.RefundID, ProviderRef: "re"}
	case order.ReleaseStock:
		return order.RecordRelease{Key: step.Key, ShipmentID: step.ShipmentID}
	default:
		return order.AddNote{Text: string(step.Name)}
	}
}

// carryOut carries out all steps of an order's plan.
func (w *world) carryOut(id string) order.State {
	w.t.Helper()
	result := w.must(id, order.AddNote{Text: "go on"})
	for range 50 {
		if len(result.Plan.Steps) == 0 {
			break
		}
		result = w.must(id, success(result.State, result.Plan.Steps[0]))
	}
	return result.State
}

// randomMove does something with an order: mostly what its plan wants, well or badly. A refusal is fine.
func (w *world) randomMove(rt *rapid.T, id string) {
	state := w.load(w.book, id)
	plan := w.book.PlanFor(state)
	var body order.Body = order.AddNote{Text: rapid.StringMatching(`[a-zà-ÿ"\\ ]{0,8}`).Draw(rt, "note")}
	switch move := rapid.IntRange(0, 11).Draw(rt, "move"); {
	case move < 6 && len(plan.Steps) > 0:
		body = success(state, plan.Steps[0])
	case move == 6 && len(plan.Steps) > 0:
		body = order.ReportStepFailure{Step: plan.Steps[0], Class: order.ClassUnavailable, Code: "test", Message: "down", Attempts: 3}
	case move == 7 && len(state.Attention) > 0:
		body = order.RetryStep{AttentionID: state.Attention[0].AttentionID}
	case move == 8:
		body = order.HoldOrder{Code: "manual"}
	case move == 9:
		body = order.ReleaseOrder{Code: "manual"}
	case move == 10 && len(state.Shipments) > 0:
		status := rapid.SampledFrom([]string{"dispatched", "delivered"}).Draw(rt, "status")
		body = order.RecordCarrierUpdate{ShipmentID: state.Shipments[0].ShipmentID, Status: status, At: state.UpdatedAt}
	case move == 11 && rapid.IntRange(0, 3).Draw(rt, "cancel") == 0:
		body = order.CancelOrder{}
	}
	_, _ = w.do(id, body)
}
