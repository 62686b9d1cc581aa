package order

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Evolve is the state after one more event. It never fails: an event that was appended is true. The state given is
// not touched.
func Evolve(s State, r Recorded) State {
	next := s.copied()
	next.evolve(r)
	return next
}

// Fold is the state after all the events.
func Fold(orderID string, events []Recorded) State {
	return FoldOnto(State{OrderID: orderID}, events)
}

// FoldOnto is the state after more events.
func FoldOnto(s State, events []Recorded) State {
	next := s.copied()
	for _, event := range events {
		next.evolve(event)
	}
	return next
}

func (s *State) evolve(r Recorded) {
	if r.CommandID != "" && !s.knowsNoCommands() {
		s.remember(r.CommandID, r.Version)
	}
	s.Version = r.Version
	s.UpdatedAt = r.At
	switch e := r.Event.(type) {
	case *OrderCreated:
		s.create(e, r)
	case *OrderAmended:
		s.amend(e)
	case *ShippingAddressChanged:
		s.ShipTo = e.ShipTo
	case *OrderNoteAdded:
	case *OrderHeld:
		s.Holds = append(s.Holds, Hold{Code: e.Code, Reason: r.Reason, Since: r.At, Until: e.Until})
	case *OrderReleased:
		s.release(e.Code)
	case *FraudScreened, *FraudReviewed:
		s.judged(r.Event)
	case *CustomerActionRequested:
		s.Asked++
		s.Actions = append(s.Actions, Action{ActionID: e.ActionID, Kind: e.Kind, Options: e.Options, Deadline: e.Deadline, Since: r.At})
	case *CustomerResponded:
		s.respond(e)
	case *CancellationRequested:
		if len(e.ShipmentIDs) > 0 {
			s.unwant(e.ShipmentIDs)
			return
		}
		s.startCancelling()
	case *OrderPartiallyShipped:
		s.Status = PartiallyShipped
	case *OrderShipped:
		s.Status = Shipped
	case *OrderDelivered:
		s.Status, s.DeliveredAt = Delivered, r.At
	case *OrderCancelled:
		s.Status = Cancelled
	case *OrderClosed:
		s.Status = Closed
	case *PersonalDataErased:
		s.erase(r.At)
	default:
		s.evolvePart(r)
	}
	s.evolveNotices(r.Event)
}

// evolvePart handles the events of an order's parts: goods, money, parcels, parked steps.
func (s *State) evolvePart(r Recorded) {
	switch e := r.Event.(type) {
	case *StockReserved, *StockShortageDetected, *StockReleased, *StockCommitted, *StockRestocked:
		s.evolveStock(r.Event)
	case *StepFailed, *StepRetried, *StepSkipped, *StepResolved:
		s.evolveAttention(r.Event, r.At)
	case *CompensationStarted, *CompensationCompleted, *CompensationFailed, *CompensationWaived:
		s.evolveCompensation(r.Event)
	case *RefundRequested:
		s.Refunds = append(s.Refunds, Refund{
			RefundID: e.RefundID, Amount: e.Amount, Reason: e.Reason, ShipmentID: e.ShipmentID, CaptureKey: e.CaptureKey, Amendment: e.Amendment, RMAID: e.RMAID,
		})
	case *ReturnRequested, *ReturnApproved, *ReturnRejected, *ReturnReceived, *ReplacementOrdered, *ReturnClosed:
		s.evolveReturn(r.Event, r.At)
	default:
		if !s.evolvePayment(r.Event) {
			s.evolveShipment(r.Event, r.At)
		}
	}
}

func (s *State) create(e *OrderCreated, r Recorded) {
	s.Tenant, s.CustomerID, s.Currency = e.Tenant, e.CustomerID, e.Currency
	s.ExternalRef, s.Channel = e.ExternalRef, e.Channel
	s.Lines, s.ShippingFee, s.Total = e.Lines, e.ShippingFee, e.Total
	s.ShipTo, s.Shipping = e.ShipTo, e.Shipping
	s.Status, s.PlacedAt = Created, r.At
	s.Payment = Payment{State: PaymentNone, Method: e.Method, Token: e.Token, AuthorizeNo: 1, CaptureNo: 1}
	s.Stock = Stock{State: StockNone, ReserveNo: 1}
}

