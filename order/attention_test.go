package order_test

import (
	"testing"
	"time"

	"orderly/order"
)

// parked is a life in which a step waits for an operator as att_1.
func parked(given life, step order.StepName, shipmentID, key string, allowed ...string) life {
	return given.and(&order.StepFailed{
		AttentionID: "att_1", Step: step, ShipmentID: shipmentID, Key: key, Code: "http_503", Message: "down", Attempts: 9,
		Allowed: allowed, NextRetryAt: at(time.Hour),
	})
}

var (
	parkedScreening  = parked(placed, order.ScreenFraud, "", "ord_1/fraud/1", "retry", "skip", "cancel")
	parkedStock      = parked(screened, order.ReserveStock, "", "ord_1/reserve/1", "retry", "cancel")
	parkedAuthorize  = parked(reserved, order.AuthorizePayment, "", "ord_1/auth/1", "retry", "resolve", "cancel")
	parkedCapture    = parked(authorized, order.CapturePayment, "", "ord_1/capture/1", "retry", "resolve", "cancel")
	parkedBooking    = parked(triedAll(paid, parcel1), order.BookShipment, parcel1, parcel1+"/book/2", "retry", "reroute", "resolve", "cancel")
	parkedPickup     = parked(booked, order.AwaitPickup, parcel1, parcel1+"/book/1", "retry", "resolve", "cancel")
	parkedDelivery   = parked(shipped, order.AwaitDelivery, parcel1, parcel1+"/book/1", "retry", "resolve")
	parkedCommit     = parked(partly, order.CommitStock, parcel1, parcel1+"/commit/1", "retry", "resolve")
	parkedCancelling = parked(cancelling, order.CancelShipment, parcel1, parcel1+"/cancel/1", "retry", "resolve", "waive")
	parkedVoid       = parked(cancellingAuth, order.VoidPayment, "", "ord_1/void/1", "retry", "resolve", "waive")
	parkedRefund     = parked(cancelling.and(noParcels...), order.RefundPayment, "", "ord_1/refund/rf_1", "retry", "resolve", "waive")
	parkedRelease    = parked(cancellingEarly, order.ReleaseStock, "", "ord_1/release/1", "retry", "resolve", "waive")
	parkedDiscard    = parked(
		paid.and(
			&order.ShipmentBookingFailed{ShipmentID: parcel1, Key: parcel1 + "/book/1", Carrier: "fedex", Class: order.ClassUnknown},
			&order.ShipmentRerouted{ShipmentID: parcel1, Carrier: "ups"},
		),
		order.DiscardBooking, parcel1, parcel1+"/book/1/discard", "retry", "resolve", "waive",
	)
)

// triedAll is a life in which both carriers refused a parcel.
func triedAll(given life, parcel string) life {
	return given.and(
		&order.ShipmentBookingFailed{ShipmentID: parcel, Key: parcel + "/book/1", Carrier: "fedex", Class: "rejected"},
		&order.ShipmentRerouted{ShipmentID: parcel, Carrier: "ups"},
		&order.ShipmentBookingFailed{ShipmentID: parcel, Key: parcel + "/book/2", Carrier: "ups", Class: "capacity"},
	)
}

func byHand(ref string) order.ResolveStep {
	return order.ResolveStep{AttentionID: "att_1", ExternalRef: ref}
}

// resolved is what follows when a step was done by hand.
func resolved(ref string, events ...order.Event) life {
	return life{&order.StepResolved{AttentionID: "att_1", ExternalRef: ref}}.and(events...)
}

