package order_test

import (
	"testing"

	"orderly/order"
)

func TestFulfilment(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		given life
		want  string
	}{
		"placed":            {placed, "unallocated"},
		"reserved":          {reserved, "reserved"},
		"booked":            {booked, "reserved"},
		"one is off":        {partly, "partially_shipped"},
		"both are off":      {shipped, "shipped"},
		"one has arrived":   {shipped.and(arrived(parcel1)), "partially_delivered"},
		"both have arrived": {delivered, "delivered"},
		"one has arrived, the other was paid back": {partlyLost.and(notWanted, valueOf1), "delivered"},
		"one has arrived, the other is sent again": {reshipped, "partially_delivered"},
		"one comes back": {comingBack, "returning"},
		"both are back":  {shipped.and(backAtLast, &order.ShipmentReturned{ShipmentID: parcel2}), "returned"},
		"one is back and paid back, the other came": {paidBack.and(backAtLast, arrived(parcel2)), "delivered"},
		"one is off, the other was cancelled":       {partly.and(&order.ShipmentCancelled{ShipmentID: parcel2}), "shipped"},
		"the only one is lost, and there are no goods to send again": {
			shipped.and(lost...).and(&order.ShipmentLost{ShipmentID: parcel2}, notWanted, again,
				&order.ShipmentPlanned{ShipmentID: "shp_ord_1_4", Reserve: true, Replaces: parcel2}), "partially_reserved",
		},
	} {
		if got := stateOf(test.given).Fulfilment(); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}
