package order_test

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orderly/order"
)

func amendTo(line string, quantity int64) order.AmendOrder {
	return order.AmendOrder{Lines: []order.LineQuantity{{LineID: line, Quantity: quantity}}}
}

// amendedTo is the event of the order with other quantities of its first line, of 5000 each; the second line and the
// shipping make 3500.
func amendedTo(quantity int64) *order.OrderAmended {
	lines := slices.Clone(placed[0].(*order.OrderCreated).Lines)
	lines[0].Quantity = quantity
	return &order.OrderAmended{Lines: lines, Total: quantity*5000 + 3500, ReserveAgain: true}
}

var (
	heldPaid = paid.and(&order.OrderHeld{Code: "manual"})
	// loose are the bookings that may be under way when the amendment comes.
	loose = life{
		&order.ShipmentBookingFailed{
			ShipmentID: parcel1, Key: parcel1 + "/book/1", Carrier: "fedex", Class: order.ClassUnknown, Code: "amended", Message: "the order was amended",
		}, noParcels[0],
		&order.ShipmentBookingFailed{
			ShipmentID: parcel2, Key: parcel2 + "/book/1", Carrier: "fedex", Class: order.ClassUnknown, Code: "amended", Message: "the order was amended",
		}, noParcels[1],
	}
	discards = []string{parcel1 + "/book/1/discard", parcel2 + "/book/1/discard"}
	// amendedUp and amendedDown are paid orders whose goods are reserved anew; the plan goes on when the hold is released.
	amendedUp   = heldPaid.and(loose...).and(amendedTo(3)).and(reservedAnew...).and(&order.OrderReleased{Code: "manual"})
	amendedDown = heldPaid.and(loose...).and(amendedTo(1), &order.RefundRequested{RefundID: "rf_1", Amount: 5000, Reason: "amendment", Amendment: true})

	reservedAnew = life{
		&order.BookingDiscarded{ShipmentID: parcel1, Key: parcel1 + "/book/1"}, &order.BookingDiscarded{ShipmentID: parcel2, Key: parcel2 + "/book/1"},
		&order.StockReleased{Key: "ord_1/release/1"},
		&order.StockReserved{Key: "ord_1/reserve/2", ReservationID: "res_2", Allocations: inTwoWarehouses},
		&order.ShipmentPlanned{ShipmentID: "shp_ord_1_3", Warehouse: "wh-1", Carrier: "fedex"},
	}
	declinedExtra = amendedUp.and(
		&order.PaymentDeclined{Key: "ord_1/auth/2", Code: "card_declined"},
		&order.CustomerActionRequested{
			ActionID: "act_1", Kind: order.ActionPayment, Options: []string{"payment_method", "take_back", "cancel"}, Deadline: *at(testPolicy.PaymentAnswerWithin),
		},
	)
	// takenBack is what follows when the difference is not paid.
	takenBack = life{&order.ShipmentCancelled{ShipmentID: "shp_ord_1_3"}, amendedTo(2)}
)

