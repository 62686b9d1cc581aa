package order_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"orderly/order"
)

// Placing.

var placingRules = map[string]rule{
	"an order that adds up is placed":            {when: place(nil), then: placed},
	"an order without lines is refused":          {when: place(func(o *order.OrderCreated) { o.Lines = nil }), refused: "/lines"},
	"a total that is not the sum is refused":     {when: place(func(o *order.OrderCreated) { o.Total++ }), refused: "/total"},
	"a line without pieces is refused":           {when: place(func(o *order.OrderCreated) { o.Lines[1].Quantity = 0 }), refused: "/lines/1"},
	"a negative price is refused":                {when: place(func(o *order.OrderCreated) { o.Lines[0].UnitPrice = -1 }), refused: "/lines/0"},
	"a negative tax is refused":                  {when: place(func(o *order.OrderCreated) { o.Lines[0].Tax = -1 }), refused: "/lines/0"},
	"a negative discount is refused":             {when: place(func(o *order.OrderCreated) { o.Lines[0].Discount = -1 }), refused: "/lines/0"},
	"a discount beyond the goods is refused":     {when: place(func(o *order.OrderCreated) { o.Lines[0].Discount = 10001 }), refused: "/lines/0"},
	"a line beyond 64 bits is refused":           {when: place(func(o *order.OrderCreated) { o.Lines[0].Quantity = math.MaxInt64 }), refused: "/lines/0"},
	"a total beyond 64 bits is refused":          {when: place(func(o *order.OrderCreated) { o.ShippingFee = math.MaxInt64 }), refused: "/total"},
	"a negative shipping fee is refused":         {when: place(func(o *order.OrderCreated) { o.ShippingFee, o.Total = -1, 12999 }), refused: "/shipping_fee"},
	"an id of an order that is there is refused": {given: cancelled, when: place(nil), refused: "there is an order"},
}

func place(change func(*order.OrderCreated)) order.PlaceOrder {
	created := *placed[0].(*order.OrderCreated)
	created.Lines = slices.Clone(created.Lines)
	if change != nil {
		change(&created)
	}
	return order.PlaceOrder{OrderCreated: created}
}

func TestPlacing(t *testing.T) {
	t.Parallel()
	check(t, placingRules)
}

// What a customer wants.

var (
	declinedOnce = reserved.and(
		&order.PaymentDeclined{Key: "ord_1/auth/1", Code: "card_declined"},
		&order.CustomerActionRequested{ActionID: "act_1", Kind: order.ActionPayment, Options: []string{"payment_method", "cancel"}, Deadline: *at(24 * time.Hour)},
	)
	short = screened.and(
		&order.StockShortageDetected{Key: "ord_1/reserve/1", Missing: []order.Allocation{{LineID: "l1", SKU: "SKU-1", Quantity: 1}}},
		&order.CustomerActionRequested{ActionID: "act_1", Kind: order.ActionShortage, Options: []string{"ship_available", "retry", "cancel"}, Deadline: *at(72 * time.Hour)},
	)
	badAddress = paid.and(
		&order.ShipmentBookingFailed{ShipmentID: parcel1, Key: parcel1 + "/book/1", Carrier: "fedex", Class: order.ClassAddress},
		&order.CustomerActionRequested{ActionID: "act_1", Kind: order.ActionAddress, Options: []string{"address", "cancel"}, Deadline: *at(72 * time.Hour)},
	)
	noParcels = life{&order.ShipmentCancelled{ShipmentID: parcel1}, &order.ShipmentCancelled{ShipmentID: parcel2}}
	denver    = order.ClearShipTo(order.Address{City: "Denver"})
)

