package order_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"orderly/order"
)

var testPolicy = order.Policy{
	Carriers: []string{"fedex", "ups"}, RetryFirst: time.Second, RetryMax: time.Minute, BookTries: 8,
	ShortageAnswerWithin: 72 * time.Hour, PaymentAnswerWithin: 24 * time.Hour, AddressAnswerWithin: 72 * time.Hour, PaymentTries: 3,
	AttentionRetryEvery: time.Hour, AttentionGiveUpAfter: 72 * time.Hour,
	PickupWithin: 48 * time.Hour, TransitWithin: 168 * time.Hour, LostAfter: 336 * time.Hour, DeliveryAttempts: 3,
	ReturnWithin: 1440 * time.Hour, ReturnDecideWithin: 168 * time.Hour, ReturnArriveWithin: 720 * time.Hour, CloseAfter: time.Hour,
}

// worldPolicy has the customer told and reminded, too.
var worldPolicy = func() order.Policy {
	policy := testPolicy
	policy.Notify = []string{order.NoticeAction, order.NoticeReminder, order.NoticeShipped, order.NoticeCancelled, order.NoticeRefunded}
	policy.RemindAt = []float64{0.5, 0.875}
	return policy
}()

// anyNews is all that a carrier may say.
var anyNews = []string{"dispatched", "out_for_delivery", "attempt_failed", "lost", "damaged", "return_to_sender", "returned", "delivered"}

// world plays everything around one order: time, people, and gateways that keep ledgers as the real ones do.
type world struct {
	t     rapid.TB
	state order.State
	now   time.Time
	seq   int
	// events are all that happened to the order.
	events []order.Recorded
	// beforeCancel is the state in which the order was cancelled.
	beforeCancel order.State

	bank                      *bank
	stock                     shelf
	restocked                 map[string]int    // by key
	booked, cancelledBookings map[string]string // key to shipment
}

func newWorld(t rapid.TB, place order.PlaceOrder) *world {
	w := &world{
		t: t, state: order.State{OrderID: "ord_1"}, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		bank:  newBank(),
		stock: shelf{}, restocked: map[string]int{},
		booked: map[string]string{}, cancelledBookings: map[string]string{},
	}
	if err := w.do(place); err != nil {
		t.Fatalf("place: %v", err)
	}
	return w
}

func twoLines() order.PlaceOrder {
	lines := []order.Line{
		{LineID: "l1", SKU: "SKU-1", Quantity: 2, UnitPrice: 4999, Tax: 33, Discount: 7},
		{LineID: "l2", SKU: "TWO-WAREHOUSES-1", Quantity: 3, UnitPrice: 1001},
	}
	total, _ := order.Total(lines, 500)
	return order.PlaceOrder{OrderCreated: order.OrderCreated{
		Tenant: "t", CustomerID: "c", Currency: "USD", Lines: lines, ShippingFee: 500, Total: total, Method: "card", Token: "tok_visa",
		Shipping: order.Shipping{Service: "standard", Carrier: "fedex"},
	}}
}

// oneLine is an order that goes in one parcel.
func oneLine() order.PlaceOrder {
	place := twoLines()
	place.Lines = place.Lines[:1]
	place.Total, _ = order.Total(place.Lines, place.ShippingFee)
	return place
}

// do decides a command and folds its events, as the journal would.
func (w *world) do(body order.Body) error {
	w.t.Helper()
	w.seq++
	return w.doAs(fmt.Sprintf("cmd-%d", w.seq), body)
}

func (w *world) doAs(id string, body order.Body) error {
	w.t.Helper()
	command := order.Command{ID: id, At: w.now, Reason: "test", Body: body}
	before := w.state
	if _, ok := body.(order.CancelOrder); ok {
		w.beforeCancel = before
	}
	events, err := order.Decide(w.state, command, worldPolicy)
	if err != nil {
		return err
	}
	for _, event := range events {
		recorded := order.Recorded{Version: w.state.Version + 1, At: w.now, CommandID: id, Event: event}
		w.events = append(w.events, recorded)
		w.state = order.Evolve(w.state, recorded)
	}
	w.now = w.now.Add(time.Second)
	w.checkInvariants(before)
	return nil
}