var amendRules = map[string]rule{
	"before anything is done: just another total": {given: placed, when: amendTo("l1", 3), then: life{amendedTo(3)}},
	"a line less": {
		given: placed, when: amendTo("l1", 0),
		then: life{&order.OrderAmended{Lines: placed[0].(*order.OrderCreated).Lines[1:], Total: 3500, ReserveAgain: true}},
	},
	"when goods are reserved, the parcels are planned anew": {given: reserved, when: amendTo("l1", 3), then: noParcels.and(amendedTo(3))},
	"when authorised":                         {given: authorized, when: amendTo("l1", 1), then: noParcels.and(amendedTo(1))},
	"when paid and held, for more":            {given: heldPaid, when: amendTo("l1", 3), then: loose.and(amendedTo(3))},
	"when paid and held, for less: paid back": {given: heldPaid, when: amendTo("l1", 1), then: amendedDown[len(heldPaid):]},
	"when a carrier refused a parcel and the other one waits for the answer": {
		given: badAddress, when: amendTo("l1", 3), then: life{noParcels[0]}.and(loose[2:]...).and(amendedTo(3)),
	},
	"after a shortage, which answers the question": {given: short, when: amendTo("l1", 1), then: life{amendedTo(1)}},
	"a second time": {
		given: amendedUp, when: amendTo("l1", 4), then: life{&order.ShipmentCancelled{ShipmentID: "shp_ord_1_3"}, amendedTo(4)},
	},

	"not while parcels are being booked":   {given: paid, when: amendTo("l1", 3), refused: "a parcel is booked or being booked"},
	"not when a parcel is booked":          {given: booked1.and(&order.OrderHeld{Code: "manual"}), when: amendTo("l1", 3), refused: "a parcel is booked"},
	"not when shipped":                     {given: shipped, when: amendTo("l1", 3), refused: "the order is shipped"},
	"not when cancelling":                  {given: cancelling, when: amendTo("l1", 3), refused: "the order is cancelling"},
	"not when nobody knows of the money":   {given: outcomeUnknown, when: amendTo("l1", 3), refused: "nobody knows where the money is"},
	"not a line that is none":              {given: placed, when: amendTo("l9", 3), refused: "/lines/0/line_id: the order has no such line"},
	"not too many":                         {given: placed, when: amendTo("l1", 10_001), refused: "/lines/0/quantity"},
	"not less than none":                   {given: placed, when: amendTo("l1", -1), refused: "/lines/0/quantity"},
	"not what is so already":               {given: placed, when: amendTo("l1", 2), refused: "the quantities of the order already"},
	"not a line twice":                     {given: placed, when: order.AmendOrder{Lines: []order.LineQuantity{{"l1", 1}, {"l1", 3}}}, refused: "/lines/1/line_id: the line is named twice"},
	"not to nothing":                       {given: placed, when: order.AmendOrder{Lines: []order.LineQuantity{{"l1", 0}, {"l2", 0}}}, refused: "cancel the order instead"},
	"the answer of an old release is none": {given: amendedUp, when: order.RecordRelease{Key: "ord_1/release/1"}},
	"the goods of before are released": {
		given: reserved.and(noParcels...).and(amendedTo(3)), when: order.RecordRelease{Key: "ord_1/release/1"}, then: life{&order.StockReleased{Key: "ord_1/release/1"}},
	},
	"reserved under the old key": {given: reserved.and(noParcels...).and(amendedTo(3)), when: order.RecordReservation{Key: "ord_1/reserve/1", Allocations: inTwoWarehouses}},
	"reserved anew: parcels with new numbers": {
		given: screened.and(amendedTo(3), &order.StockReleased{Key: "ord_1/release/1"}),
		when:  order.RecordReservation{Key: "ord_1/reserve/2", ReservationID: "res_1", Allocations: inTwoWarehouses},
		then: life{
			&order.StockReserved{Key: "ord_1/reserve/2", ReservationID: "res_1", Allocations: inTwoWarehouses}, reserved[len(screened)+1], reserved[len(screened)+2],
		},
	},

	"the difference is authorised": {
		given: amendedUp, when: order.RecordAuthorization{Key: "ord_1/auth/2", ProviderRef: "pay_2", Amount: 5000},
		then: life{&order.PaymentAuthorized{Key: "ord_1/auth/2", Amount: 5000, Currency: "USD", Method: "card", ProviderRef: "pay_2"}},
	},
	"the difference is declined: another means, or take it back": {
		given: amendedUp, when: order.RecordDecline{Key: "ord_1/auth/2", Code: "card_declined"}, then: declinedExtra[len(amendedUp):],
	},
	"another means for the difference": {
		given: declinedExtra, when: order.ProvidePaymentMethod{Method: "card", Token: "tok_2"}, then: life{&order.PaymentMethodProvided{Method: "card", Token: "tok_2"}},
	},
	"the customer takes the amendment back": {
		given: declinedExtra, when: order.RespondToAction{ActionID: "act_1", Choice: "take_back"},
		then: life{&order.CustomerResponded{ActionID: "act_1", Choice: "take_back"}}.and(takenBack...),
	},
	"no other means for the difference: it is taken back": {
		given: declinedExtra, when: order.PassDeadline{}, after: testPolicy.PaymentAnswerWithin,
		then: life{&order.CustomerResponded{ActionID: "act_1", Choice: "none"}}.and(takenBack...),
	},
	"the difference is declined once too often: it is taken back": {
		given: amendedUp.and(
			&order.PaymentDeclined{Key: "ord_1/auth/2"}, &order.PaymentMethodProvided{}, &order.PaymentDeclined{Key: "ord_1/auth/3"}, &order.PaymentMethodProvided{},
		),
		when: order.RecordDecline{Key: "ord_1/auth/4", Code: "card_declined"},
		then: life{&order.PaymentDeclined{Key: "ord_1/auth/4", Code: "card_declined"}}.and(takenBack...),
	},
	"cancelled with both amounts taken: each capture is paid back": {
		given: amendedUp.and(extraPaid...), when: order.CancelOrder{},
		then: life{
			&order.CancellationRequested{},
			undoing(order.Undo{Step: order.CancelShipment, ShipmentID: "shp_ord_1_3"}, order.Undo{Step: order.RefundPayment, Amount: 18500}, releaseGoods),
			&order.RefundRequested{RefundID: "rf_1", Amount: 5000, Reason: "cancellation", CaptureKey: "ord_1/capture/2"},
			&order.RefundRequested{RefundID: "rf_2", Amount: 13500, Reason: "cancellation", CaptureKey: "ord_1/capture/1"},
		},
	},
	"taken though it was to be given up: the difference is charged": {
		given: replaced, when: order.RecordCapture{Key: "ord_1/capture/1", ProviderRef: "pay_1", Amount: 13500},
		then: life{paid[len(authorized)]},
	},
	"taken though it was to be given up, for less: the difference is paid back": {
		given: authorized.and(noParcels...).and(amendedTo(1)), when: order.RecordCapture{Key: "ord_1/capture/1", ProviderRef: "pay_1", Amount: 13500},
		then: life{paid[len(authorized)], &order.RefundRequested{RefundID: "rf_1", Amount: 5000, Reason: "amendment", Amendment: true}},
	},
}

