package order_test

import (
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"orderly/order"
)

// news is what a carrier says of a parcel.
func news(parcel, status string) order.RecordCarrierUpdate {
	return order.RecordCarrierUpdate{EventID: "evt_" + status, ShipmentID: parcel, Status: status, At: *at(time.Minute), Location: "Austin"}
}

var (
	// inferred is a scan that a later one implies.
	inferred = order.CarrierScan{At: *at(time.Minute)}
	lost     = life{&order.ShipmentLost{ShipmentID: parcel1, CarrierScan: scan("lost")}, failedParcel("att_1", parcel1, "lost")}
)

// scan is how the word is recorded.
func scan(status string) order.CarrierScan {
	return order.CarrierScan{EventID: "evt_" + status, At: *at(time.Minute), Location: "Austin"}
}

func note(format string, args ...any) life {
	return life{&order.OrderNoteAdded{Text: fmt.Sprintf(format, args...)}}
}

var newsRules = map[string]rule{
	"the first parcel is off: partially shipped": {
		given: booked, when: news(parcel1, "dispatched"),
		then: life{&order.ShipmentDispatched{ShipmentID: parcel1, CarrierScan: scan("dispatched")}, &order.OrderPartiallyShipped{ShipmentIDs: []string{parcel1}}},
	},
	"the last parcel is off: shipped": {
		given: partly, when: news(parcel2, "dispatched"),
		then: life{&order.ShipmentDispatched{ShipmentID: parcel2, CarrierScan: scan("dispatched")}, &order.OrderShipped{TrackingNumbers: []string{"T1", "T2"}}},
	},
	"on its last way": {
		given: shipped, when: news(parcel1, "out_for_delivery"),
		then: life{&order.ShipmentOutForDelivery{ShipmentID: parcel1, CarrierScan: scan("out_for_delivery")}},
	},
	"arrived while others are under way": {
		given: shipped, when: news(parcel1, "delivered"), then: life{&order.ShipmentDelivered{ShipmentID: parcel1, CarrierScan: scan("delivered")}},
	},
	"the last one has arrived: delivered": {
		given: shipped.and(arrived(parcel1)), when: news(parcel2, "delivered"),
		then: life{&order.ShipmentDelivered{ShipmentID: parcel2, CarrierScan: scan("delivered")}, &order.OrderDelivered{}},
	},
	"on its last way before it was off: that was not told": {
		given: booked, when: news(parcel1, "out_for_delivery"),
		then: life{
			&order.ShipmentDispatched{ShipmentID: parcel1, CarrierScan: inferred},
			&order.ShipmentOutForDelivery{ShipmentID: parcel1, CarrierScan: scan("out_for_delivery")},
			&order.OrderPartiallyShipped{ShipmentIDs: []string{parcel1}},
		},
	},
	"arrived before it was off: that was not told": {
		given: booked, when: news(parcel1, "delivered"),
		then: life{
			&order.ShipmentDispatched{ShipmentID: parcel1, CarrierScan: inferred},
			&order.ShipmentDelivered{ShipmentID: parcel1, CarrierScan: scan("delivered")},
			&order.OrderPartiallyShipped{ShipmentIDs: []string{parcel1}},
		},
	},
	"told twice":    {given: partly, when: news(parcel1, "dispatched")},
	"told too late": {given: shipped.and(arrived(parcel1)), when: news(parcel1, "out_for_delivery")},

	"one try failed": {
		given: shipped, when: news(parcel1, "attempt_failed"), then: life{&order.ShipmentDeliveryAttemptFailed{ShipmentID: parcel1, CarrierScan: scan("attempt_failed")}},
	},
	"lost: parked":      {given: shipped, when: news(parcel1, "lost"), then: lost},
	"lost, told twice":  {given: shipped.and(lost...), when: news(parcel1, "lost")},
	"lost, but it came": {given: shipped.and(lost...), when: news(parcel1, "delivered"), then: life{&order.ShipmentDelivered{ShipmentID: parcel1, CarrierScan: scan("delivered")}}},

	"before it was booked: refused, the carrier tells again later": {given: paid, when: news(parcel1, "dispatched"), refused: parcel1 + " is not booked yet"},
	"of an unknown parcel":                  {given: booked, when: news("shp_ord_2_1", "dispatched"), refused: "no such shipment"},
	"a word that is none":                   {given: booked, when: news(parcel1, "teleported"), refused: "/status"},
	"while the order is cancelled: a note":  {given: cancelling, when: news(parcel1, "dispatched"), then: note("fedex says of %s: dispatched", parcel1)},
	"of a cancelled parcel: a note":         {given: booked.and(noParcels[0]), when: news(parcel1, "delivered"), then: note("fedex says of %s: delivered", parcel1)},
	"after the order was closed: a note":    {given: closed, when: news(parcel1, "returned"), then: note("fedex says of %s: returned", parcel1)},
	"after the order was cancelled: a note": {given: cancelledLate, when: news(parcel1, "delivered"), then: note("fedex says of %s: delivered", parcel1)},
}