func (w *world) plan() order.Plan { return order.PlanFor(w.state, worldPolicy) }

// carryOut plays a step with its best outcome.
func (w *world) carryOut(step order.Step) {
	w.t.Helper()
	s := w.state
	var body order.Body
	switch step.Name {
	case order.ScreenFraud:
		body = order.RecordScreening{Decision: "clear"}
	case order.ReserveStock:
		w.stock.reserve(step.Key, allocate(s, step))
		body = order.RecordReservation{Key: step.Key, ShipmentID: step.ShipmentID, ReservationID: "r", Allocations: allocate(s, step)}
	case order.AuthorizePayment:
		body = order.RecordAuthorization{Key: step.Key, ProviderRef: "auth:" + step.Key, Amount: w.bank.authorize(step.Key, s.Due())}
	case order.CapturePayment:
		amount, ok := w.bank.capture(step.Key, s.Payment.AuthorizeKey)
		if !ok {
			w.t.Fatalf("%s cannot be taken: %v", step.Key, w)
		}
		body = order.RecordCapture{Key: step.Key, ProviderRef: capturePrefix + step.Key, Amount: amount}
	case order.BookShipment:
		shipment, _ := s.Shipment(step.ShipmentID)
		w.booked[step.Key] = step.ShipmentID
		body = order.RecordBooking{ShipmentID: step.ShipmentID, Key: step.Key, Carrier: shipment.Carrier, TrackingNumber: "T" + step.Key}
	case order.CommitStock:
		shipment, _ := s.Shipment(step.ShipmentID)
		if !w.stock.take(s.ReservationOfGoods(shipment), shipment, shipment.Warehouse) {
			w.t.Fatalf("%s is not set aside: %v in %v", shipment.ShipmentID, w.stock, w)
		}
		body = order.RecordCommit{Key: step.Key, ShipmentID: step.ShipmentID}
	case order.DiscardBooking:
		shipment, _ := s.Shipment(step.ShipmentID)
		loose := shipment.LooseBooking(step.Key)
		w.cancelledBookings[loose.Key] = step.ShipmentID
		body = order.RecordBookingDiscarded{ShipmentID: step.ShipmentID, Key: loose.Key}
	case order.CancelShipment:
		shipment, _ := s.Shipment(step.ShipmentID)
		w.cancelledBookings[shipment.LastBookKey()] = step.ShipmentID
		body = order.RecordBookingCancelled{ShipmentID: step.ShipmentID}
	case order.VoidPayment:
		body = order.RecordVoid{Key: step.Key}
		if !w.bank.void(s.AuthorizeKey()) {
			body = order.RecordCapture{Key: s.CaptureKey(), ProviderRef: capturePrefix + s.CaptureKey(), Amount: w.bank.captures[s.CaptureKey()].captured}
		}
	case order.RefundPayment:
		if refund := s.Refund(step.RefundID); !w.bank.refund(step.Key, s.CaptureOf(refund).ProviderRef, refund.Amount) {
			w.t.Fatalf("%+v cannot be given back: %v", refund, w)
		}
		body = order.RecordRefund{RefundID: step.RefundID, ProviderRef: "re_1"}
	case order.ReleaseStock:
		reservation, warehouse := s.ReservationOf(step.Key), ""
		shipment, ok := s.Shipment(step.ShipmentID)
		if ok {
			reservation, warehouse = s.ReservationToRelease(shipment, step.Key)
		}
		if warehouse == "" {
			w.stock[reservation] = map[string]int64{}
		} else if !w.stock.take(reservation, shipment, warehouse) {
			w.t.Fatalf("%s of %s is not set aside in %s: %v in %v", shipment.ShipmentID, reservation, warehouse, w.stock, w)
		}
		body = order.RecordRelease{Key: step.Key, ShipmentID: step.ShipmentID}
	case order.RestockStock:
		w.restocked[step.Key]++
		body = order.RecordRestock{Key: step.Key, ShipmentID: step.ShipmentID}
	case order.Notify:
		body = order.RecordNotification{Key: step.Key}
	default:
		w.t.Fatalf("step %s is not played", step.Name)
	}
	if err := w.doAs(step.ID, body); err != nil {
		w.t.Fatalf("%s: %v", step.Name, err)
	}
}