var customerRules = map[string]rule{
	"cancelled before anything was done, it is cancelled at once": {
		given: placed, when: order.CancelOrder{}, reason: "changed my mind",
		then: life{&order.CancellationRequested{Reason: "changed my mind"}, &order.OrderCancelled{}},
	},
	"cancelled while goods may be being reserved, it waits for their release": {
		given: screened, when: order.CancelOrder{}, then: life{&order.CancellationRequested{}, undoing(releaseGoods)},
	},
	"cancelled before the payment, no parcel is sent": {
		given: reserved, when: order.CancelOrder{}, then: life{&order.CancellationRequested{}, undoing(voidPayment, releaseGoods)}.and(noParcels...),
	},
	"cancelled with an authorisation, it waits for the void": {
		given: authorized, when: order.CancelOrder{}, then: life{&order.CancellationRequested{}, undoing(voidPayment, releaseGoods)}.and(noParcels...),
	},
	"cancelled when paid, the money goes back; a booking may be under way": {
		given: paid, when: order.CancelOrder{},
		then: life{&order.CancellationRequested{}, undoing(cancelParcel1, cancelParcel2, payBack, releaseGoods), &order.RefundRequested{RefundID: "rf_1", Amount: 13500, Reason: "cancellation"}},
	},
	"cancelled when booked, the money goes back": {
		given: booked, when: order.CancelOrder{},
		then: life{&order.CancellationRequested{}, undoing(cancelParcel1, cancelParcel2, payBack, releaseGoods), &order.RefundRequested{RefundID: "rf_1", Amount: 13500, Reason: "cancellation"}},
	},
	"cancelled while held, the hold is no hindrance": {
		given: placed.and(&order.OrderHeld{Code: "manual"}), when: order.CancelOrder{},
		then: life{&order.CancellationRequested{}, &order.OrderCancelled{}},
	},
	"not cancelled once a parcel is under way": {given: partly, when: order.CancelOrder{}, refused: "the order is partially_shipped"},
	"not cancelled when shipped":               {given: shipped, when: order.CancelOrder{}, refused: "every shipment has left"},
	"not cancelled when delivered":             {given: delivered, when: order.CancelOrder{}, refused: "every shipment has left"},
	"not cancelled when closed":                {given: closed, when: order.CancelOrder{}, refused: "every shipment has left"},
	"not cancelled twice":                      {given: cancelling, when: order.CancelOrder{}, refused: "the order is cancelling"},
	"not cancelled when cancelled":             {given: cancelled, when: order.CancelOrder{}, refused: "the order is cancelled"},

	"another means of payment after a decline": {
		given: declinedOnce, when: order.ProvidePaymentMethod{Method: "sepa", Token: "tok_2"},
		then: life{&order.PaymentMethodProvided{Method: "sepa", Token: "tok_2"}},
	},
	"another means of payment before anything began": {
		given: placed, when: order.ProvidePaymentMethod{Method: "sepa", Token: "tok_2"},
		then: life{&order.PaymentMethodProvided{Method: "sepa", Token: "tok_2"}},
	},
	"no other means while it is being charged": {given: reserved, when: order.ProvidePaymentMethod{}, refused: "the payment is under way"},
	"no other means when paid":                 {given: paid, when: order.ProvidePaymentMethod{}, refused: "the payment is under way or done"},

	"another address before the payment": {
		given: authorized, when: order.ChangeAddress{ShipTo: denver}, then: life{&order.ShippingAddressChanged{ShipTo: denver}},
	},
	"another address when a carrier refused the first, which answers the question": {
		given: badAddress, when: order.ChangeAddress{ShipTo: denver},
		then: life{&order.ShippingAddressChanged{ShipTo: denver}, &order.CustomerResponded{ActionID: "act_1", Choice: "address"}},
	},
	"no other address while parcels are being booked": {given: paid, when: order.ChangeAddress{}, refused: "a parcel is being booked, or is booked or under way"},
	"no other address on parcels that are booked":     {given: booked, when: order.ChangeAddress{}, refused: "a parcel is being booked, or is booked or under way"},
	"no other address when all are under way":         {given: shipped, when: order.ChangeAddress{}, refused: "a parcel is being booked, or is booked or under way"},

	"a shortage: send what is there": {
		given: short, when: order.RespondToAction{ActionID: "act_1", Choice: "ship_available"},
		then: life{&order.CustomerResponded{ActionID: "act_1", Choice: "ship_available"}, &order.OrderAmended{Total: 8500, Lines: []order.Line{
			{LineID: "l1", SKU: "SKU-1", Quantity: 1, UnitPrice: 5000}, {LineID: "l2", SKU: "SKU-2", Quantity: 1, UnitPrice: 3000},
		}}},
	},
	"a shortage: try again": {
		given: short, when: order.RespondToAction{ActionID: "act_1", Choice: "retry"},
		then: life{&order.CustomerResponded{ActionID: "act_1", Choice: "retry"}},
	},
	"a shortage: cancel": {
		given: short, when: order.RespondToAction{ActionID: "act_1", Choice: "cancel"},
		then: life{
			&order.CustomerResponded{ActionID: "act_1", Choice: "cancel"},
			&order.CancellationRequested{Reason: "the customer chose so"}, &order.OrderCancelled{},
		},
	},
	"a decline: cancel, and the goods are still to be released": {
		given: declinedOnce, when: order.RespondToAction{ActionID: "act_1", Choice: "cancel"},
		then: life{
			&order.CustomerResponded{ActionID: "act_1", Choice: "cancel"}, &order.CancellationRequested{Reason: "the customer chose so"}, undoing(releaseGoods),
		}.and(noParcels...),
	},
	"a decline is answered by the new means": {
		given: declinedOnce, when: order.RespondToAction{ActionID: "act_1", Choice: "payment_method"}, refused: "sending the new payment_method",
	},
	"a refused address is answered by the new one": {
		given: badAddress, when: order.RespondToAction{ActionID: "act_1", Choice: "address"}, refused: "sending the new address",
	},
	"no choice that was not offered":      {given: short, when: order.RespondToAction{ActionID: "act_1", Choice: "pony"}, refused: "/choice"},
	"no answer to another question":       {given: short, when: order.RespondToAction{ActionID: "act_9", Choice: "retry"}, refused: "not asked act_9"},
	"no answer where nothing is asked":    {given: paid, when: order.RespondToAction{ActionID: "act_1"}, refused: "not asked anything"},
	"no answer after it was cancelled":    {given: cancelled, when: order.RespondToAction{ActionID: "act_1"}, refused: "the order is cancelled"},
	"no command to an order never placed": {when: order.CancelOrder{}, refused: "no such order"},
}