func (s *State) respond(e *CustomerResponded) {
	i := slices.IndexFunc(s.Actions, func(a Action) bool { return a.ActionID == e.ActionID })
	if i < 0 {
		return
	}
	kind := s.Actions[i].Kind
	s.Actions = slices.Delete(s.Actions, i, i+1)
	if kind == ActionShortage && e.Choice != "none" && e.Choice != "cancel" {
		s.Stock.State, s.Stock.Missing = StockNone, nil
		s.Stock.ReserveNo++
	}
	if kind == ActionAddress && e.Choice == "address" {
		for i := range s.Shipments {
			s.Shipments[i].replan(ShipmentHasFailed)
		}
	}
}

// startCancelling leaves the forward road: what only mattered there is gone.
func (s *State) startCancelling() {
	s.Status = Cancelling
	s.Actions, s.Holds = nil, nil
	s.Attention = slices.DeleteFunc(s.Attention, func(a Attention) bool {
		return slices.Contains(forwardSteps, a.Step)
	})
}

func (s *State) evolveStock(event Event) {
	switch e := event.(type) {
	case *StockReserved:
		s.settle(ReserveStock, e.Key)
		if e.ShipmentID != "" {
			s.changeShipment(e.ShipmentID, func(shipment *Shipment) { shipment.reserved(e) })
			return
		}
		s.Stock.State, s.Stock.ReserveKey, s.Stock.ReservationID = StockIsReserved, e.Key, e.ReservationID
		s.Stock.Allocations, s.Stock.Missing = e.Allocations, nil
	case *StockShortageDetected:
		s.settle(ReserveStock, e.Key)
		if e.ShipmentID != "" {
			s.changeShipment(e.ShipmentID, (*Shipment).shortOf)
			return
		}
		s.Stock.State, s.Stock.Missing = StockShort, e.Missing
	case *StockReleased:
		s.stockReleased(e)
	case *StockCommitted:
		s.settle(CommitStock, e.Key)
		s.changeShipment(e.ShipmentID, func(shipment *Shipment) { shipment.Committed = true })
		s.stockGone()
	case *StockRestocked:
		s.settle(RestockStock, e.Key)
		s.changeShipment(e.ShipmentID, func(shipment *Shipment) { shipment.Restocked = true })
		s.changeReturn(e.RMAID, func(r *Return) { r.Restocked = true })
	}
}

func (s *State) stockReleased(e *StockReleased) {
	s.settle(ReleaseStock, e.Key)
	switch {
	case s.superseded(e.Key):
		s.dropSuperseded(e.Key)
	case e.ShipmentID == "":
		s.Stock.State = StockIsReleased
	default:
		s.changeShipment(e.ShipmentID, func(shipment *Shipment) { shipment.releasedUnder(e.Key) })
		s.stockGone()
	}
}

// stockGone notes when no goods are set aside any more: each parcel's have left the stock, or are free again.
func (s *State) stockGone() {
	held := func(shipment Shipment) bool { return !shipment.orderGoodsGone() }
	if s.Stock.State == StockIsReserved && !slices.ContainsFunc(s.Shipments, held) {
		s.Stock.State = StockIsCommitted
	}
}

