package order_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"orderly/order"
)

const parcel3 = "shp_ord_1_3"

// failedParcel is the event by which an operator is asked what follows.
func failedParcel(id, parcel, code string) *order.StepFailed {
	failed := silent(order.AwaitDelivery, parcel, code, fmt.Sprintf("fedex says of %s: %s", parcel, code), "retry", "reroute", "resolve", "cancel")
	failed.AttentionID = id
	return failed
}

func missed(parcel string) order.Event {
	return &order.ShipmentDeliveryAttemptFailed{ShipmentID: parcel, CarrierScan: scan("attempt_failed")}
}

var (
	// partlyLost has the first parcel lost and the second one delivered; both have left the stock.
	partlyLost = shipped.and(lost...).and(arrived(parcel2)).and(committed...)
	again      = &order.ShipmentPlanned{
		ShipmentID: parcel3, Carrier: "fedex", Lines: []order.ShipmentLine{{LineID: "l1", SKU: "SKU-1", Quantity: 2}}, Reserve: true, Replaces: parcel1,
	}
	reshipped   = partlyLost.and(&order.StepRetried{AttentionID: "att_1"}, again)
	goodsAgain  = &order.StockReserved{Key: parcel3 + "/reserve/1", ShipmentID: parcel3, ReservationID: "res_2", Allocations: inWarehouse("wh-1")}
	onTheWay    = reshipped.and(goodsAgain, &order.ShipmentBooked{ShipmentID: parcel3, Key: parcel3 + "/book/1", Carrier: "fedex"}, dispatched(parcel3))
	notWanted   = &order.CancellationRequested{Reason: "refund it", ShipmentIDs: []string{parcel1}}
	valueOf1    = &order.RefundRequested{RefundID: "rf_1", Amount: 10384, Reason: "refund it", ShipmentID: parcel1}
	comingBack  = shipped.and(&order.ShipmentReturnToSender{ShipmentID: parcel1, CarrierScan: scan("return_to_sender")}, failedParcel("att_1", parcel1, "return_to_sender")).and(committed...)
	paidBack    = comingBack.and(notWanted, valueOf1)
	backAtLast  = &order.ShipmentReturned{ShipmentID: parcel1, CarrierScan: scan("returned")}
	askedThrice = failedParcel("att_1", parcel1, "missed_deliveries")
)

func inWarehouse(warehouse string) []order.Allocation {
	return []order.Allocation{{LineID: "l1", SKU: "SKU-1", Quantity: 2, Warehouse: warehouse}}
}