func TestCustomers(t *testing.T) {
	t.Parallel()
	check(t, customerRules)
}

// What an operator wants.

var (
	held    = paid.and(&order.OrderHeld{Code: "manual"})
	refused = paid.and(&order.ShipmentBookingFailed{ShipmentID: parcel1, Key: parcel1 + "/book/1", Carrier: "fedex", Class: "rejected"})
)

var operatorRules = map[string]rule{
	"hold": {given: paid, when: order.HoldOrder{Code: "manual"}, then: life{&order.OrderHeld{Code: "manual"}}},
	"hold until": {
		given: placed, when: order.HoldOrder{Code: "manual", Until: at(time.Hour)}, then: life{&order.OrderHeld{Code: "manual", Until: at(time.Hour)}},
	},
	"hold with a second code":       {given: held, when: order.HoldOrder{Code: "stock"}, then: life{&order.OrderHeld{Code: "stock"}}},
	"not held twice with one code":  {given: held, when: order.HoldOrder{Code: "manual"}, refused: "held with code manual already"},
	"not held once a parcel is off": {given: partly, when: order.HoldOrder{Code: "manual"}, refused: "the order is partially_shipped"},
	"not held while cancelling":     {given: cancelling, when: order.HoldOrder{Code: "manual"}, refused: "the order is cancelling"},

	"release":                           {given: held, when: order.ReleaseOrder{Code: "manual"}, then: life{&order.OrderReleased{Code: "manual"}}},
	"not released from another hold":    {given: held, when: order.ReleaseOrder{Code: "stock"}, refused: "not held with code stock"},
	"not released when nothing is held": {given: paid, when: order.ReleaseOrder{Code: "manual"}, refused: "the order is not held"},

	"a note in any status":   {given: partly, when: order.AddNote{Text: "x"}, then: life{&order.OrderNoteAdded{Text: "x"}}},
	"a note when closed":     {given: closed, when: order.AddNote{Text: "x"}, then: life{&order.OrderNoteAdded{Text: "x"}}},
	"a note when cancelled":  {given: cancelled, when: order.AddNote{Text: "x"}, then: life{&order.OrderNoteAdded{Text: "x"}}},
	"a note when cancelling": {given: cancelling, when: order.AddNote{Text: "x"}, then: life{&order.OrderNoteAdded{Text: "x"}}},

	"reroute while a booking may be under way: that one is to be discarded": {
		given: paid, when: order.RerouteShipment{ShipmentID: parcel2, Carrier: "dhl"},
		then: life{
			&order.ShipmentBookingFailed{
				ShipmentID: parcel2, Key: parcel2 + "/book/1", Carrier: "fedex", Class: order.ClassUnknown,
				Code: "rerouted", Message: "an operator chose another way",
			},
			&order.ShipmentRerouted{ShipmentID: parcel2, Carrier: "dhl"},
		},
	},
	"reroute what a carrier refused: nothing is to be discarded": {
		given: refused, when: order.RerouteShipment{ShipmentID: parcel1, Carrier: "dhl"},
		then: life{&order.ShipmentRerouted{ShipmentID: parcel1, Carrier: "dhl"}},
	},
	"not rerouted when it is booked":   {given: booked1, when: order.RerouteShipment{ShipmentID: parcel1, Carrier: "dhl"}, refused: parcel1 + " is booked"},
	"not rerouted when all are booked": {given: booked, when: order.RerouteShipment{ShipmentID: parcel1, Carrier: "dhl"}, refused: "no parcel waits to be booked"},
	"not rerouted before it is paid":   {given: reserved, when: order.RerouteShipment{ShipmentID: parcel1, Carrier: "dhl"}, refused: "the order is created"},
	"no parcel of another order":       {given: paid, when: order.RerouteShipment{ShipmentID: "shp_ord_2_1", Carrier: "dhl"}, refused: "/shipment_id"},
}

func TestOperators(t *testing.T) {
	t.Parallel()
	check(t, operatorRules)
}
