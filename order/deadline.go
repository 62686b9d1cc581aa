package order

import (
	"fmt"
	"time"
)

// due is one thing that happens by itself at a moment, if nothing else happens before.
type due struct {
	at      time.Time
	summary string
	happen  func(*decision)
}

// dues lists everything that will happen by itself, in no order.
func (s State) dues(p Policy) []due {
	var all []due
	for _, attention := range s.Attention {
		all = append(all, attention.dues()...)
	}
	for _, action := range s.Actions {
		all = append(all, due{action.Deadline, "the customer's answer (" + action.Kind + ")", func(d *decision) {
			d.emit(&CustomerResponded{ActionID: action.ActionID, Choice: "none"})
			if action.Kind == ActionPayment && d.state.mayTakeBack() {
				d.takeBack()
				return
			}
			d.abandon("no answer from the customer: " + action.Kind)
		}})
		if reminder, ok := action.reminder(p); ok {
			all = append(all, reminder)
		}
	}
	for _, hold := range s.Holds {
		if hold.Until != nil {
			all = append(all, due{*hold.Until, "the end of the hold " + hold.Code, func(d *decision) {
				d.emit(&OrderReleased{Code: hold.Code})
			}})
		}
	}
	for _, shipment := range s.Shipments {
		if wait, ok := shipment.overdue(s, p); ok {
			all = append(all, wait)
		}
		if lost, ok := shipment.lost(s, p); ok {
			all = append(all, lost)
		}
	}
	for _, each := range s.Returns {
		all = append(all, each.dues(p)...)
	}
	if closing, ok := s.closing(p); ok {
		all = append(all, closing)
	}
	return all
}

// closing is the end of a delivered order for which nothing is left to be done.
func (s State) closing(p Policy) (due, bool) {
	if s.Status != Delivered || len(s.Attention) > 0 || len(s.repairs(p)) > 0 || s.returning() {
		return due{}, false
	}
	return due{s.DeliveredAt.Add(p.CloseAfter), "the order is closed", func(d *decision) { d.emit(&OrderClosed{}) }}, true
}

func (a Attention) dues() []due {
	var all []due
	if a.GiveUpAt != nil {
		all = append(all, due{*a.GiveUpAt, "giving up " + string(a.Step), func(d *decision) { d.giveUp(a) }})
	}
	if a.NextRetryAt != nil {
		all = append(all, due{*a.NextRetryAt, "trying " + string(a.Step) + " again", func(d *decision) { d.retry(a) }})
	}
	return all
}

// undoing says whether the order is or was cancelled: nobody asks any more where its parcels are.
func (s State) undoing() bool { return s.Status == Cancelling || s.Status == Cancelled }

// overdue is the moment from which a parcel's silence needs attention.
func (s Shipment) overdue(of State, p Policy) (due, bool) {
	step, within, code := AwaitDelivery, p.TransitWithin, "stalled_in_transit"
	switch s.Status {
	case ShipmentIsBooked:
		step, within, code = AwaitPickup, p.PickupWithin, "no_pickup_scan"
	case ShipmentIsDispatched, ShipmentIsOutForDelivery, ShipmentWasMissed:
	default:
		return due{}, false
	}
	if of.waitParked(step, s.ShipmentID) || of.undoing() || s.Settled != "" || s.Unwanted {
		return due{}, false
	}
	summary := fmt.Sprintf("%s's news of %s", s.Carrier, s.ShipmentID)
	return due{s.ScannedAt.Add(within), summary, func(d *decision) {
		d.park(parking{
			step: step, shipmentID: s.ShipmentID, key: s.BookKey, code: code,
			message: fmt.Sprintf("no news from %s for %s", s.Carrier, within),
		})
	}}, true
}

// lost is the moment from which a parcel that nobody has seen is taken for lost.
func (s Shipment) lost(of State, p Policy) (due, bool) {
	switch s.Status {
	case ShipmentIsDispatched, ShipmentIsOutForDelivery, ShipmentWasMissed:
	default:
		return due{}, false
	}
	if of.undoing() || s.Settled != "" {
		return due{}, false
	}
	return due{s.ScannedAt.Add(p.LostAfter), s.ShipmentID + " is taken for lost", func(d *decision) {
		d.scan(s, ShipmentIsLost, RecordCarrierUpdate{Status: string(ShipmentIsLost), At: d.command.At})
	}}, true
}

func (s State) nextDeadline(p Policy) *Deadline {
	var next *Deadline
	for _, each := range s.dues(p) {
		if next == nil || each.at.Before(next.At) {
			next = &Deadline{At: each.at, Summary: each.summary}
		}
	}
	return next
}

// waitingFor says in words what an order without steps waits for.
func (s State) waitingFor() string {
	switch {
	case len(s.Attention) > 0:
		first := s.Attention[0]
		return fmt.Sprintf("an operator: %s (%s)", first.Step, first.Code)
	case len(s.Actions) > 0:
		return "the customer: " + s.Actions[0].Kind
	case len(s.Holds) > 0:
		return "a release: " + s.Holds[0].Code
	}
	for _, shipment := range s.Shipments {
		switch shipment.Status {
		case ShipmentIsBooked:
			return fmt.Sprintf("pick-up by %s", shipment.Carrier)
		case ShipmentIsDispatched, ShipmentIsOutForDelivery, ShipmentWasMissed:
			return fmt.Sprintf("delivery by %s", shipment.Carrier)
		}
	}
	for _, each := range s.Returns {
		switch each.Status {
		case ReturnIsRequested:
			return "an operator: to approve " + each.RMAID
		case ReturnIsApproved:
			return "the goods of " + each.RMAID
		}
	}
	return "the end of the return period"
}
