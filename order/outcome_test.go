package order_test

import (
	"fmt"
	"testing"
	"time"

	"orderly/order"
)

// planned is the step of this name in the plan of a life; the first one, when there are several.
func planned(given life, name order.StepName) order.Step {
	for _, step := range order.PlanFor(stateOf(given), testPolicy).Steps {
		if step.Name == name {
			return step
		}
	}
	panic(fmt.Sprintf("%s is not planned", name))
}

// failing is the failure of a planned step.
func failing(given life, name order.StepName, class string) order.ReportStepFailure {
	return order.ReportStepFailure{Step: planned(given, name), Class: class, Code: "http_503", Message: "down", Attempts: 9}
}

// parkedAs is the event by which a step is parked as the first one.
func parkedAs(step order.StepName, key string, allowed ...string) *order.StepFailed {
	return &order.StepFailed{
		AttentionID: "att_1", Step: step, Key: key, Code: "http_503", Message: "down", Attempts: 9, Allowed: allowed, NextRetryAt: at(time.Hour),
	}
}

var (
	// declinedTwice has one means of payment left to try.
	declinedTwice = declinedOnce.and(
		&order.PaymentMethodProvided{Method: "card", Token: "tok_2"},
		&order.PaymentDeclined{Key: "ord_1/auth/2", Code: "card_declined"},
		&order.CustomerActionRequested{ActionID: "act_2", Kind: order.ActionPayment, Options: []string{"payment_method", "cancel"}, Deadline: *at(24 * time.Hour)},
		&order.PaymentMethodProvided{Method: "card", Token: "tok_3"},
	)
	outcomeUnknown = authorized.and(
		&order.PaymentOutcomeUnknown{Key: "ord_1/capture/1", Operation: "CapturePayment"},
		parkedAs(order.CapturePayment, "ord_1/capture/1", "retry", "resolve", "cancel"),
	)
	cancellingEarly = screened.and(&order.CancellationRequested{}, undoing(releaseGoods))
	cancellingAuth  = authorized.and(&order.CancellationRequested{}, undoing(voidPayment, releaseGoods)).and(noParcels...)
	cancellingAsked = reserved.and(&order.CancellationRequested{}, undoing(voidPayment, releaseGoods)).and(noParcels...)
)

// The way to the payment.

