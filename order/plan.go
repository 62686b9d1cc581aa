package order

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// StepName names a step, and the activity that carries it out.
type StepName string

// The steps, forward and back.
const (
	ScreenFraud      StepName = "ScreenFraud"
	ReserveStock     StepName = "ReserveStock"
	AuthorizePayment StepName = "AuthorizePayment"
	CapturePayment   StepName = "CapturePayment"
	BookShipment     StepName = "BookShipment"
	CommitStock      StepName = "CommitStock"

	DiscardBooking StepName = "DiscardBooking"
	CancelShipment StepName = "CancelShipment"
	VoidPayment    StepName = "VoidPayment"
	RefundPayment  StepName = "RefundPayment"
	ReleaseStock   StepName = "ReleaseStock"

	Notify StepName = "Notify"
)

// The waits that can need attention though nothing is there to be run.
const (
	AwaitPickup   StepName = "AwaitPickup"
	AwaitDelivery StepName = "AwaitDelivery"
)

// forwardSteps are the steps and waits that a cancellation makes pointless.
var forwardSteps = []StepName{
	ScreenFraud, ReserveStock, AuthorizePayment, CapturePayment, BookShipment, AwaitPickup, AwaitDelivery,
}

// Plan is what an order needs next.
type Plan struct {
	// Steps may all run now. A step that is not in the latest plan any more is to be stopped.
	Steps []Step `json:"steps,omitempty"`
	// Held are steps that a hold keeps back. One that was begun before may have taken effect without a record of it: what became
	// of it is looked up, and nothing more is asked for.
	Held []Step `json:"held,omitempty"`
	// WaitingFor says in words what the order waits for when there are no steps but those that tell the customer.
	WaitingFor string `json:"waiting_for,omitempty"`
	// Deadline is when the order wants to be looked at again whatever happens; nil when it needs not.
	Deadline *Deadline `json:"deadline,omitempty"`
	// Ended is true when nothing more will happen by itself.
	Ended bool `json:"ended,omitempty"`
}

// Deadline is a moment, and in words what it is for.
type Deadline struct {
	At      time.Time `json:"at"`
	Summary string    `json:"summary"`
}

// Step is one piece of work outside of the order.
type Step struct {
	Name StepName `json:"name"`
	// ID is the same for every try of the step and another one when it is started again after it was parked.
	ID string `json:"id"`
	// Key is the idempotency key of the effect at the gateway; it stays the same until the effect was refused.
	Key string `json:"key"`
	// Lane is what the step works on. In a lane only one step runs at a time.
	Lane       string  `json:"lane"`
	ShipmentID string  `json:"shipment_id,omitempty"`
	RefundID   string  `json:"refund_id,omitempty"`
	Summary    string  `json:"summary"`
	Retries    Retries `json:"retries"`
}

// First says whether the step was never parked and started again.
func (s Step) First() bool { return strings.HasSuffix(s.ID, "#1") }

// Retries says how often and how long a step is tried before it is parked. Zero Tries or Within means without end.
type Retries struct {
	First  time.Duration `json:"first"`
	Max    time.Duration `json:"max"`
	Tries  int           `json:"tries,omitempty"`
	Within time.Duration `json:"within,omitempty"`
}

// PlanFor says what the order needs next.
func PlanFor(s State, p Policy) Plan {
	if !s.Exists() || s.over(p) {
		return Plan{Ended: s.Exists()}
	}
	var plan Plan
	for _, step := range s.work(p) {
		if !s.parked(step) {
			plan.Steps = append(plan.Steps, step)
		}
	}
	plan.Held = s.heldBack(p)
	plan.Deadline = s.nextDeadline(p)
	if len(plan.Steps) == 0 {
		plan.WaitingFor = s.waitingFor()
		plan.Steps = s.notifications(p) // when nothing else writes to the stream
	}
	return plan
}

// Open says whether more is to happen to the order: it has not ended, something of it comes back, or something is left to be
// put right or told.
func (s State) Open() bool { return s.Exists() && !s.over(Policy{}) }

// StepsDue says whether there are steps to be carried out now.
func (s State) StepsDue() bool { return len(PlanFor(s, Policy{}).Steps) > 0 }

// over depends on the policy only by how the steps would be tried.
func (s State) over(p Policy) bool {
	return s.Ended() && !s.returning() && len(s.work(p)) == 0 && len(s.notifications(p)) == 0
}