func (s *State) evolvePayment(event Event) bool {
	payment := &s.Payment
	switch e := event.(type) {
	case *PaymentMethodProvided:
		payment.Method, payment.Token = e.Method, e.Token
		if payment.State == PaymentFailed {
			payment.State = PaymentNone
		}
		s.Actions = slices.DeleteFunc(s.Actions, func(a Action) bool { return a.Kind == ActionPayment })
	case *PaymentAuthorized:
		payment.State, payment.Authorized = PaymentIsAuthorized, e.Amount
		payment.AuthorizeKey, payment.ProviderRef = e.Key, e.ProviderRef
		s.settle(AuthorizePayment, e.Key)
	case *PaymentDeclined:
		payment.State, payment.Replacing = PaymentFailed, false
		payment.AuthorizeNo++
		payment.Declines++
		s.settle(AuthorizePayment, e.Key)
	case *PaymentExpired:
		payment.State, payment.Authorized, payment.Replacing = PaymentNone, 0, false
		payment.AuthorizeNo++
		payment.CaptureNo++
		s.settle(CapturePayment, e.Key)
	case *PaymentReceived:
		payment.Captured += e.Amount
		payment.Captures = append(payment.Captures, Capture{Key: e.Key, ProviderRef: e.ProviderRef, Amount: e.Amount})
		payment.State, payment.ProviderRef, payment.Replacing = payment.settled(), e.ProviderRef, false
		if s.Status == Created {
			s.Status = Paid
		}
		s.settle(CapturePayment, e.Key)
		s.settle(VoidPayment, "")
		s.charge()
	case *PaymentVoided:
		s.voided()
		s.settle(VoidPayment, e.Key)
	case *PaymentOutcomeUnknown:
		payment.State = PaymentUnknown
	case *RefundIssued:
		s.refunded(e)
	case *RefundFailed:
		for i := range s.Refunds {
			if s.Refunds[i].RefundID == e.RefundID {
				s.Refunds[i].Failures++
			}
		}
	default:
		return false
	}
	return true
}

func (s *State) refunded(e *RefundIssued) {
	for i := range s.Refunds {
		if s.Refunds[i].RefundID == e.RefundID {
			s.Refunds[i].Issued, s.Refunds[i].ProviderRef = true, e.ProviderRef
			s.Refunds[i].Waived, s.Refunds[i].Dropped = false, false
			s.settle(RefundPayment, s.refundKey(e.RefundID))
		}
	}
	s.Payment.Refunded += e.Amount
	if s.paid() { // and not while more is being charged
		s.Payment.State = s.Payment.settled()
	}
}

func (s *State) evolveShipment(event Event, at time.Time) {
	switch e := event.(type) {
	case *ShipmentPlanned:
		s.planShipment(e)
	case *ShipmentBooked:
		s.changeShipment(e.ShipmentID, func(shipment *Shipment) {
			shipment.Status, shipment.Carrier, shipment.BookKey = ShipmentIsBooked, e.Carrier, e.Key
			shipment.TrackingNumber, shipment.LabelURL, shipment.ETA = e.TrackingNumber, e.LabelURL, e.ETA
			shipment.ScannedAt = at
			shipment.Loose = slices.DeleteFunc(shipment.Loose, func(l LooseBooking) bool { return l.Key == e.Key })
		})
		s.settleShipment(BookShipment, e.ShipmentID)
	case *ShipmentBookingFailed:
		s.changeShipment(e.ShipmentID, func(shipment *Shipment) { shipment.bookingFailed(e) })
	case *ShipmentRerouted:
		s.changeShipment(e.ShipmentID, func(shipment *Shipment) { shipment.rerouted(e) })
		s.settleShipment(BookShipment, e.ShipmentID)
	case *BookingDiscarded:
		s.changeShipment(e.ShipmentID, func(shipment *Shipment) {
			shipment.Loose = slices.DeleteFunc(shipment.Loose, func(l LooseBooking) bool { return l.Key == e.Key })
		})
		s.settle(DiscardBooking, e.Key+discardSuffix)
	case *ShipmentCancelled:
		s.changeShipment(e.ShipmentID, func(shipment *Shipment) {
			shipment.Status = ShipmentIsCancelled
			shipment.withdrawWish()
		})
		for _, step := range []StepName{CancelShipment, BookShipment, ReserveStock} {
			s.settleShipment(step, e.ShipmentID)
		}
	default:
		s.evolveScan(event, at)
	}
}