var stepRules = map[string]rule{
	"screened and clear": {given: placed, when: order.RecordScreening{Decision: "clear", Score: 3}, then: life{screened[1]}},
	"screened, to be reviewed: held": {
		given: placed, when: order.RecordScreening{Decision: "review", Score: 70, Reference: "fs_1"},
		then: life{&order.FraudScreened{Decision: "review", Score: 70, Reference: "fs_1"}, &order.OrderHeld{Code: "fraud_review"}},
	},
	"screened and rejected: cancelled": {
		given: placed, when: order.RecordScreening{Decision: "reject", Score: 99},
		then: life{
			&order.FraudScreened{Decision: "reject", Score: 99},
			&order.CancellationRequested{Reason: "refused by the fraud screening"}, &order.OrderCancelled{},
		},
	},
	"screened twice": {given: screened, when: order.RecordScreening{Decision: "reject"}},
	"screening unavailable: parked": {
		given: placed, when: failing(placed, order.ScreenFraud, order.ClassUnavailable),
		then: life{parkedAs(order.ScreenFraud, "ord_1/fraud/1", "retry", "skip", "cancel")},
	},

	"reserved: a parcel for each warehouse": {
		given: screened, when: order.RecordReservation{Key: "ord_1/reserve/1", ReservationID: "res_1", Allocations: inTwoWarehouses},
		then: reserved[len(screened):],
	},
	"a shortage: the customer is asked": {
		given: screened, when: order.RecordReservation{Key: "ord_1/reserve/1", Missing: []order.Allocation{{LineID: "l1", SKU: "SKU-1", Quantity: 1}}},
		then: short[len(screened):],
	},
	"a shortage of everything: there is nothing to be sent in part": {
		given: screened, when: order.RecordReservation{Key: "ord_1/reserve/1", Missing: inTwoWarehouses},
		then: life{
			&order.StockShortageDetected{Key: "ord_1/reserve/1", Missing: inTwoWarehouses},
			&order.CustomerActionRequested{ActionID: "act_1", Kind: order.ActionShortage, Options: []string{"retry", "cancel"}, Deadline: *at(72 * time.Hour)},
		},
	},
	"reserved twice":              {given: reserved, when: order.RecordReservation{Key: "ord_1/reserve/1", Allocations: inTwoWarehouses}},
	"reserved under an older key": {given: short.and(&order.CustomerResponded{ActionID: "act_1", Choice: "retry"}), when: order.RecordReservation{Key: "ord_1/reserve/1"}},
	"reserved after the cancellation: a fact, but no parcels": {
		given: cancellingEarly, when: order.RecordReservation{Key: "ord_1/reserve/1", ReservationID: "res_1", Allocations: inTwoWarehouses},
		then: life{reserved[len(screened)]},
	},
	"short after the cancellation: nothing to be asked or undone": {
		given: cancellingEarly, when: order.RecordReservation{Key: "ord_1/reserve/1", Missing: inTwoWarehouses},
		then: life{&order.StockShortageDetected{Key: "ord_1/reserve/1", Missing: inTwoWarehouses}, &order.CompensationCompleted{}, &order.OrderCancelled{}},
	},
	"stock unavailable: parked": {
		given: screened, when: failing(screened, order.ReserveStock, order.ClassUnavailable),
		then: life{parkedAs(order.ReserveStock, "ord_1/reserve/1", "retry", "cancel")},
	},
	"an order that costs nothing is paid once its goods are there": {
		given: free, when: order.RecordReservation{Key: "ord_1/reserve/1", ReservationID: "res_1", Allocations: inTwoWarehouses[1:]},
		then: life{
			&order.StockReserved{Key: "ord_1/reserve/1", ReservationID: "res_1", Allocations: inTwoWarehouses[1:]},
			&order.ShipmentPlanned{ShipmentID: parcel1, Warehouse: "wh-2", Carrier: "fedex", Lines: []order.ShipmentLine{{LineID: "l2", SKU: "SKU-2", Quantity: 1}}},
			&order.PaymentReceived{Key: "ord_1/capture/1", Currency: "USD", Method: "none"},
		},
	},

	"authorised": {
		given: reserved, when: order.RecordAuthorization{Key: "ord_1/auth/1", ProviderRef: "pay_1", Amount: 13500}, then: life{authorized[len(reserved)]},
	},
	"authorised twice":              {given: authorized, when: order.RecordAuthorization{Key: "ord_1/auth/1", ProviderRef: "pay_1", Amount: 13500}},
	"authorised under an older key": {given: declinedOnce, when: order.RecordAuthorization{Key: "ord_1/auth/1", ProviderRef: "pay_1", Amount: 13500}},
	"authorised after the cancellation: a fact that is then to be voided": {
		given: cancellingAsked, when: order.RecordAuthorization{Key: "ord_1/auth/1", ProviderRef: "pay_1", Amount: 13500},
		then: life{authorized[len(reserved)]},
	},
	"declined: another means is asked for": {
		given: reserved, when: order.RecordDecline{Key: "ord_1/auth/1", Code: "card_declined"}, then: declinedOnce[len(reserved):],
	},
	"declined three times: cancelled": {
		given: declinedTwice, when: order.RecordDecline{Key: "ord_1/auth/3", Code: "card_declined"},
		then: life{
			&order.PaymentDeclined{Key: "ord_1/auth/3", Code: "card_declined"}, &order.CancellationRequested{Reason: "payment declined: card_declined"}, undoing(releaseGoods),
		}.and(noParcels...),
	},
	"declined twice in one": {given: declinedOnce, when: order.RecordDecline{Key: "ord_1/auth/1", Code: "card_declined"}},
	"declined after the cancellation: nobody is asked": {
		given: cancellingAsked, when: order.RecordDecline{Key: "ord_1/auth/1", Code: "card_declined"},
		then: life{&order.PaymentDeclined{Key: "ord_1/auth/1", Code: "card_declined"}},
	},
	"authorisation unavailable: parked": {
		given: reserved, when: failing(reserved, order.AuthorizePayment, order.ClassUnavailable),
		then: life{parkedAs(order.AuthorizePayment, "ord_1/auth/1", "retry", "resolve", "cancel")},
	},
	"authorisation unknown: said so, and parked": {
		given: reserved, when: failing(reserved, order.AuthorizePayment, order.ClassUnknown),
		then: life{
			&order.PaymentOutcomeUnknown{Key: "ord_1/auth/1", Operation: "AuthorizePayment"},
			parkedAs(order.AuthorizePayment, "ord_1/auth/1", "retry", "resolve", "cancel"),
		},
	},

	"captured: paid": {
		given: authorized, when: order.RecordCapture{Key: "ord_1/capture/1", ProviderRef: "pay_1", Amount: 13500}, then: life{paid[len(authorized)]},
	},
	"captured twice": {given: paid, when: order.RecordCapture{Key: "ord_1/capture/1", ProviderRef: "pay_1", Amount: 13500}},
	"captured though nobody knew: paid": {
		given: outcomeUnknown, when: order.RecordCapture{Key: "ord_1/capture/1", ProviderRef: "pay_1", Amount: 13500}, then: life{paid[len(authorized)]},
	},
	"captured after the cancellation: paid back": {
		given: cancellingAuth, when: order.RecordCapture{Key: "ord_1/capture/1", ProviderRef: "pay_1", Amount: 13500},
		then: life{paid[len(authorized)], &order.RefundRequested{RefundID: "rf_1", Amount: 13500, Reason: "cancellation"}},
	},
	"expired before the capture": {given: authorized, when: order.RecordExpiry{Key: "ord_1/capture/1"}, then: life{&order.PaymentExpired{Key: "ord_1/capture/1"}}},
	"expired under an older key": {given: authorized, when: order.RecordExpiry{Key: "ord_1/capture/0"}},
	"expired when it was paid":   {given: paid, when: order.RecordExpiry{Key: "ord_1/capture/1"}},
	"capture unavailable: parked": {
		given: authorized, when: failing(authorized, order.CapturePayment, order.ClassUnavailable),
		then: life{parkedAs(order.CapturePayment, "ord_1/capture/1", "retry", "resolve", "cancel")},
	},
	"capture unknown: said so, and parked": {
		given: authorized, when: failing(authorized, order.CapturePayment, order.ClassUnknown), then: outcomeUnknown[len(authorized):],
	},
	"the failure of a step that is planned no more": {given: paid, when: failing(authorized, order.CapturePayment, order.ClassUnknown)},
}