// shelf is what is set aside, by the key of the reservation, and by line and warehouse.
type shelf map[string]map[string]int64

// reserve sets aside, unless that was done under the key before, or the key was given up.
func (s shelf) reserve(key string, all []order.Allocation) {
	if s[key] != nil {
		return
	}
	s[key] = map[string]int64{}
	for _, each := range all {
		s[key][each.LineID+"@"+each.Warehouse] += each.Quantity
	}
}

// take takes a parcel's goods out of a reservation; false when they are not there.
func (s shelf) take(key string, parcel order.Shipment, warehouse string) bool {
	for _, line := range parcel.Lines {
		at := line.LineID + "@" + warehouse
		if s[key][at] < line.Quantity {
			return false
		}
		s[key][at] -= line.Quantity
	}
	return true
}

func (s shelf) left(key string) (sum int64) {
	for _, quantity := range s[key] {
		sum += quantity
	}
	return sum
}

// missing is one piece of the last line.
func missing(s order.State) []order.Allocation {
	last := s.Lines[len(s.Lines)-1]
	return []order.Allocation{{LineID: last.LineID, SKU: last.SKU, Quantity: 1}}
}

func allocate(s order.State, step order.Step) []order.Allocation {
	var all []order.Allocation
	if shipment, ok := s.Shipment(step.ShipmentID); ok {
		from := shipment.Goods.Wish.Warehouse
		for n := 1; from == "" || slices.Contains(shipment.Goods.Wish.Exclude, from); n++ {
			from = fmt.Sprintf("wh-%d", n)
		}
		for _, line := range shipment.Lines {
			all = append(all, order.Allocation{LineID: line.LineID, SKU: line.SKU, Quantity: line.Quantity, Warehouse: from})
		}
		return all
	}
	for _, line := range s.Lines {
		warehouse := "wh-1"
		if line.SKU == "TWO-WAREHOUSES-1" {
			warehouse = "wh-2"
		}
		all = append(all, order.Allocation{LineID: line.LineID, SKU: line.SKU, Quantity: line.Quantity, Warehouse: warehouse})
	}
	return all
}

// checkInvariants holds after every command, whatever it was.
func (w *world) checkInvariants(before order.State) {
	w.t.Helper()
	s := w.state
	p := s.Payment
	if p.Refunded < 0 || p.Refunded > p.Captured {
		w.t.Fatalf("refunded %d of captured %d", p.Refunded, p.Captured)
	}
	var refunds int64
	for _, refund := range s.Refunds {
		if !refund.Waived && !refund.Dropped {
			refunds += refund.Amount
		}
	}
	if refunds > p.Captured {
		w.t.Fatalf("refunds of %d requested, captured %d", refunds, p.Captured)
	}
	first, firstLeft, open, underway := 0, 0, 0, 0 // of the parcels that were planned first, and with those that stand in for others
	for i, shipment := range s.Shipments {
		if shipment.Status == order.ShipmentIsBooked && before.Shipments[i].Status != order.ShipmentIsBooked && s.Due() > 0 {
			w.t.Fatalf("%s is booked and %d are not paid", shipment.ShipmentID, s.Due())
		}
		if shipment.Status == order.ShipmentIsCancelled || shipment.Settled != "" {
			continue
		}
		open++
		if shipment.Replaces == "" {
			first++
		}
		if left(shipment) {
			underway++
			if shipment.Replaces == "" {
				firstLeft++
			}
		}
	}
	shipped := s.Status == order.Shipped || s.Status == order.Delivered || s.Status == order.Closed
	undone := s.Status == order.Cancelling || s.Status == order.Cancelled
	if shipped && first != firstLeft || !shipped && !undone && open > 0 && open == underway {
		w.t.Fatalf("status %s with %d of %d parcels under way", s.Status, underway, open)
	}
	if s.Status == order.Cancelled {
		w.checkCancelled(underway)
	}
	if s.Status == order.Delivered || s.Status == order.Closed {
		w.checkDelivered()
	}
	if before.Ended() && s.Status != before.Status {
		w.t.Fatalf("%s became %s", before.Status, s.Status)
	}
	w.checkPlan()
}