// evolveScan handles what carriers say of parcels that have left.
func (s *State) evolveScan(event Event, at time.Time) {
	switch e := event.(type) {
	case *ShipmentDispatched:
		s.scanned(e.ShipmentID, ShipmentIsDispatched, at)
	case *ShipmentOutForDelivery:
		s.scanned(e.ShipmentID, ShipmentIsOutForDelivery, at)
	case *ShipmentDeliveryAttemptFailed:
		s.scanned(e.ShipmentID, ShipmentWasMissed, at)
		s.changeShipment(e.ShipmentID, func(shipment *Shipment) { shipment.Missed++ })
	case *ShipmentLost:
		s.scanned(e.ShipmentID, ShipmentIsLost, at)
	case *ShipmentDamaged:
		s.scanned(e.ShipmentID, ShipmentIsDamaged, at)
	case *ShipmentReturnToSender:
		s.scanned(e.ShipmentID, ShipmentComesBack, at)
	case *ShipmentReturned:
		s.scanned(e.ShipmentID, ShipmentIsBack, at)
	case *ShipmentDelivered:
		s.scanned(e.ShipmentID, ShipmentIsDelivered, at)
	}
}

// scanned takes a parcel to a status, unless it is further already. What was asked about its silence, or about what happened
// to it before, is settled.
func (s *State) scanned(shipmentID string, status ShipmentStatus, at time.Time) {
	shipment, _ := s.Shipment(shipmentID)
	if progress[shipment.Status] >= progress[status] {
		return
	}
	s.changeShipment(shipmentID, func(shipment *Shipment) {
		shipment.Status, shipment.ScannedAt, shipment.Unwanted = status, at, false
	})
	for _, step := range []StepName{AwaitPickup, AwaitDelivery, CancelShipment} {
		s.settleShipment(step, shipmentID)
	}
}

func (s *State) planShipment(e *ShipmentPlanned) {
	planned := Shipment{
		ShipmentID: e.ShipmentID, Status: ShipmentIsPlanned, Warehouse: e.Warehouse, Carrier: e.Carrier, Lines: e.Lines, BookNo: 1,
		Replaces: e.Replaces,
	}
	if e.Reserve {
		planned.Goods.None = true
		planned.wish(GoodsWish{Warehouse: e.Warehouse})
	}
	s.Shipments = append(s.Shipments, planned)
	s.settleParcel(e.Replaces, SettledByParcel)
}

func (s *Shipment) rerouted(e *ShipmentRerouted) {
	s.Carrier, s.Status = e.Carrier, ShipmentIsPlanned
	if e.Warehouse != "" || len(e.Exclude) > 0 {
		s.Goods.Left, s.Tried = e.Exclude, nil
		s.wish(GoodsWish{Warehouse: e.Warehouse, Exclude: e.Exclude})
	}
}

// bookingFailed counts the number up, so that the next booking has a key of its own.
func (s *Shipment) bookingFailed(e *ShipmentBookingFailed) {
	s.Status = ShipmentHasFailed
	s.BookNo++
	s.Tried = append(s.Tried, e.Carrier)
	if e.Class == ClassUnknown {
		s.Loose = append(s.Loose, LooseBooking{Carrier: e.Carrier, Key: e.Key})
	}
}

func (s *Shipment) replan(from ShipmentStatus) {
	if s.Status == from {
		s.Status, s.Tried, s.ParkedAt = ShipmentIsPlanned, nil, time.Time{}
	}
}

func (s *State) evolveAttention(event Event, at time.Time) {
	switch e := event.(type) {
	case *StepFailed:
		s.Parked++
		s.Attention = append(s.Attention, Attention{
			AttentionID: e.AttentionID, Step: e.Step, ShipmentID: e.ShipmentID, Key: e.Key, Code: e.Code, Message: e.Message,
			Since: at, Attempts: e.Attempts, NextRetryAt: e.NextRetryAt, GiveUpAt: e.GiveUpAt, Allowed: e.Allowed,
		})
		if e.Step == BookShipment || e.Step == ReserveStock {
			s.changeShipment(e.ShipmentID, func(shipment *Shipment) {
				if shipment.ParkedAt.IsZero() {
					shipment.ParkedAt = at
				}
			})
		}
	case *StepRetried:
		s.retry(e.AttentionID, at)
	case *StepSkipped:
		if a, ok := s.attention(e.AttentionID); ok && a.Step == ScreenFraud {
			s.Fraud = "clear"
		}
		s.dropAttention(e.AttentionID)
	case *StepResolved:
		s.dropAttention(e.AttentionID)
	}
}

