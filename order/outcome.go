package order

import (
	"fmt"
	"slices"
	"time"
)

// The classes of a step's failure, beside the classes of the gateways' refusals.
const (
	ClassAddress     = "address"
	ClassRejected    = "rejected"
	ClassCapacity    = "capacity"
	ClassUnavailable = "unavailable" // it certainly did not happen
	ClassUnknown     = "unknown"     // it may have happened
)

// The outcomes of steps, as activities record them. They carry facts, so they are never refused; one that the order
// knows already, or that belongs to a key that is not the current one any more, changes nothing.
type (
	// RecordScreening is the fraud service's judgement.
	RecordScreening struct {
		Decision, Reference string
		Score               int
	}
	// RecordReservation is the stock's answer: Allocations, or what is Missing.
	RecordReservation struct {
		Key, ReservationID   string
		Allocations, Missing []Allocation
		// ShipmentID is the parcel that it is for; empty for the order.
		ShipmentID string
	}
	// RecordAuthorization is the provider's yes.
	RecordAuthorization struct {
		Key, ProviderRef string
		Amount           int64
	}
	// RecordDecline is the provider's no.
	RecordDecline struct{ Key, Code, Message string }
	// RecordCapture says that the money was taken.
	RecordCapture struct {
		Key, ProviderRef string
		Amount           int64
	}
	// RecordExpiry says that the authorisation can no longer be captured.
	RecordExpiry struct{ Key string }
	// RecordVoid says that the authorisation is given up.
	RecordVoid struct{ Key string }
	// RecordRefund says that the money went back.
	RecordRefund struct{ RefundID, ProviderRef string }
	// RecordRelease says that the goods are free again.
	RecordRelease struct{ Key, ShipmentID string }
	// RecordCommit says that a parcel's goods have left the stock.
	RecordCommit struct{ Key, ShipmentID string }
	// RecordBooking is the carrier's yes.
	RecordBooking struct {
		ShipmentID, Key, Carrier, TrackingNumber, BookingRef, LabelURL string
		ETA                                                            *time.Time
	}
	// RecordBookingCancelled says that no carrier will come for the parcel.
	RecordBookingCancelled struct{ ShipmentID string }
	// RecordBookingDiscarded says that a booking nobody wants any more cannot happen.
	RecordBookingDiscarded struct{ ShipmentID, Key string }
)

//nolint:revive // names as they are
func (RecordScreening) CommandName() string        { return "RecordScreening" }
func (RecordReservation) CommandName() string      { return "RecordReservation" }
func (RecordAuthorization) CommandName() string    { return "RecordAuthorization" }
func (RecordDecline) CommandName() string          { return "RecordDecline" }
func (RecordCapture) CommandName() string          { return "RecordCapture" }
func (RecordExpiry) CommandName() string           { return "RecordExpiry" }
func (RecordVoid) CommandName() string             { return "RecordVoid" }
func (RecordRefund) CommandName() string           { return "RecordRefund" }
func (RecordRelease) CommandName() string          { return "RecordRelease" }
func (RecordCommit) CommandName() string           { return "RecordCommit" }
func (RecordBooking) CommandName() string          { return "RecordBooking" }
func (RecordBookingCancelled) CommandName() string { return "RecordBookingCancelled" }
func (RecordBookingDiscarded) CommandName() string { return "RecordBookingDiscarded" }

// record takes the outcome of a step.
func (d *decision) record() error {
	switch body := d.command.Body.(type) {
	case RecordScreening:
		d.screened(body)
	case RecordReservation:
		d.reserved(body)
	case RecordRelease:
		d.released(body)
	case RecordCommit:
		if shipment, ok := d.state.Shipment(body.ShipmentID); ok && !shipment.Committed {
			d.emit(&StockCommitted{Key: body.Key, ShipmentID: body.ShipmentID})
		}
	case RecordBooking:
		d.booked(body)
	case RecordRestock:
		d.restocked(body)
	case RecordBookingCancelled:
		if shipment, ok := d.state.Shipment(body.ShipmentID); ok && shipment.open() {
			d.emit(&ShipmentCancelled{ShipmentID: body.ShipmentID})
		}
	case RecordBookingDiscarded:
		shipment, _ := d.state.Shipment(body.ShipmentID)
		if slices.ContainsFunc(shipment.Loose, func(l LooseBooking) bool { return l.Key == body.Key }) {
			d.emit(&BookingDiscarded{ShipmentID: body.ShipmentID, Key: body.Key})
		}
	case RecordNotification:
		d.notified(body.Key, "")
	case ReportStepFailure:
		d.stepFailed(body)
	default:
		return d.recordPayment()
	}
	return nil
}