// left says whether a parcel has left its warehouse.
func left(shipment order.Shipment) bool {
	return !slices.Contains([]order.ShipmentStatus{
		order.ShipmentIsPlanned, order.ShipmentHasFailed, order.ShipmentIsBooked, order.ShipmentIsCancelled,
	}, shipment.Status)
}

// checkDelivered: what counts has arrived; for what failed another parcel or a refund stands in.
func (w *world) checkDelivered() {
	w.t.Helper()
	arrived := 0
	for _, shipment := range w.state.Shipments {
		switch {
		case shipment.Status == order.ShipmentIsDelivered:
			arrived++
		case shipment.Status != order.ShipmentIsCancelled && shipment.Settled == "" && !w.servesReturn(shipment):
			w.t.Fatalf("%s over %s, which is %s", w.state.Status, shipment.ShipmentID, shipment.Status)
		}
	}
	if arrived == 0 {
		w.t.Fatalf("%s, and nothing has arrived: %v", w.state.Status, w)
	}
}

// servesReturn says whether a parcel replaces what a customer sent back.
func (w *world) servesReturn(shipment order.Shipment) bool {
	for !strings.HasPrefix(shipment.Replaces, "rma_") {
		next, ok := w.state.Shipment(shipment.Replaces)
		if !ok {
			return false
		}
		shipment = next
	}
	return true
}

// checkCancelled: all is undone, or somebody has said for each exception that it is not.
func (w *world) checkCancelled(underway int) {
	w.t.Helper()
	s := w.state
	let := map[order.StepName]bool{}
	kept := s.Payment.Captured - s.Payment.Refunded
	for _, waiver := range s.Waivers {
		let[waiver.Step] = true
	}
	for _, refund := range s.Refunds {
		if refund.Waived {
			kept -= refund.Amount
		}
	}
	open := s.Payment.State == order.PaymentIsAuthorized || s.Payment.State == order.PaymentUnknown
	if kept != 0 || underway > 0 || open && !let[order.VoidPayment] || s.Stock.State == order.StockIsReserved && !let[order.ReleaseStock] {
		w.t.Fatalf("cancelled with %d kept, payment %+v and stock %s", kept, s.Payment, s.Stock.State)
	}
}

// checkPlan: no order waits without a deadline, an attention or a step; lanes and keys are what they promise.
func (w *world) checkPlan() {
	w.t.Helper()
	plan := w.plan()
	ids := map[string]bool{}
	for _, step := range plan.Steps {
		if ids[step.ID] {
			w.t.Fatalf("step %s is planned twice", step.ID)
		}
		ids[step.ID] = true
	}
	s := w.state
	waits := len(plan.Steps) == 0 && !plan.Ended
	if waits && plan.Deadline == nil && len(s.Attention) == 0 && len(s.Holds) == 0 {
		w.t.Fatalf("%s at version %d waits for nothing: %+v", s.Status, s.Version, plan)
	}
}

// checkLedgers compares the gateways' ledgers with an order that has ended.
func (w *world) checkLedgers() {
	w.t.Helper()
	captured, refunded := w.bank.totals()
	for key, charge := range w.bank.auths { // of what an operator has let go, nobody knows whether it was taken
		if w.waived(order.VoidPayment, strings.Replace(key, "/auth/", "/void/", 1)) {
			captured -= charge.captured
		}
	}
	if captured != w.state.Payment.Captured || refunded != w.state.Payment.Refunded {
		w.t.Fatalf("ledger: captured %d refunded %d; order: %+v", captured, refunded, w.state.Payment)
	}
	for _, key := range w.bank.open() {
		if !w.waived(order.VoidPayment, strings.Replace(key, "/auth/", "/void/", 1)) {
			w.t.Fatalf("%s is open still: %v", key, w)
		}
	}
	letGo := slices.ContainsFunc(w.state.Waivers, func(a order.Waiver) bool { return a.Step == order.ReleaseStock })
	for key := range w.stock {
		if w.stock.left(key) > 0 && !letGo {
			w.t.Fatalf("something of %s is set aside still: %v in %v", key, w.stock, w)
		}
	}
	w.checkBookings()
}