var failedParcelRules = map[string]rule{
	"damaged": {given: shipped, when: news(parcel1, "damaged"), then: life{&order.ShipmentDamaged{ShipmentID: parcel1, CarrierScan: scan("damaged")}, failedParcel("att_1", parcel1, "damaged")}},
	"lost, and damaged as well: that is what counts": {
		given: shipped.and(lost...), when: news(parcel1, "damaged"),
		then: life{&order.ShipmentDamaged{ShipmentID: parcel1, CarrierScan: scan("damaged")}, failedParcel("att_2", parcel1, "damaged")},
	},
	"missed a second time": {given: shipped.and(missed(parcel1)), when: news(parcel1, "attempt_failed"), then: life{missed(parcel1)}},
	"missed a third time: somebody decides": {
		given: shipped.and(missed(parcel1), missed(parcel1)), when: news(parcel1, "attempt_failed"), then: life{missed(parcel1), askedThrice},
	},
	"missed three times, and delivered at last": {
		given: shipped.and(missed(parcel1), missed(parcel1), missed(parcel1), askedThrice), when: news(parcel1, "delivered"), then: life{arrivedAs(parcel1)},
	},

	"sent again": {given: partlyLost, when: order.RetryStep{AttentionID: "att_1"}, then: life{&order.StepRetried{AttentionID: "att_1"}, again}},
	"sent again with another carrier, from another warehouse": {
		given: partlyLost, when: order.RerouteShipment{ShipmentID: parcel1, Carrier: "dhl", Warehouse: "wh-2"},
		then: life{&order.ShipmentPlanned{ShipmentID: parcel3, Carrier: "dhl", Warehouse: "wh-2", Lines: again.Lines, Reserve: true, Replaces: parcel1}},
	},
	"sent again: its goods are there": {
		given: reshipped, when: order.RecordReservation{Key: parcel3 + "/reserve/1", ShipmentID: parcel3, ReservationID: "res_2", Allocations: inWarehouse("wh-1")},
		then: life{goodsAgain},
	},
	"sent again: there are none": {
		given: reshipped, when: order.RecordReservation{Key: parcel3 + "/reserve/1", ShipmentID: parcel3, Missing: inWarehouse("")},
		then: life{&order.StockShortageDetected{Key: parcel3 + "/reserve/1", ShipmentID: parcel3, Missing: inWarehouse("")}, noGoodsForParcel3()},
	},
	"sent again and delivered: so is the order": {
		given: onTheWay, when: news(parcel3, "delivered"), then: life{arrivedAs(parcel3), &order.OrderDelivered{}},
	},
	"sent again, and the first one is found: a note": {given: reshipped, when: news(parcel1, "delivered"), then: note("fedex says of %s: delivered", parcel1)},
	"sent again and lost again: its refund is that of the first": {
		given: onTheWay.and(&order.ShipmentLost{ShipmentID: parcel3}, failedParcel("att_2", parcel3, "lost")),
		when:  order.CancelOrder{ShipmentIDs: []string{parcel3}}, reason: "refund it",
		then: life{
			&order.CancellationRequested{Reason: "refund it", ShipmentIDs: []string{parcel3}},
			&order.RefundRequested{RefundID: "rf_1", Amount: 10384, Reason: "refund it", ShipmentID: parcel3}, &order.OrderDelivered{},
		},
	},

	"paid back: the rest is what was delivered": {
		given: partlyLost, when: order.CancelOrder{ShipmentIDs: []string{parcel1}}, reason: "refund it", then: life{notWanted, valueOf1, &order.OrderDelivered{}},
	},
	"paid back while it comes back":             {given: comingBack, when: order.CancelOrder{ShipmentIDs: []string{parcel1}}, reason: "refund it", then: life{notWanted, valueOf1}},
	"paid back, and it is back: into the stock": {given: paidBack, when: news(parcel1, "returned"), then: life{backAtLast}},
	"back in the stock": {
		given: paidBack.and(backAtLast), when: order.RecordRestock{Key: parcel1 + "/restock/1", ShipmentID: parcel1},
		then: life{&order.StockRestocked{Key: parcel1 + "/restock/1", ShipmentID: parcel1}},
	},
	"nothing arrived: the order is undone": {
		given: shipped.and(lost...).and(&order.ShipmentLost{ShipmentID: parcel2}, failedParcel("att_2", parcel2, "lost")).and(committed...).and(notWanted, valueOf1),
		when:  order.CancelOrder{ShipmentIDs: []string{parcel2}}, reason: "refund it",
		then: life{
			&order.CancellationRequested{Reason: "refund it", ShipmentIDs: []string{parcel2}},
			&order.RefundRequested{RefundID: "rf_2", Amount: 3116, Reason: "refund it", ShipmentID: parcel2},
			&order.CancellationRequested{Reason: "nothing of it can be delivered"}, undoing(order.Undo{Step: order.RefundPayment, Amount: 13500}),
		},
	},
	"it has arrived, says an operator": {
		given: shipped.and(lost...), when: order.ResolveStep{AttentionID: "att_1", ExternalRef: "by phone"},
		then: life{
			&order.StepResolved{AttentionID: "att_1", ExternalRef: "by phone"},
			&order.ShipmentDelivered{ShipmentID: parcel1, CarrierScan: order.CarrierScan{At: start, Proof: "by phone"}},
		},
	},
	"not paid back twice":             {given: paidBack, when: order.CancelOrder{ShipmentIDs: []string{parcel1}}, refused: "every shipment has left"},
	"not paid back when it may come":  {given: shipped, when: order.CancelOrder{ShipmentIDs: []string{parcel1}}, refused: "every shipment has left"},
	"not sent again when it was paid": {given: paidBack.and(arrivedAs(parcel2)), when: order.RerouteShipment{ShipmentID: parcel1, Carrier: "ups"}, refused: "none has failed"},
}