func (d *decision) screened(body RecordScreening) {
	if d.state.Fraud != "" || d.state.Status != Created {
		return
	}
	d.emit(&FraudScreened{Decision: body.Decision, Score: body.Score, Reference: body.Reference})
	switch body.Decision {
	case "review":
		d.emit(&OrderHeld{Code: holdFraudReview})
	case "reject":
		d.emit(&CancellationRequested{Reason: "refused by the fraud screening"})
	}
}

func (d *decision) reserved(body RecordReservation) {
	if body.ShipmentID != "" {
		d.goodsReserved(body)
		return
	}
	if d.state.Stock.State != StockNone || body.Key != d.state.ReserveKey() {
		return
	}
	if len(body.Missing) > 0 {
		d.emit(&StockShortageDetected{Key: body.Key, Missing: body.Missing})
		if d.state.Status == Created || d.state.Status == Paid {
			d.askAboutShortage()
		}
		return
	}
	d.emit(&StockReserved{Key: body.Key, ReservationID: body.ReservationID, Allocations: body.Allocations})
	if d.state.Status == Created || d.state.Status == Paid {
		d.planShipments(body.Allocations)
	}
}

// planShipments puts the goods of each warehouse into a parcel of their own.
func (d *decision) planShipments(allocations []Allocation) {
	var warehouses []string
	lines := map[string][]ShipmentLine{}
	for _, each := range allocations {
		if !contains(warehouses, each.Warehouse) {
			warehouses = append(warehouses, each.Warehouse)
		}
		lines[each.Warehouse] = append(lines[each.Warehouse], ShipmentLine{LineID: each.LineID, SKU: each.SKU, Quantity: each.Quantity})
	}
	carrier := ""
	if carriers := d.policy.carriersFor(d.state.Shipping.Carrier, nil); len(carriers) > 0 {
		carrier = carriers[0]
	}
	first := len(d.state.Shipments) + 1
	for i, warehouse := range warehouses {
		d.emit(&ShipmentPlanned{ShipmentID: ShipmentID(d.state.OrderID, first+i), Warehouse: warehouse, Carrier: carrier, Lines: lines[warehouse]})
	}
}

func (d *decision) released(body RecordRelease) {
	if body.ShipmentID != "" {
		if shipment, ok := d.state.Shipment(body.ShipmentID); ok && (shipment.isSpare(body.Key) || !shipment.Released && body.Key == shipment.releaseKey()) {
			d.emit(&StockReleased{Key: body.Key, ShipmentID: body.ShipmentID})
		}
		return
	}
	current := body.Key == d.state.releaseKey(d.state.Stock.ReserveNo) && d.state.Stock.State != StockIsReleased
	if current || d.state.superseded(body.Key) {
		d.emit(&StockReleased{Key: body.Key})
	}
}

func (d *decision) recordPayment() error {
	s := d.state
	payment := s.Payment
	switch body := d.command.Body.(type) {
	case RecordAuthorization:
		if d.authorizing(body.Key) {
			d.emit(&PaymentAuthorized{Key: body.Key, Amount: body.Amount, Currency: s.Currency, Method: payment.Method, ProviderRef: body.ProviderRef})
		}
	case RecordDecline:
		if d.authorizing(body.Key) {
			d.declined(body)
		}
	case RecordCapture:
		if !s.paid() && !payment.tookUnder(body.Key) {
			d.emit(&PaymentReceived{Key: body.Key, Amount: body.Amount, Currency: s.Currency, Method: payment.Method, ProviderRef: body.ProviderRef})
		}
	case RecordExpiry:
		if payment.State == PaymentIsAuthorized && body.Key == s.CaptureKey() {
			d.emit(&PaymentExpired{Key: body.Key})
		}
	case RecordVoid:
		if !s.paid() && payment.State != PaymentIsVoided && body.Key == s.voidKey() {
			d.emit(&PaymentVoided{Key: body.Key})
		}
	case RecordRefund:
		for _, refund := range s.Refunds {
			if refund.RefundID == body.RefundID && !refund.Issued {
				d.emit(&RefundIssued{RefundID: refund.RefundID, Amount: refund.Amount, Currency: s.Currency, ProviderRef: body.ProviderRef})
			}
		}
	default:
		return fmt.Errorf("order: no rule for %T", body)
	}
	return nil
}