// waived says whether an operator let the step with this key go.
func (w *world) waived(step order.StepName, key string) bool {
	return slices.ContainsFunc(w.state.Waivers, func(a order.Waiver) bool { return a.Step == step && a.Key == key })
}

func (w *world) checkBookings() {
	w.t.Helper()
	for _, shipment := range w.state.Shipments {
		live := 0
		for key, of := range w.booked {
			if _, cancelled := w.cancelledBookings[key]; of == shipment.ShipmentID && !cancelled && !w.waived(order.DiscardBooking, key+"/discard") {
				live++
			}
		}
		want := 1
		if shipment.Status == order.ShipmentIsCancelled {
			want = 0
		}
		if slices.ContainsFunc(w.state.Waivers, func(a order.Waiver) bool { return strings.HasPrefix(a.Key, shipment.ShipmentID+"/cancel/") }) {
			want = live // nobody knows whether a carrier comes
		}
		if live != want {
			w.t.Fatalf("%s is %s and has %d live bookings: booked %v, cancelled %v, %v", shipment.ShipmentID, shipment.Status, live, w.booked, w.cancelledBookings, w)
		}
	}
}

// TestAnyLife_KeepsTheInvariantsAndEnds throws random commands, failures and outcomes at an order, then lets everything
// go well: whatever happened before, the order comes to an end and the ledgers agree with it.
func TestAnyLife_KeepsTheInvariantsAndEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		newWorld(rt, twoLines()).liveOn(rt)
	})
}

// TestAnyAmendedLife_KeepsTheInvariantsAndEnds is the same for orders that were amended when they were paid for, which few
// random lives come to.
func TestAnyAmendedLife_KeepsTheInvariantsAndEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, twoLines())
		until := rapid.SampledFrom([]string{order.PaymentIsAuthorized, order.PaymentCaptured, order.PaymentCaptured}).Draw(rt, "until")
		for w.state.Payment.State != until {
			w.carryOut(w.plan().Steps[0])
		}
		w.must(order.HoldOrder{Code: "manual"})
		for _, line := range []string{"l1", "l2"} {
			quantity := rapid.Int64Range(1, 5).Draw(rt, line)
			_ = w.do(order.AmendOrder{Lines: []order.LineQuantity{{LineID: line, Quantity: quantity}}}) // refused when it is so already
		}
		w.must(order.ReleaseOrder{Code: "manual"})
		w.liveOn(rt)
	})
}

// liveOn makes random moves, and then all goes well until the order ends.
func (w *world) liveOn(rt *rapid.T) {
	w.t.Helper()
	for range rapid.IntRange(0, 40).Draw(rt, "moves") {
		w.randomMove(rt)
	}
	for range 500 {
		plan := w.plan()
		if plan.Ended {
			w.checkLedgers()
			w.checkTotal()
			return
		}
		w.goOn(plan)
	}
	w.t.Fatalf("the order does not end: %s, plan %+v", w.state.Status, w.plan())
}

// checkTotal: a customer who got all that was ordered has paid for it, no more and no less, but for refunds.
func (w *world) checkTotal() {
	w.t.Helper()
	s := w.state
	for _, shipment := range s.Shipments {
		if shipment.Status == order.ShipmentIsCancelled && !shipment.Superseded || shipment.Settled == order.SettledByRefund {
			return
		}
	}
	if s.Status == order.Closed && s.Due() != 0 && (s.Due() > 0 || s.Payment.Refunded < s.Payment.Captured) {
		w.t.Fatalf("closed, and %d of %d are due: %+v", s.Due(), s.Total, s.Payment)
	}
}

