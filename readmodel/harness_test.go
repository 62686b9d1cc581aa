package readmodel_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"orderly/eventstore"
	"orderly/internal/testkit"
	"orderly/journal"
	"orderly/order"
	"orderly/projection"
	"orderly/readmodel"
)

// patience is how long a condition may take: transactions of other tests in the same cluster hold the feed back.
const patience = 90 * time.Second

var testPolicy = order.Policy{
	Carriers: []string{"fedex", "ups"}, RetryFirst: time.Second, RetryMax: time.Minute, BookTries: 8,
	ShortageAnswerWithin: 72 * time.Hour, PaymentAnswerWithin: 24 * time.Hour, AddressAnswerWithin: 72 * time.Hour, PaymentTries: 3,
	AttentionRetryEvery: time.Hour, AttentionGiveUpAfter: 72 * time.Hour,
	PickupWithin: 48 * time.Hour, TransitWithin: 168 * time.Hour, CloseAfter: time.Hour,
}

// world is a journal with its read model.
type world struct {
	t     testing.TB
	pool  *pgxpool.Pool
	store *eventstore.Store
	book  *journal.Journal
	reads *readmodel.ReadModel
	seq   int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldAt(t, time.Now)
}

// newWorldAt is a world with another clock.
func newWorldAt(t testing.TB, clock func() time.Time) *world {
	t.Helper()
	pool := testkit.Database(t)
	store := eventstore.New(pool, eventstore.Options{Clock: clock})
	options := journal.Options{Vault: testkit.Vault(t, pool), Clock: clock}
	return &world{t: t, pool: pool, store: store, book: journal.New(store, testPolicy, options), reads: readmodel.New(pool)}
}

// do applies a command; a refusal is given back.
func (w *world) do(id string, body order.Body) (order.State, order.Plan, error) {
	w.seq++
	result, err := w.book.Apply(w.t.Context(), id, order.Command{ID: fmt.Sprintf("cmd-%d", w.seq), Reason: "test", Source: "test", Body: body})
	return result.State, result.Plan, err
}

func (w *world) must(id string, body order.Body) (order.State, order.Plan) {
	w.t.Helper()
	state, plan, err := w.do(id, body)
	if err != nil {
		w.t.Fatalf("%s on %s: %v", body.CommandName(), id, err)
	}
	return state, plan
}

// placed is an order as a customer places it.
func placed(tenant, customer, ref string) order.PlaceOrder {
	lines := []order.Line{{LineID: "l1", SKU: "SKU-1", Quantity: 2, UnitPrice: 4999}, {LineID: "l2", SKU: "SKU-2", Quantity: 1, UnitPrice: 1001}}
	total, _ := order.Total(lines, 0)
	return order.PlaceOrder{OrderCreated: order.OrderCreated{
		Tenant: tenant, CustomerID: customer, Currency: "USD", ExternalRef: ref, Lines: lines, Total: total, Method: "card", Token: "tok_visa",
		ShipTo: order.ClearShipTo(order.Address{City: "Zürich"}), Shipping: order.Shipping{Service: "standard", Carrier: "fedex"},
	}}
}