// authorizing says whether the outcome of this authorisation is still open.
func (d *decision) authorizing(key string) bool {
	state := d.state.Payment.State
	return key == d.state.AuthorizeKey() && (state == PaymentNone || state == PaymentUnknown)
}

func (d *decision) declined(body RecordDecline) {
	d.emit(&PaymentDeclined{Key: body.Key, Code: body.Code, Message: body.Message})
	switch {
	case d.state.Status != Created && d.state.Status != Paid:
	case d.state.Payment.Declines >= d.policy.PaymentTries && d.state.mayTakeBack():
		d.takeBack()
	case d.state.Payment.Declines >= d.policy.PaymentTries:
		d.emit(&CancellationRequested{Reason: "payment declined: " + body.Code})
	case d.state.mayTakeBack():
		d.ask(ActionPayment, d.policy.PaymentAnswerWithin, "payment_method", "take_back", "cancel")
	default:
		d.ask(ActionPayment, d.policy.PaymentAnswerWithin, "payment_method", "cancel")
	}
}

func (d *decision) booked(body RecordBooking) {
	shipment, ok := d.state.Shipment(body.ShipmentID)
	if !ok || shipment.Status != ShipmentIsPlanned || shipment.Goods.Wish != nil || body.Key != shipment.NextBookKey() {
		return
	}
	d.emit(&ShipmentBooked{
		ShipmentID: body.ShipmentID, Key: body.Key, Carrier: body.Carrier, TrackingNumber: body.TrackingNumber,
		BookingRef: body.BookingRef, LabelURL: body.LabelURL, ETA: body.ETA,
	})
}

// stepFailed takes a step that was refused, or whose retries are used up: a parcel goes to the next carrier, and then to the
// next warehouse; whatever
// has no way on by itself is parked.
func (d *decision) stepFailed(body ReportStepFailure) {
	step := body.Step
	current := slices.ContainsFunc(PlanFor(d.state, d.policy).Steps, func(s Step) bool { return s.ID == step.ID })
	if !current {
		return
	}
	if step.Name == BookShipment {
		d.bookingFailed(body)
		return
	}
	if step.Name == Notify {
		d.notified(step.Key, body.Code)
		return
	}
	if step.Name == RefundPayment && body.Class != ClassUnknown && body.Class != ClassUnavailable {
		d.refundRefused(body)
		return
	}
	if body.Class == ClassUnknown && (step.Name == AuthorizePayment || step.Name == CapturePayment) {
		d.emit(&PaymentOutcomeUnknown{Key: step.Key, Operation: string(step.Name)})
	}
	d.park(parking{step: step.Name, shipmentID: step.ShipmentID, key: step.Key, code: body.Code, message: body.Message, attempts: body.Attempts})
}

func (d *decision) bookingFailed(body ReportStepFailure) {
	shipment, _ := d.state.Shipment(body.Step.ShipmentID)
	d.emit(&ShipmentBookingFailed{
		ShipmentID: shipment.ShipmentID, Key: body.Step.Key, Carrier: shipment.Carrier,
		Class: body.Class, Code: body.Code, Message: body.Message, Attempts: body.Attempts,
	})
	if body.Class == ClassAddress {
		d.ask(ActionAddress, d.policy.AddressAnswerWithin, "address", "cancel")
		return
	}
	shipment, _ = d.state.Shipment(body.Step.ShipmentID)
	if next := d.policy.carriersFor(d.state.Shipping.Carrier, shipment.Tried); len(next) > 0 {
		d.emit(&ShipmentRerouted{ShipmentID: shipment.ShipmentID, Carrier: next[0]})
		return
	}
	if body.Class == ClassRejected || body.Class == ClassCapacity {
		carriers := d.policy.carriersFor(d.state.Shipping.Carrier, nil)
		exclude := append(slices.Clone(shipment.Goods.Left), shipment.Warehouse)
		d.emit(&ShipmentRerouted{ShipmentID: shipment.ShipmentID, Carrier: carriers[0], Exclude: exclude})
		return
	}
	d.park(parking{step: BookShipment, shipmentID: shipment.ShipmentID, key: body.Step.Key, code: body.Code, message: body.Message, attempts: body.Attempts})
}