func (w *world) randomMove(rt *rapid.T) {
	plan := w.plan()
	choice := rapid.IntRange(0, 20).Draw(rt, "move")
	if choice < 8 && len(plan.Steps) > 0 {
		step := rapid.SampledFrom(plan.Steps).Draw(rt, "step")
		w.randomOutcome(rt, step)
		return
	}
	s := w.state
	var body order.Body
	switch choice {
	case 8:
		body = order.CancelOrder{}
		if len(s.Shipments) > 0 && rapid.Bool().Draw(rt, "one parcel") {
			body = order.CancelOrder{ShipmentIDs: []string{rapid.SampledFrom(s.Shipments).Draw(rt, "parcel").ShipmentID}}
		}
	case 9:
		body = order.HoldOrder{Code: "manual"}
	case 10:
		body = order.ReleaseOrder{Code: rapid.SampledFrom([]string{"manual", "fraud_review"}).Draw(rt, "code")}
	case 11:
		if len(s.Attention) == 0 {
			return
		}
		id := rapid.SampledFrom(s.Attention).Draw(rt, "attention").AttentionID
		body = rapid.SampledFrom([]order.Body{
			order.RetryStep{AttentionID: id}, order.SkipStep{AttentionID: id}, order.WaiveCompensation{AttentionID: id},
		}).Draw(rt, "repair")
	case 12:
		body = order.RerouteShipment{ShipmentID: order.ShipmentID(s.OrderID, rapid.IntRange(1, max(2, len(s.Shipments))).Draw(rt, "n")), Carrier: "dhl"}
		if rapid.Bool().Draw(rt, "elsewhere") {
			body = order.RerouteShipment{ShipmentID: body.(order.RerouteShipment).ShipmentID, Warehouse: rapid.SampledFrom([]string{"wh-1", "wh-2", "wh-3"}).Draw(rt, "warehouse")}
		}
	case 13:
		status := rapid.SampledFrom(anyNews).Draw(rt, "status")
		body = order.RecordCarrierUpdate{ShipmentID: order.ShipmentID(s.OrderID, rapid.IntRange(1, max(2, len(s.Shipments))).Draw(rt, "n")), Status: status, At: w.now}
	case 14:
		w.now = w.now.Add(time.Duration(rapid.IntRange(1, 80).Draw(rt, "hours")) * time.Hour)
		body = order.PassDeadline{}
	case 15:
		body = order.IssueRefund{Amount: rapid.Int64Range(1, 20000).Draw(rt, "amount")}
	case 16:
		body = order.ReviewFraud{Decision: rapid.SampledFrom([]string{"accept", "accept", "reject"}).Draw(rt, "decision")}
	case 17, 18:
		line := rapid.SampledFrom([]string{"l1", "l2"}).Draw(rt, "line")
		body = order.AmendOrder{Lines: []order.LineQuantity{{LineID: line, Quantity: rapid.Int64Range(0, 5).Draw(rt, "quantity")}}}
	case 19:
		if len(s.Actions) == 0 {
			return
		}
		action := rapid.SampledFrom(s.Actions).Draw(rt, "action")
		body = order.RespondToAction{ActionID: action.ActionID, Choice: rapid.SampledFrom(action.Options).Draw(rt, "choice")}
	default:
		body = order.ChangeAddress{ShipTo: order.ClearShipTo(order.Address{City: "Austin"})}
	}
	_ = w.do(body) // a refusal is fine; the invariants are checked either way
}

func (w *world) randomOutcome(rt *rapid.T, step order.Step) {
	failure := order.ReportStepFailure{Step: step, Code: "test", Message: "test", Attempts: 1}
	switch rapid.IntRange(0, 9).Draw(rt, "outcome") {
	case 0:
		failure.Class = order.ClassRejected
	case 1:
		failure.Class = order.ClassUnavailable
	case 2:
		// The effect took place and nobody knows.
		failure.Class = order.ClassUnknown
		w.happen(step)
	case 3:
		failure.Class = order.ClassAddress
	case 4:
		if w.refuse(step) {
			return
		}
		w.carryOut(step)
		return
	default:
		w.carryOut(step)
		return
	}
	w.seq++
	if err := w.doAs(fmt.Sprintf("%s:failed:%d", step.ID, w.seq), failure); err != nil {
		w.t.Fatalf("a failure was refused: %v", err)
	}
}