// free is an order that costs nothing.
var free = life{&order.OrderCreated{
	Tenant: "acme", CustomerID: "cus_7", Currency: "USD", Lines: []order.Line{{LineID: "l2", SKU: "SKU-2", Quantity: 1}},
	Shipping: order.Shipping{Carrier: "fedex"},
}, screened[1]}

func TestSteps(t *testing.T) {
	t.Parallel()
	check(t, stepRules)
}

// Booking.

// bookingFailure is the event of the first parcel's nth booking that failed.
func bookingFailure(n int, carrier, class string) *order.ShipmentBookingFailed {
	return &order.ShipmentBookingFailed{
		ShipmentID: parcel1, Key: fmt.Sprintf("%s/book/%d", parcel1, n), Carrier: carrier, Class: class, Code: "http_503", Message: "down", Attempts: 9,
	}
}

var (
	toUPS      = &order.ShipmentRerouted{ShipmentID: parcel1, Carrier: "ups"}
	secondTry  = paid.and(bookingFailure(1, "fedex", "rejected"), toUPS)
	secondLast = partlyWithout1.and(bookingFailure(1, "fedex", "rejected"), toUPS)
	// partlyWithout1 has the second parcel under way and the first one still to be booked.
	partlyWithout1 = paid.and(
		&order.ShipmentBooked{ShipmentID: parcel2, Key: parcel2 + "/book/1", Carrier: "fedex", TrackingNumber: "T2"},
		dispatched(parcel2), &order.OrderPartiallyShipped{ShipmentIDs: []string{parcel2}}, committed[1],
	)
	retriedBooking = parkedBooking.and(&order.StepRetried{AttentionID: "att_1"}, &order.ShipmentRerouted{ShipmentID: parcel1, Carrier: "fedex"})
	bothFailed     = badAddress.and(&order.ShipmentBookingFailed{ShipmentID: parcel2, Key: parcel2 + "/book/1", Carrier: "fedex", Class: order.ClassAddress})
)

// parkedBookingAs is the event by which the first parcel's second booking is parked.
func parkedBookingAs(allowed ...string) *order.StepFailed {
	failed := parkedAs(order.BookShipment, parcel1+"/book/2", allowed...)
	failed.ShipmentID, failed.GiveUpAt = parcel1, at(72*time.Hour)
	return failed
}