var attentionRules = map[string]rule{
	"retry": {given: parkedStock, when: order.RetryStep{AttentionID: "att_1"}, then: life{&order.StepRetried{AttentionID: "att_1"}}},
	"retry of a booking begins with the customer's wish again": {
		given: parkedBooking, when: order.RetryStep{AttentionID: "att_1"},
		then: life{&order.StepRetried{AttentionID: "att_1"}, &order.ShipmentRerouted{ShipmentID: parcel1, Carrier: "fedex"}},
	},
	"retry of a wait waits again":      {given: parkedPickup, when: order.RetryStep{AttentionID: "att_1"}, then: life{&order.StepRetried{AttentionID: "att_1"}}},
	"no retry where nothing is parked": {given: paid, when: order.RetryStep{AttentionID: "att_1"}, refused: "no step waits for attention"},
	"no retry of what is parked no more": {
		given: parkedStock, when: order.RetryStep{AttentionID: "att_7"}, refused: "att_7 does not need attention (any more)",
	},

	"skip of the screening": {given: parkedScreening, when: order.SkipStep{AttentionID: "att_1"}, then: life{&order.StepSkipped{AttentionID: "att_1"}}},
	"no skip of the stock":  {given: parkedStock, when: order.SkipStep{AttentionID: "att_1"}, refused: "skip of ReserveStock is not possible"},
	"no skip of a payment":  {given: parkedCapture, when: order.SkipStep{AttentionID: "att_1"}, refused: "skip of CapturePayment is not possible"},

	"authorised by hand": {
		given: parkedAuthorize, when: byHand("pay_9"),
		then: resolved("pay_9", &order.PaymentAuthorized{Key: "ord_1/auth/1", Amount: 13500, Currency: "USD", Method: "card", ProviderRef: "pay_9"}),
	},
	"captured by hand": {
		given: parkedCapture, when: byHand("pay_9"),
		then: resolved("pay_9", &order.PaymentReceived{Key: "ord_1/capture/1", Amount: 13500, Currency: "USD", Method: "card", ProviderRef: "pay_9"}),
	},
	"booked by hand": {
		given: parkedBooking, when: byHand("T9"),
		then: resolved("T9", &order.ShipmentBooked{ShipmentID: parcel1, Key: parcel1 + "/book/2", Carrier: "ups", TrackingNumber: "T9"}),
	},
	"committed by hand": {
		given: parkedCommit, when: byHand(""), then: resolved("", &order.StockCommitted{Key: parcel1 + "/commit/1", ShipmentID: parcel1}),
	},
	"picked up, as the warehouse says": {
		given: parkedPickup, when: byHand("signature"), after: time.Minute,
		then: resolved("signature",
			&order.ShipmentDispatched{ShipmentID: parcel1, CarrierScan: order.CarrierScan{At: *at(time.Minute), Proof: "signature"}},
			&order.OrderPartiallyShipped{ShipmentIDs: []string{parcel1}}),
	},
	"arrived, as the customer says": {
		given: parkedDelivery, when: byHand("call"), after: time.Minute,
		then: resolved("call", &order.ShipmentDelivered{ShipmentID: parcel1, CarrierScan: order.CarrierScan{At: *at(time.Minute), Proof: "call"}}),
	},
	"discarded by hand": {
		given: parkedDiscard, when: byHand(""), then: resolved("", &order.BookingDiscarded{ShipmentID: parcel1, Key: parcel1 + "/book/1"}),
	},
	"parcel cancelled by hand": {
		given: parkedCancelling, when: byHand(""), then: resolved("", &order.ShipmentCancelled{ShipmentID: parcel1}),
	},
	"voided by hand": {given: parkedVoid, when: byHand(""), then: resolved("", &order.PaymentVoided{Key: "ord_1/void/1"})},
	"released by hand, which is the end": {
		given: parkedRelease, when: byHand(""), then: resolved("", &order.StockReleased{Key: "ord_1/release/1"}, &order.CompensationCompleted{}, &order.OrderCancelled{}),
	},
	"refunded by hand": {
		given: parkedRefund, when: byHand("re_9"),
		then: resolved("re_9", &order.RefundIssued{RefundID: "rf_1", Amount: 13500, Currency: "USD", ProviderRef: "re_9"}),
	},
	"not authorised by hand without a proof": {given: parkedAuthorize, when: byHand(""), refused: "/external_ref"},
	"not captured by hand without a proof":   {given: parkedCapture, when: byHand(""), refused: "/external_ref"},
	"not booked by hand without a proof":     {given: parkedBooking, when: byHand(""), refused: "/external_ref"},
	"not refunded by hand without a proof":   {given: parkedRefund, when: byHand(""), refused: "/external_ref"},
	"no screening by hand":                   {given: parkedScreening, when: byHand("x"), refused: "resolve of ScreenFraud is not possible"},
}

func TestParkedSteps(t *testing.T) {
	t.Parallel()
	check(t, attentionRules)
}

// TestParkedSteps_AnyRepairTakesTheAttentionAway: an order that was repaired does not ask for it any more.
func TestParkedSteps_AnyRepairTakesTheAttentionAway(t *testing.T) {
	t.Parallel()
	for name, rule := range attentionRules {
		if rule.refused != "" {
			continue
		}
		if left := stateOf(rule.given.and(rule.then...)).Attention; len(left) != 0 {
			t.Errorf("%s: still parked are %+v", name, left)
		}
	}
}