// happen is the effect without its answer.
func (w *world) happen(step order.Step) {
	switch step.Name {
	case order.BookShipment:
		w.booked[step.Key] = step.ShipmentID
	case order.ReserveStock:
		w.stock.reserve(step.Key, allocate(w.state, step))
	case order.AuthorizePayment:
		w.bank.authorize(step.Key, w.state.Due())
	case order.CapturePayment:
		w.bank.capture(step.Key, w.state.Payment.AuthorizeKey)
	}
}

// refuse plays a business refusal that has a rule of its own.
func (w *world) refuse(step order.Step) bool {
	var body order.Body
	switch step.Name {
	case order.ScreenFraud:
		body = order.RecordScreening{Decision: "review"}
	case order.ReserveStock:
		if w.stock[step.Key] != nil {
			return false
		}
		body = order.RecordReservation{Key: step.Key, ShipmentID: step.ShipmentID, Missing: missing(w.state)}
	case order.AuthorizePayment:
		if w.bank.auths[step.Key] != nil {
			return false
		}
		body = order.RecordDecline{Key: step.Key, Code: "card_declined"}
	case order.CapturePayment:
		if w.bank.captures[step.Key] != nil {
			return false
		}
		w.bank.void(w.state.AuthorizeKey())
		body = order.RecordExpiry{Key: step.Key}
	default:
		return false
	}
	if err := w.doAs(step.ID+":refused", body); err != nil {
		w.t.Fatalf("a refusal was refused: %v", err)
	}
	return true
}

// goOn does what helps the order on, as good operators, customers and carriers would.
func (w *world) goOn(plan order.Plan) {
	s := w.state
	switch {
	case len(plan.Steps) > 0:
		w.carryOut(plan.Steps[0])
	case len(s.Holds) > 0:
		w.must(order.ReleaseOrder{Code: s.Holds[0].Code})
	case len(s.Actions) > 0:
		w.answer(s.Actions[0])
	case len(s.Attention) > 0:
		w.repair(s.Attention[0])
	case w.returnsOn():
	case s.Status == order.Delivered && !w.parcelsUnderway():
		w.now = plan.Deadline.At
		w.must(order.PassDeadline{})
	default:
		w.deliverNext()
	}
}

func (w *world) deliverNext() {
	for _, shipment := range w.state.Shipments {
		if shipment.Status != order.ShipmentIsDelivered && shipment.Status != order.ShipmentIsCancelled && shipment.Settled == "" {
			w.must(order.RecordCarrierUpdate{ShipmentID: shipment.ShipmentID, Status: "delivered", At: w.now})
			return
		}
	}
	w.t.Fatalf("nothing to do in %s: %+v", w.state.Status, w.plan())
}

func (w *world) answer(action order.Action) {
	switch action.Kind {
	case order.ActionPayment:
		w.must(order.ProvidePaymentMethod{Method: "card", Token: "tok_visa"})
	case order.ActionAddress:
		w.must(order.ChangeAddress{ShipTo: order.ClearShipTo(order.Address{City: "Austin"})})
	default:
		w.must(order.RespondToAction{ActionID: action.ActionID, Choice: action.Options[0]})
	}
}

func (w *world) repair(attention order.Attention) {
	if attention.Step == order.AwaitDelivery && slices.Contains(attention.Allowed, "cancel") && w.seq%2 == 0 {
		w.must(order.CancelOrder{ShipmentIDs: []string{attention.ShipmentID}})
		return
	}
	if attention.Step == order.AwaitDelivery || attention.Step == order.AwaitPickup {
		w.must(order.ResolveStep{AttentionID: attention.AttentionID, ExternalRef: "by hand"})
		return
	}
	w.must(order.RetryStep{AttentionID: attention.AttentionID})
}

func (w *world) must(body order.Body) {
	w.t.Helper()
	if err := w.do(body); err != nil {
		w.t.Fatalf("%s in %s: %v", body.CommandName(), w.state.Status, err)
	}
}

// String tells an order's life, for failures of this test.
func (w *world) String() string { return fmt.Sprintf("%+v", w.state) }
