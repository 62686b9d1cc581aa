package order_test

import (
	"testing"

	"orderly/order"
)

func without(parcels ...string) order.CancelOrder { return order.CancelOrder{ShipmentIDs: parcels} }

var (
	unwanted1   = &order.CancellationRequested{Reason: "no mug", ShipmentIDs: []string{parcel1}}
	refundOf1   = &order.RefundRequested{RefundID: "rf_1", Amount: 10384, Reason: "the shipment was cancelled", ShipmentID: parcel1}
	cancelled1  = &order.ShipmentCancelled{ShipmentID: parcel1}
	toWarehouse = &order.ShipmentRerouted{ShipmentID: parcel1, Carrier: "fedex", Warehouse: "wh-2"}
	elsewhere   = failed1.and(toWarehouse)
	failed1     = paid.and(bookingFailure(1, "fedex", order.ClassUnavailable), toUPS, bookingFailure(2, "ups", order.ClassUnavailable), parkedBookingAs("retry", "reroute", "resolve", "cancel"))
	movedGoods  = &order.StockReserved{Key: parcel1 + "/reserve/1", ShipmentID: parcel1, ReservationID: "res_2", Allocations: inWarehouse("wh-2")}
	moved       = elsewhere.and(movedGoods)
)

var cancelParcelRules = map[string]rule{
	"a booked one: its booking is taken back first": {given: booked, when: without(parcel1), reason: "no mug", then: life{unwanted1}},
	"its booking is taken back: its part is paid back": {
		given: booked.and(unwanted1), when: order.RecordBookingCancelled{ShipmentID: parcel1}, then: life{cancelled1, refundOf1},
	},
	"its carrier has it already: it goes on": {
		given: booked.and(unwanted1), when: news(parcel1, "dispatched"),
		then: life{
			note("%s was to be cancelled, but fedex has it", parcel1)[0],
			&order.ShipmentDispatched{ShipmentID: parcel1, CarrierScan: scan("dispatched")}, &order.OrderPartiallyShipped{ShipmentIDs: []string{parcel1}},
		},
	},
	"one that no carrier takes": {given: failed1, when: without(parcel1), reason: "no mug", then: life{unwanted1, cancelled1, refundOf1}},
	"one, and the other is off: shipped": {
		given: partlyWithout1.and(&order.ShipmentBookingFailed{ShipmentID: parcel1, Key: parcel1 + "/book/1", Carrier: "fedex", Class: order.ClassAddress}),
		when:  without(parcel1), reason: "no mug",
		then: life{unwanted1, cancelled1, refundOf1, &order.OrderShipped{TrackingNumbers: []string{"T2"}}},
	},
	"all of them: the order": {
		given: booked, when: without(parcel1, parcel2), reason: "changed my mind", then: cancelling[len(booked):],
	},

	"not one that is not there":          {given: booked, when: without("shp_ord_1_9"), refused: "/shipment_ids/0"},
	"not one twice":                      {given: booked, when: without(parcel1, parcel1), refused: "/shipment_ids/1"},
	"not one that has left":              {given: partly, when: without(parcel1), refused: parcel1 + " is dispatched"},
	"not one that is cancelled":          {given: booked.and(cancelled1), when: without(parcel1), refused: "is cancelled already"},
	"not before it is paid":              {given: authorized, when: without(parcel1), refused: "amend the order instead"},
	"not the order when a parcel is off": {given: partly, when: order.CancelOrder{}, refused: "name the shipments"},
}

func TestCancelParcels(t *testing.T) {
	t.Parallel()
	check(t, cancelParcelRules)
}

var goodsRules = map[string]rule{
	"from another warehouse": {given: failed1, when: order.RerouteShipment{ShipmentID: parcel1, Carrier: "fedex", Warehouse: "wh-2"}, then: life{toWarehouse}},
	"the goods are there": {
		given: elsewhere, when: order.RecordReservation{Key: parcel1 + "/reserve/1", ShipmentID: parcel1, ReservationID: "res_2", Allocations: inWarehouse("wh-2")},
		then: life{movedGoods},
	},
	"what was set aside before is given back": {
		given: moved, when: order.RecordRelease{Key: parcel1 + "/release/1", ShipmentID: parcel1},
		then: life{&order.StockReleased{Key: parcel1 + "/release/1", ShipmentID: parcel1}},
	},
	"it is not given back twice": {
		given: moved.and(&order.StockReleased{Key: parcel1 + "/release/1", ShipmentID: parcel1}), when: order.RecordRelease{Key: parcel1 + "/release/1", ShipmentID: parcel1},
	},
	"the goods are not there: it stays with what it has": {
		given: elsewhere, when: order.RecordReservation{Key: parcel1 + "/reserve/1", ShipmentID: parcel1, Missing: inWarehouse("")},
		then: life{&order.StockShortageDetected{Key: parcel1 + "/reserve/1", ShipmentID: parcel1, Missing: inWarehouse("")}, notElsewhere()},
	},
	"an answer to an older wish": {
		given: elsewhere, when: order.RecordReservation{Key: parcel1 + "/reserve/0", ShipmentID: parcel1, Allocations: inWarehouse("wh-2")},
	},
	"not from where it leaves already": {given: failed1, when: order.RerouteShipment{ShipmentID: parcel1, Warehouse: "wh-1"}, refused: "/warehouse"},
	"not from nowhere":                 {given: failed1, when: order.RerouteShipment{ShipmentID: parcel1}, refused: "/carrier"},
}

func notElsewhere() *order.StepFailed {
	parked := parkedBookingAs("retry", "reroute", "resolve", "cancel")
	parked.AttentionID, parked.Key, parked.Attempts = "att_2", parcel1+"/book/3", 1
	parked.Code, parked.Message = "shortage", "wh-2 does not have these goods"
	return parked
}

func TestGoodsFromElsewhere(t *testing.T) {
	t.Parallel()
	check(t, goodsRules)
}

// TestGoodsFromElsewhere_Steps: reserved there first, then booked, and what was set aside before is given back.
func TestGoodsFromElsewhere_Steps(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		given life
		want  []string
	}{
		"wished for": {elsewhere, []string{"ReserveStock/" + parcel1 + "/reserve/1#1", "BookShipment/" + parcel2 + "/book/1#1"}},
		"there": {moved, []string{
			"ReleaseStock/" + parcel1 + "/release/1#1", "BookShipment/" + parcel1 + "/book/3#1", "BookShipment/" + parcel2 + "/book/1#1",
		}},
		"cancelled before they are there": {
			elsewhere.and(&order.CancellationRequested{ShipmentIDs: []string{parcel1}}, cancelled1),
			[]string{"ReleaseStock/" + parcel1 + "/reserve/1/release#1", "ReleaseStock/" + parcel1 + "/release/1#1", "BookShipment/" + parcel2 + "/book/1#1"},
		},
	} {
		var got []string
		for _, step := range order.PlanFor(stateOf(test.given), testPolicy).Steps {
			got = append(got, step.ID)
		}
		if len(got) != len(test.want) {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
			continue
		}
		for i := range got {
			if got[i] != test.want[i] {
				t.Errorf("%s: got %v, want %v", name, got, test.want)
			}
		}
	}
}