var (
	extraPaid = life{
		&order.PaymentAuthorized{Key: "ord_1/auth/2", Amount: 5000, Currency: "USD", Method: "card", ProviderRef: "pay_2"},
		&order.PaymentReceived{Key: "ord_1/capture/2", Amount: 5000, Currency: "USD", Method: "card", ProviderRef: "cap_2"},
	}
	replaced = authorized.and(noParcels...).and(amendedTo(3), &order.StockReleased{Key: "ord_1/release/1"}).and(reservedAnew[3:]...)
)

func TestAmendments(t *testing.T) {
	t.Parallel()
	check(t, amendRules)
}

// TestAmendments_ThePlanFollows: goods first, then the money, then the parcels, each under a new key.
func TestAmendments_ThePlanFollows(t *testing.T) {
	t.Parallel()
	voided := &order.PaymentVoided{Key: "ord_1/void/1"}
	for name, test := range map[string]struct {
		given life
		keys  []string
	}{
		"what is reserved is released first":         {reserved.and(noParcels...).and(amendedTo(3)), []string{"ord_1/release/1"}},
		"what may be reserved, too":                  {screened.and(amendedTo(3)), []string{"ord_1/release/1"}},
		"then it is reserved anew":                   {screened.and(amendedTo(3), &order.StockReleased{Key: "ord_1/release/1"}), []string{"ord_1/reserve/2"}},
		"the old authorisation is given up":          {replaced, []string{"ord_1/void/1"}},
		"then the new total is authorised":           {replaced.and(voided), []string{"ord_1/auth/2"}},
		"taken after all: the difference":            {replaced.and(paid[len(authorized)]), []string{"ord_1/auth/2"}},
		"paid: the difference under a new key":       {amendedUp, []string{"ord_1/auth/2"}},
		"and its capture":                            {amendedUp.and(extraPaid[0]), []string{"ord_1/capture/2"}},
		"then the parcels are booked":                {amendedUp.and(extraPaid...), []string{"shp_ord_1_3/book/1"}},
		"for less: only the refund, as it is held":   {amendedDown, append([]string{"ord_1/refund/rf_1"}, discards...)},
		"cancelled while the difference is open":     {amendedUp.and(extraPaid[0], &order.CancellationRequested{}).and(takenBack[0]), []string{"ord_1/void/2"}},
		"cancelled while goods are reserved anew":    {screened.and(amendedTo(3), &order.CancellationRequested{}), []string{"ord_1/release/1", "ord_1/release/2"}},
		"cancelled while an authorisation is closed": {replaced.and(&order.CancellationRequested{}).and(takenBack[0]), []string{"ord_1/void/1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantKeys(t, test.given, test.keys...)
		})
	}
}