// work is every step that is due, those that are parked, too.
func (s State) work(p Policy) []Step {
	switch {
	case s.Status == Cancelled:
		return s.restockSteps(p)
	case s.Status == Cancelling:
		return append(s.repairs(p), s.compensation(p)...)
	case len(s.Holds) > 0:
		return s.repairs(p)
	default:
		return append(s.repairs(p), s.forward(p)...)
	}
}

// lookedUp are the steps whose effects can be looked up by their keys.
var lookedUp = []StepName{ReserveStock, AuthorizePayment, CapturePayment, BookShipment}

func (s State) heldBack(p Policy) []Step {
	if len(s.Holds) == 0 || s.undoing() {
		return nil
	}
	return slices.DeleteFunc(s.forward(p), func(step Step) bool { return s.parked(step) || !slices.Contains(lookedUp, step.Name) })
}

// forward is the next stage of the road; a stage begins when the one before is done.
func (s State) forward(p Policy) []Step {
	switch {
	case s.Fraud == "":
		return []Step{s.step(p, ScreenFraud, s.OrderID+"/fraud/1", "fraud", p.ScreenWithin)}
	case len(s.Stock.Superseded) > 0:
		return s.releasesOfSuperseded(p)
	case s.Stock.State == StockNone:
		return []Step{s.step(p, ReserveStock, s.ReserveKey(), "stock", p.ReserveWithin)}
	case s.Stock.State != StockIsReserved && s.Stock.State != StockIsCommitted:
		return nil
	case s.Payment.Replacing:
		return []Step{s.voidStep(p)}
	case s.Payment.State == PaymentNone:
		return []Step{s.step(p, AuthorizePayment, s.AuthorizeKey(), "payment", p.AuthorizeWithin)}
	case s.Payment.State == PaymentIsAuthorized:
		return []Step{s.step(p, CapturePayment, s.CaptureKey(), "payment", p.CaptureWithin)}
	case !s.paid():
		return nil
	}
	var steps []Step
	for _, shipment := range s.Shipments {
		switch {
		case shipment.Status != ShipmentIsPlanned || shipment.Unwanted:
		case shipment.Goods.Wish != nil:
			steps = append(steps, s.reserveGoodsStep(p, shipment))
		case !shipment.Goods.None && len(s.Actions) == 0:
			steps = append(steps, s.bookStep(p, shipment))
		}
	}
	return steps
}

func (s State) bookStep(p Policy, shipment Shipment) Step {
	step := s.step(p, BookShipment, shipment.NextBookKey(), "shipment/"+shipment.ShipmentID, p.BookWithin)
	step.ShipmentID = shipment.ShipmentID
	step.Retries.Tries = p.BookTries
	step.Summary = fmt.Sprintf("book %s with %s", shipment.ShipmentID, shipment.Carrier)
	return step
}

// repairs are steps that are due whatever the order's status: what left the stock is committed, refunds are paid,
// bookings that nobody wants any more are discarded.
func (s State) repairs(p Policy) []Step {
	var steps []Step
	for _, shipment := range s.Shipments {
		lane := "shipment/" + shipment.ShipmentID
		for _, loose := range shipment.Loose {
			step := s.step(p, DiscardBooking, loose.Key+discardSuffix, lane+"/"+loose.Key, 0)
			step.ShipmentID = shipment.ShipmentID
			steps = append(steps, step)
		}
		if shipment.onItsWay() && !shipment.Committed {
			step := s.step(p, CommitStock, shipment.ShipmentID+"/commit/1", lane, 0)
			step.ShipmentID = shipment.ShipmentID
			steps = append(steps, step)
		}
	}
	steps = append(steps, s.restockSteps(p)...)
	steps = append(steps, s.returnSteps(p)...)
	if s.Status != Cancelling {
		steps = append(steps, s.unwantedSteps(p)...)
		steps = append(steps, s.parcelReleases(p)...)
	}
	for _, refund := range s.Refunds {
		if refund.Pending() && s.Status != Cancelling {
			steps = append(steps, s.refundStep(p, refund))
		}
	}
	return s.withoutWaived(steps)
}

func (s State) refundStep(p Policy, refund Refund) Step {
	step := s.step(p, RefundPayment, s.refundKey(refund.RefundID), "payment", p.RefundWithin)
	step.RefundID = refund.RefundID
	step.Summary = fmt.Sprintf("refund %d %s", refund.Amount, s.Currency)
	return step
}