// success is the good outcome of a step.
func success(s order.State, step order.Step) order.Body {
	switch step.Name {
	case order.ScreenFraud:
		return order.RecordScreening{Decision: "clear"}
	case order.ReserveStock:
		return order.RecordReservation{Key: step.Key, ReservationID: "r", Allocations: []order.Allocation{
			{LineID: "l1", SKU: "SKU-1", Quantity: 2, Warehouse: "wh-1"}, {LineID: "l2", SKU: "SKU-2", Quantity: 1, Warehouse: "wh-2"},
		}}
	case order.AuthorizePayment:
		return order.RecordAuthorization{Key: step.Key, ProviderRef: "pay", Amount: s.Total}
	case order.CapturePayment:
		return order.RecordCapture{Key: step.Key, ProviderRef: "pay", Amount: s.Payment.Authorized}
	case order.BookShipment:
		shipment, _ := s.Shipment(step.ShipmentID)
		return order.RecordBooking{ShipmentID: step.ShipmentID, Key: step.Key, Carrier: shipment.Carrier, TrackingNumber: "T-" + step.ShipmentID}
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

// carryOn carries out the plan's steps until one of that name is next, or none is left.
func (w *world) carryOn(id string, until order.StepName) (order.State, order.Plan) {
	w.t.Helper()
	state, plan := w.must(id, order.AddNote{Text: "go on"})
	for range 50 {
		if len(plan.Steps) == 0 || plan.Steps[0].Name == until {
			break
		}
		state, plan = w.must(id, success(state, plan.Steps[0]))
	}
	return state, plan
}

// park places an order whose fraud screening fails for good.
func (w *world) park(id, tenant, code string) {
	w.t.Helper()
	_, plan := w.must(id, placed(tenant, "cust_"+id, ""))
	w.must(id, order.ReportStepFailure{Step: plan.Steps[0], Class: order.ClassUnavailable, Code: code, Message: "down", Attempts: 3})
}

// randomMove does something with an order: mostly what its plan wants, well or badly.
func (w *world) randomMove(rt *rapid.T, id string) {
	state, plan, err := w.do(id, order.AddNote{Text: rapid.StringMatching(`[a-zà-ÿ"\\ ]{0,8}`).Draw(rt, "note")})
	if err != nil {
		rt.Fatalf("note: %v", err)
	}
	var body order.Body
	choice := rapid.IntRange(0, 13).Draw(rt, "move")
	switch {
	case choice < 5 && len(plan.Steps) > 0:
		body = success(state, rapid.SampledFrom(plan.Steps).Draw(rt, "step"))
	case choice < 8 && len(plan.Steps) > 0:
		body = order.ReportStepFailure{
			Step: rapid.SampledFrom(plan.Steps).Draw(rt, "step"), Code: "test", Message: "test", Attempts: 1,
			Class: rapid.SampledFrom([]string{"rejected", order.ClassUnavailable, order.ClassUnknown, order.ClassAddress}).Draw(rt, "class"),
		}
	case choice == 8 && len(state.Attention) > 0:
		body = order.RetryStep{AttentionID: state.Attention[0].AttentionID}
	case choice == 9 && len(state.Shipments) > 0:
		body = order.RecordCarrierUpdate{ShipmentID: state.Shipments[0].ShipmentID, Status: "dispatched", At: state.UpdatedAt}
	case choice == 10:
		body = order.CancelOrder{}
	case choice == 11 && len(state.Shipments) > 0:
		body = order.RecordCarrierUpdate{ShipmentID: state.Shipments[0].ShipmentID, Status: "delivered", At: state.UpdatedAt.Add(time.Hour)}
	case choice == 12:
		body = order.AmendOrder{Lines: []order.LineQuantity{{LineID: "l1", Quantity: 1}}}
	default:
		body = order.HoldOrder{Code: "manual"}
	}
	_, _, _ = w.do(id, body) // a refusal is fine
}

// start runs the projections; stop ends them and gives their errors.
func (w *world) start(store *eventstore.Store) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	projections := readmodel.Projections()
	done := make(chan error, len(projections))
	for _, p := range projections {
		go func() { done <- projection.NewRunner(w.pool, store, nil, p, 0).Run(ctx, nil) }()
	}
	return func() error {
		cancel()
		var errs []error
		for range projections {
			errs = append(errs, <-done)
		}
		return errors.Join(errs...)
	}
}

// project runs the projections until they have everything.
func (w *world) project() {
	w.t.Helper()
	stop := w.start(w.store)
	eventually(w.t, w.caughtUp)
	if err := stop(); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) caughtUp() bool {
	const query = `
		SELECT count(*) = $1 FROM projections WHERE (checkpoint_tx, checkpoint_position)
			= (SELECT tx, position FROM order_events ORDER BY tx DESC, position DESC LIMIT 1)`
	var yes bool
	if err := w.pool.QueryRow(context.Background(), query, len(readmodel.Projections())).Scan(&yes); err != nil {
		w.t.Error(err)
	}
	return yes
}

func (w *world) mustBeTheFold() {
	w.t.Helper()
	differences, err := readmodel.Verify(w.t.Context(), w.pool, w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, d := range differences {
		w.t.Errorf("%s %s (-want +got):\n%s", d.OrderID, d.What, cmp.Diff(d.Want, d.Got))
	}
}

func eventually(t testing.TB, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatal("it did not come about in time")
		case <-tick.C:
		}
	}
}