var bookingRules = map[string]rule{
	"booked": {
		given: paid, when: order.RecordBooking{ShipmentID: parcel1, Key: parcel1 + "/book/1", Carrier: "fedex", TrackingNumber: "T1"},
		then: life{booked1[len(paid)]},
	},
	"booked twice":                 {given: booked1, when: order.RecordBooking{ShipmentID: parcel1, Key: parcel1 + "/book/1", Carrier: "fedex", TrackingNumber: "T1"}},
	"booked under an older key":    {given: secondTry, when: order.RecordBooking{ShipmentID: parcel1, Key: parcel1 + "/book/1", Carrier: "fedex", TrackingNumber: "T1"}},
	"booked for an unknown parcel": {given: paid, when: order.RecordBooking{ShipmentID: "shp_x", Key: "shp_x/book/1"}},
	"booked after the cancellation: a fact that is then to be undone": {
		given: paid.and(cancelling[len(booked):]...), when: order.RecordBooking{ShipmentID: parcel1, Key: parcel1 + "/book/1", Carrier: "fedex", TrackingNumber: "T1"},
		then: life{booked1[len(paid)]},
	},

	"refused for the address: the customer is asked": {
		given: paid, when: failing(paid, order.BookShipment, order.ClassAddress),
		then: life{bookingFailure(1, "fedex", order.ClassAddress), badAddress[len(badAddress)-1]},
	},
	"rejected: the next carrier": {
		given: paid, when: failing(paid, order.BookShipment, "rejected"), then: life{bookingFailure(1, "fedex", "rejected"), toUPS},
	},
	"no capacity: the next carrier": {
		given: paid, when: failing(paid, order.BookShipment, "capacity"), then: life{bookingFailure(1, "fedex", "capacity"), toUPS},
	},
	"unavailable: the next carrier": {
		given: paid, when: failing(paid, order.BookShipment, order.ClassUnavailable), then: life{bookingFailure(1, "fedex", order.ClassUnavailable), toUPS},
	},
	"unknown: the next carrier, and the first booking is to be discarded": {
		given: paid, when: failing(paid, order.BookShipment, order.ClassUnknown), then: life{bookingFailure(1, "fedex", order.ClassUnknown), toUPS},
	},
	"no carrier is left: parked": {
		given: secondTry, when: failing(secondTry, order.BookShipment, order.ClassUnavailable),
		then: life{bookingFailure(2, "ups", order.ClassUnavailable), parkedBookingAs("retry", "reroute", "resolve", "cancel")},
	},
	"no carrier is left and another parcel is off: parked, and the parcel can be cancelled": {
		given: secondLast, when: failing(secondLast, order.BookShipment, order.ClassUnavailable),
		then: life{bookingFailure(2, "ups", order.ClassUnavailable), parkedBookingAs("retry", "reroute", "resolve", "cancel")},
	},
	"rejected by all: another warehouse, where all are asked again": {
		given: secondTry, when: failing(secondTry, order.BookShipment, "rejected"),
		then: life{bookingFailure(2, "ups", "rejected"), &order.ShipmentRerouted{ShipmentID: parcel1, Carrier: "fedex", Exclude: []string{"wh-1"}}},
	},
	"after a retry every carrier is tried again": {
		given: retriedBooking, when: failing(retriedBooking, order.BookShipment, "rejected"), then: life{bookingFailure(3, "fedex", "rejected"), toUPS},
	},
	"the failure of a booking that came after all": {given: booked1, when: failing(paid, order.BookShipment, "rejected")},
}

func TestBookings(t *testing.T) {
	t.Parallel()
	check(t, bookingRules)
}

func TestBookings_ANewAddressLetsAllRefusedParcelsBeBookedUnderNewKeys(t *testing.T) {
	t.Parallel()
	answered := bothFailed.and(&order.ShippingAddressChanged{ShipTo: denver}, &order.CustomerResponded{ActionID: "act_1", Choice: "address"})
	wantKeys(t, answered, parcel1+"/book/2", parcel2+"/book/2")
}

func TestBookings_AnUnknownOneIsDiscardedWhileTheNextIsTried(t *testing.T) {
	t.Parallel()
	wantKeys(t, paid.and(bookingFailure(1, "fedex", order.ClassUnknown), toUPS),
		parcel1+"/book/1/discard", parcel1+"/book/2", parcel2+"/book/1")
}

// Undoing.