func arrivedAs(parcel string) order.Event {
	return &order.ShipmentDelivered{ShipmentID: parcel, CarrierScan: scan("delivered")}
}

func noGoodsForParcel3() *order.StepFailed {
	return &order.StepFailed{
		AttentionID: "att_2", Step: order.ReserveStock, ShipmentID: parcel3, Key: parcel3 + "/reserve/1", Code: "shortage", Message: "no warehouse has these goods",
		Attempts: 1, Allowed: []string{"retry", "cancel"}, NextRetryAt: at(time.Hour), GiveUpAt: at(72 * time.Hour),
	}
}

func TestFailedParcels(t *testing.T) {
	t.Parallel()
	check(t, failedParcelRules)
}

// TestFailedParcel_ByPolicy: nobody needs to be asked.
func TestFailedParcel_ByPolicy(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]life{
		order.PolicyReship: {lost[0], again},
		order.PolicyRefund: {
			lost[0], &order.CancellationRequested{Reason: parcel1 + ": lost", ShipmentIDs: []string{parcel1}},
			&order.RefundRequested{RefundID: "rf_1", Amount: 10384, Reason: parcel1 + ": lost", ShipmentID: parcel1},
		},
	} {
		p := testPolicy
		p.FailedParcel = policy
		got, err := order.Decide(stateOf(shipped), order.Command{ID: "c", At: start, Body: news(parcel1, "lost")}, p)
		if diff := cmp.Diff([]order.Event(want), got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", policy, err, diff)
		}
	}
}

// TestCarriersNews_AnyPermutationEndsTheSame: what carriers say comes late, twice and in any order. What it leads to is the same.
func TestCarriersNews_AnyPermutationEndsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		var told []order.RecordCarrierUpdate
		for i := range rapid.IntRange(1, 8).Draw(rt, "news") {
			each := news(rapid.SampledFrom([]string{parcel1, parcel2}).Draw(rt, "parcel"), rapid.SampledFrom(anyNews).Draw(rt, "status"))
			each.EventID = fmt.Sprint("evt_", i)
			told = append(told, each)
		}
		told = append(told, told[:rapid.IntRange(0, len(told)).Draw(rt, "twice")]...)
		if diff := cmp.Diff(endOf(rt, told), endOf(rt, rapid.Permutation(told).Draw(rt, "order"))); diff != "" {
			rt.Fatalf("the order of the news matters:\n%s", diff)
		}
	})
}

// endOf is what news lead to: how the order and its parcels stand, and what an operator is asked, without when and after what.
func endOf(t rapid.TB, told []order.RecordCarrierUpdate) any {
	t.Helper()
	state := stateOf(booked)
	for _, each := range told {
		id := "webhook/" + each.EventID
		events, err := order.Decide(state, order.Command{ID: id, At: start, Body: each}, testPolicy)
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range events {
			state = order.Evolve(state, order.Recorded{Version: state.Version + 1, At: start, CommandID: id, Event: event})
		}
	}
	var asked []string
	for _, attention := range state.Attention {
		asked = append(asked, fmt.Sprint(attention.Step, attention.ShipmentID, attention.Code, attention.Allowed))
	}
	slices.Sort(asked)
	return []any{state.Status, state.Shipments, asked, state.Payment}
}