// TestAmendments_ChargeWhatIsDue tells the amounts of the charges that follow.
func TestAmendments_ChargeWhatIsDue(t *testing.T) {
	t.Parallel()
	voided := &order.PaymentVoided{Key: "ord_1/void/1"}
	for name, test := range map[string]struct {
		given life
		due   int64
	}{
		"nothing was taken":       {replaced.and(voided), 18500},
		"the first total was":     {amendedUp, 5000},
		"both were":               {amendedUp.and(extraPaid...), 0},
		"the rest was given back": {amendedDown, 0},
		"it was taken back":       {declinedExtra.and(takenBack...), 0},
	} {
		if got := stateOf(test.given).Due(); got != test.due {
			t.Errorf("%s: %d are due, want %d", name, got, test.due)
		}
	}
}

// TestAmendments_TaxAndDiscountFollowTheQuantity: rounded down, and nothing overflows.
func TestAmendments_TaxAndDiscountFollowTheQuantity(t *testing.T) {
	t.Parallel()
	line := order.Line{LineID: "l1", SKU: "SKU-1", Quantity: 3, UnitPrice: 1000, Tax: 100, Discount: 50}
	for quantity, want := range map[int64]order.Line{
		1: {LineID: "l1", SKU: "SKU-1", Quantity: 1, UnitPrice: 1000, Tax: 33, Discount: 16},
		2: {LineID: "l1", SKU: "SKU-1", Quantity: 2, UnitPrice: 1000, Tax: 66, Discount: 33},
		7: {LineID: "l1", SKU: "SKU-1", Quantity: 7, UnitPrice: 1000, Tax: 233, Discount: 116},
	} {
		state := stateOf(life{&order.OrderCreated{Lines: []order.Line{line}, Total: 3050}})
		events, err := order.Decide(state, order.Command{ID: "c", At: start, Body: amendTo("l1", quantity)}, testPolicy)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, events[0].(*order.OrderAmended).Lines[0]); diff != "" {
			t.Errorf("%d pieces: - want, + got:\n%s", quantity, diff)
		}
	}
	line.Tax = math.MaxInt64 / 2
	huge := stateOf(life{&order.OrderCreated{Lines: []order.Line{line}}})
	if _, err := order.Decide(huge, order.Command{ID: "c", At: start, Body: amendTo("l1", 10_000)}, testPolicy); err == nil {
		t.Error("a tax beyond 64 bits was accepted")
	}
}

// TestAmend_GoodsThatAParcelHasOfItsOwn_AreReleased: a parcel that was to go from another warehouse has a reservation apart from the
// order's, which is released apart from it, too.
func TestAmend_GoodsThatAParcelHasOfItsOwn_AreReleased(t *testing.T) {
	t.Parallel()
	elsewhere := paid.and(
		&order.StockReserved{Key: parcel1 + "/reserve/1", ShipmentID: parcel1, Allocations: inWarehouse("wh-9")},
		&order.ShipmentCancelled{ShipmentID: parcel1}, &order.ShipmentCancelled{ShipmentID: parcel2},
		&order.OrderAmended{ReserveAgain: true, Total: 13500, Lines: stateOf(paid).Lines},
	)
	var released []string
	for _, step := range order.PlanFor(stateOf(elsewhere), testPolicy).Steps {
		if step.Name == order.ReleaseStock {
			released = append(released, step.Key)
		}
	}
	slices.Sort(released)
	if want := []string{"ord_1/release/1", parcel1 + "/reserve/1/release"}; !slices.Equal(released, want) {
		t.Errorf("released: %v, want %v", released, want)
	}
}

// TestAmend_ToTheSameTotal_WhatMayBeAuthorizedIsVoided: the authorisation was asked for when the goods were reserved. The amendment
// asks for no other one, and the order is cancelled before the goods are reserved again.
func TestAmend_ToTheSameTotal_WhatMayBeAuthorizedIsVoided(t *testing.T) {
	t.Parallel()
	same := *amendedTo(3)
	same.Total = stateOf(reserved).Total
	amended := reserved.and(noParcels...).and(&same)
	if steps := order.PlanFor(stateOf(amended), testPolicy).Steps; slices.ContainsFunc(steps, func(s order.Step) bool { return s.Name == order.VoidPayment }) {
		t.Errorf("while the order goes on: %+v", steps)
	}
	events, err := order.Decide(stateOf(amended), order.Command{ID: "cancel", Fresh: true, At: start, Body: order.CancelOrder{}}, testPolicy)
	if err != nil {
		t.Fatal(err)
	}
	if got := planned(amended.and(events...), order.VoidPayment); got.Key != "ord_1/void/1" {
		t.Errorf("the void is %+v", got)
	}
}