func (s *State) retry(attentionID string, at time.Time) {
	parked, ok := s.attention(attentionID)
	if !ok {
		return
	}
	s.dropAttention(attentionID)
	if s.Rounds == nil {
		s.Rounds = map[string]int{}
	}
	s.Rounds[parked.Key]++
	switch parked.Step {
	case AuthorizePayment:
		s.Payment.State = PaymentNone
	case CapturePayment:
		s.Payment.State = PaymentIsAuthorized
	case ReserveStock:
		s.changeShipment(parked.ShipmentID, func(shipment *Shipment) { shipment.wish(GoodsWish{Warehouse: shipment.Warehouse}) })
	case BookShipment:
		s.changeShipment(parked.ShipmentID, func(shipment *Shipment) {
			shipment.Status, shipment.Tried, shipment.Goods.Left = ShipmentIsPlanned, nil, nil
		})
	case AwaitPickup, AwaitDelivery:
		s.changeShipment(parked.ShipmentID, func(shipment *Shipment) { shipment.ScannedAt, shipment.Missed = at, 0 })
	}
}

func (s *State) dropAttention(id string) {
	s.Attention = slices.DeleteFunc(s.Attention, func(a Attention) bool { return a.AttentionID == id })
}

// settle drops the attention of a step that has an outcome now; an empty key means any.
func (s *State) settle(step StepName, key string) {
	s.Attention = slices.DeleteFunc(s.Attention, func(a Attention) bool {
		return a.Step == step && (key == "" || a.Key == key)
	})
}

func (s *State) settleShipment(step StepName, shipmentID string) {
	s.Attention = slices.DeleteFunc(s.Attention, func(a Attention) bool {
		return a.Step == step && a.ShipmentID == shipmentID
	})
}

func (s *State) changeShipment(id string, change func(*Shipment)) {
	for i := range s.Shipments {
		if s.Shipments[i].ShipmentID == id {
			change(&s.Shipments[i])
		}
	}
}

// copied is the state with slices and maps of its own as far as Evolve changes them in place.
func (s State) copied() State {
	s.Shipments = slices.Clone(s.Shipments)
	for i := range s.Shipments {
		s.Shipments[i].Loose = slices.Clone(s.Shipments[i].Loose)
		s.Shipments[i].Tried = slices.Clone(s.Shipments[i].Tried)
		s.Shipments[i].Goods.Spare = slices.Clone(s.Shipments[i].Goods.Spare)
	}
	s.Refunds = slices.Clone(s.Refunds)
	s.Returns = slices.Clone(s.Returns)
	s.Payment.Captures = slices.Clone(s.Payment.Captures)
	s.Stock.Superseded = slices.Clone(s.Stock.Superseded)
	s.Holds = slices.Clone(s.Holds)
	s.Actions = slices.Clone(s.Actions)
	s.Notices = slices.Clone(s.Notices)
	s.Attention = slices.Clone(s.Attention)
	s.Waivers = slices.Clone(s.Waivers)
	s.Rounds = maps.Clone(s.Rounds)
	s.RecentCommands = maps.Clone(s.RecentCommands)
	if s.RecentCommands == nil && s.Version == 0 {
		s.RecentCommands = map[string]int{}
	}
	s.OlderCommands = slices.Clip(s.OlderCommands) // it is only ever appended to
	return s
}

// ShipmentID names the nth parcel of an order, counted from 1.
func ShipmentID(orderID string, n int) string { return "shp_" + orderID + "_" + strconv.Itoa(n) }

// OrderOfShipment is the order that a shipment id belongs to; false when it is none that ShipmentID made.
func OrderOfShipment(shipmentID string) (string, bool) {
	rest, ok := strings.CutPrefix(shipmentID, "shp_")
	if !ok {
		return "", false
	}
	i := strings.LastIndexByte(rest, '_')
	if i < 1 {
		return "", false
	}
	if n, err := strconv.Atoi(rest[i+1:]); err != nil || n < 1 {
		return "", false
	}
	return rest[:i], true
}