var cancelledLate = cancelling.and(noParcels...).and(refunded, &order.StockReleased{Key: "ord_1/release/1"}, &order.OrderCancelled{RefundedAmount: 13500})

func TestCarriersNews(t *testing.T) {
	t.Parallel()
	check(t, newsRules)
}

// TestCarriersNews_InAnyOrder: whatever comes first, late or twice, in the end the order stands where it should.
func TestCarriersNews_InAnyOrder(t *testing.T) {
	t.Parallel()
	one := []order.Body{news(parcel1, "dispatched"), news(parcel1, "out_for_delivery"), news(parcel1, "delivered")}
	other := []order.Body{news(parcel2, "dispatched"), news(parcel2, "out_for_delivery"), news(parcel2, "delivered")}
	tests := map[string]struct {
		updates []order.Body
		status  order.Status
		parcel2 order.ShipmentStatus
	}{
		"of one parcel, each twice": {slices.Concat(one, one), order.PartiallyShipped, order.ShipmentIsBooked},
		"of both parcels":           {slices.Concat(one, other), order.Delivered, order.ShipmentIsDelivered},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var first order.State
			for permutation := range permutations(len(test.updates)) {
				got := after(t, permutation, test.updates)
				if first.Status == "" {
					first = got
				}
				if got.Status != test.status || got.Shipments[0].Status != order.ShipmentIsDelivered || got.Shipments[1].Status != test.parcel2 {
					t.Fatalf("%v: got %s with %+v", permutation, got.Status, got.Shipments)
				}
				if diff := cmp.Diff(first, got, cmpopts.IgnoreFields(order.State{}, "Version", "RecentCommands", "OlderCommands")); diff != "" {
					t.Fatalf("%v leads elsewhere:\n%s", permutation, diff)
				}
			}
		})
	}
}

// after is the booked order after the updates in an order.
func after(t *testing.T, permutation []int, updates []order.Body) order.State {
	t.Helper()
	state := stateOf(booked)
	for n, i := range permutation {
		command := order.Command{ID: fmt.Sprint(n), At: start, Body: updates[i]}
		events, err := order.Decide(state, command, testPolicy)
		if err != nil {
			t.Fatalf("%v: %v", permutation, err)
		}
		for _, event := range events {
			state = order.Evolve(state, order.Recorded{Version: state.Version + 1, At: start, CommandID: command.ID, Event: event})
		}
	}
	return state
}

// permutations are all orders of n things.
func permutations(n int) iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		permute(all, 0, yield)
	}
}

func permute(things []int, from int, yield func([]int) bool) bool {
	if from == len(things) {
		return yield(things)
	}
	for i := from; i < len(things); i++ {
		things[from], things[i] = things[i], things[from]
		if !permute(things, from+1, yield) {
			return false
		}
		things[from], things[i] = things[i], things[from]
	}
	return true
}