// compensation undoes what has happened, or may have, in reverse order: parcels, money, goods. It is empty when
// nothing is left to undo.
func (s State) compensation(p Policy) []Step {
	if steps := s.cancelShipments(p); len(steps) > 0 {
		return steps
	}
	if steps := s.returnMoney(p); len(steps) > 0 {
		return steps
	}
	releases := s.releases(p)
	if s.goodsLeaving() {
		releases = slices.DeleteFunc(releases, func(step Step) bool { return step.Key == s.releaseKey(s.Stock.ReserveNo) })
	}
	return releases
}

// goodsLeaving says whether goods that the order has set aside have left with a parcel without being taken from the stock yet.
// What is left of the reservation is released after that: released before, they could not be taken any more.
func (s State) goodsLeaving() bool {
	return slices.ContainsFunc(s.Shipments, func(shipment Shipment) bool {
		return shipment.onItsWay() && shipment.Goods.Key == "" && !shipment.orderGoodsGone()
	})
}

// releases give the goods free. A reservation that was asked for may have been made though its answer was not recorded:
// it is released, too.
func (s State) releases(p Policy) []Step {
	steps := append(s.releasesOfSuperseded(p), s.parcelReleases(p)...)
	if s.Stock.State == StockIsReserved || s.Stock.State == StockNone && s.Fraud == "clear" {
		steps = append(steps, s.step(p, ReleaseStock, s.releaseKey(s.Stock.ReserveNo), "stock", p.UndoWithin))
	}
	return s.withoutWaived(steps)
}

func (s State) releasesOfSuperseded(p Policy) []Step {
	var steps []Step
	for _, n := range s.Stock.Superseded {
		steps = append(steps, s.step(p, ReleaseStock, s.releaseKey(n), "stock", p.UndoWithin))
	}
	return steps
}

func (s State) cancelShipments(p Policy) []Step {
	var steps []Step
	for _, shipment := range s.Shipments {
		if shipment.mayBeBooked(s) {
			steps = append(steps, s.cancelStep(p, shipment))
		}
	}
	return s.withoutWaived(steps)
}

func (s State) cancelStep(p Policy, shipment Shipment) Step {
	step := s.step(p, CancelShipment, numbered(shipment.ShipmentID, "cancel", shipment.BookNo), "shipment/"+shipment.ShipmentID, p.UndoWithin)
	step.ShipmentID = shipment.ShipmentID
	return step
}

// mayBeBooked is false only when it is certain that no carrier will come.
func (s Shipment) mayBeBooked(of State) bool {
	switch s.Status {
	case ShipmentIsBooked:
		return true
	case ShipmentIsPlanned:
		return of.paid() && s.Goods.Wish == nil && !s.Goods.None
	default:
		return false
	}
}

func (s State) returnMoney(p Policy) []Step {
	var steps []Step
	for _, refund := range s.Refunds {
		if refund.Pending() {
			steps = append(steps, s.refundStep(p, refund))
		}
	}
	if s.mayBeAuthorized() {
		steps = append(steps, s.voidStep(p))
	}
	return s.withoutWaived(steps)
}

// mayBeAuthorized is false only when it is certain that no authorisation is open. One that was asked for may have happened
// though its answer was not recorded: while goods are reserved, and when the order was amended while they were.
func (s State) mayBeAuthorized() bool {
	amended := s.PaidFor != nil && len(s.Payment.Captures) == 0
	asked := s.Payment.State == PaymentNone && (s.Stock.State == StockIsReserved || amended)
	return asked || s.Payment.Replacing || s.Payment.State == PaymentIsAuthorized || s.Payment.State == PaymentUnknown
}

func (s State) voidStep(p Policy) Step {
	return s.step(p, VoidPayment, s.voidKey(), "payment", p.UndoWithin)
}

func (s State) step(p Policy, name StepName, key, lane string, within time.Duration) Step {
	return Step{
		Name: name, Key: key, Lane: lane,
		ID:      fmt.Sprintf("%s/%s#%d", name, key, s.Rounds[key]+1),
		Summary: string(name) + " " + key,
		Retries: Retries{First: p.RetryFirst, Max: p.RetryMax, Within: within},
	}
}