var undoRules = map[string]rule{
	"parcel cancelled": {
		given: cancelling, when: order.RecordBookingCancelled{ShipmentID: parcel1}, then: life{&order.ShipmentCancelled{ShipmentID: parcel1}},
	},
	"parcel cancelled twice": {given: cancelling.and(noParcels...), when: order.RecordBookingCancelled{ShipmentID: parcel1}},
	"refunded": {
		given: cancelling.and(noParcels...), when: order.RecordRefund{RefundID: "rf_1", ProviderRef: "re_1"}, then: life{refunded},
	},
	"refunded twice":       {given: cancelling.and(refunded), when: order.RecordRefund{RefundID: "rf_1", ProviderRef: "re_1"}},
	"refunded by no order": {given: cancelling, when: order.RecordRefund{RefundID: "rf_9", ProviderRef: "re_1"}},
	"voided": {
		given: cancellingAuth, when: order.RecordVoid{Key: "ord_1/void/1"}, then: life{&order.PaymentVoided{Key: "ord_1/void/1"}},
	},
	"voided twice":      {given: cancellingAuth.and(&order.PaymentVoided{Key: "ord_1/void/1"}), when: order.RecordVoid{Key: "ord_1/void/1"}},
	"voided when taken": {given: paid, when: order.RecordVoid{Key: "ord_1/void/1"}},
	"goods released, the last thing to be undone: cancelled": {
		given: cancelling.and(noParcels...).and(refunded), when: order.RecordRelease{Key: "ord_1/release/1"},
		then: life{&order.StockReleased{Key: "ord_1/release/1"}, &order.CompensationCompleted{RefundedAmount: 13500}, &order.OrderCancelled{RefundedAmount: 13500}},
	},
	"goods released while the money is not back: not cancelled yet": {
		given: cancelling.and(noParcels...), when: order.RecordRelease{Key: "ord_1/release/1"}, then: life{&order.StockReleased{Key: "ord_1/release/1"}},
	},
	"goods released twice": {
		given: cancelling.and(&order.StockReleased{Key: "ord_1/release/1"}), when: order.RecordRelease{Key: "ord_1/release/1"},
	},
	"goods of one parcel released": {
		given: booked1.and(noParcels[1]), when: order.RecordRelease{Key: parcel2 + "/release/1", ShipmentID: parcel2},
		then: life{&order.StockReleased{Key: parcel2 + "/release/1", ShipmentID: parcel2}},
	},
	"goods committed":       {given: partly, when: order.RecordCommit{Key: parcel1 + "/commit/1", ShipmentID: parcel1}, then: committed[:1]},
	"goods committed twice": {given: partly.and(committed[0]), when: order.RecordCommit{Key: parcel1 + "/commit/1", ShipmentID: parcel1}},
	"booking discarded": {
		given: parkedDiscard, when: order.RecordBookingDiscarded{ShipmentID: parcel1, Key: parcel1 + "/book/1"},
		then: life{&order.BookingDiscarded{ShipmentID: parcel1, Key: parcel1 + "/book/1"}},
	},
	"booking discarded that is none": {given: booked, when: order.RecordBookingDiscarded{ShipmentID: parcel1, Key: parcel1 + "/book/1"}},
	"refund refused: parked until finance has seen to it": {
		given: cancelling.and(noParcels...), when: failing(cancelling.and(noParcels...), order.RefundPayment, "rejected"),
		then: life{
			&order.RefundFailed{RefundID: "rf_1", Amount: 13500, Code: "http_503", Message: "down"},
			parkedAs(order.RefundPayment, "ord_1/refund/rf_1/2", "retry", "resolve", "waive"), notUndone(order.RefundPayment),
		},
	},
	"refund unavailable: parked, and asked again under its key": {
		given: cancelling.and(noParcels...), when: failing(cancelling.and(noParcels...), order.RefundPayment, order.ClassUnavailable),
		then: life{parkedAs(order.RefundPayment, "ord_1/refund/rf_1", "retry", "resolve", "waive"), notUndone(order.RefundPayment)},
	},
	"void unavailable: parked": {
		given: cancellingAuth, when: failing(cancellingAuth, order.VoidPayment, order.ClassUnavailable),
		then: life{parkedAs(order.VoidPayment, "ord_1/void/1", "retry", "resolve", "waive"), notUndone(order.VoidPayment)},
	},
	"release unavailable: parked": {
		given: cancellingEarly, when: failing(cancellingEarly, order.ReleaseStock, order.ClassUnavailable),
		then: life{parkedAs(order.ReleaseStock, "ord_1/release/1", "retry", "resolve", "waive"), notUndone(order.ReleaseStock)},
	},
}

var refunded = &order.RefundIssued{RefundID: "rf_1", Amount: 13500, Currency: "USD", ProviderRef: "re_1"}

func TestUndoing(t *testing.T) {
	t.Parallel()
	check(t, undoRules)
}
