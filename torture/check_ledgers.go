package torture

import (
	"slices"
	"time"

	"orderly/order"
)

// overdue is how late a deadline may be.
const overdue = 30 * time.Second

// effects checks that no effect happened twice under one key, in any ledger.
func (c *checker) effects() {
	for _, ledger := range []struct {
		name    string
		entries []Entry
	}{{"payments", c.Payments}, {"stock", c.Stock}, {"parcels", c.Parcels}} {
		seen := map[Entry]int{}
		for _, entry := range ledger.entries {
			effect := Entry{Key: entry.Key, Operation: entry.Operation, OrderID: entry.OrderID, Carrier: entry.Carrier}
			if seen[effect]++; seen[effect] != 2 {
				continue
			}
			kind := Doubled
			if entry.Operation == "capture" {
				kind = ChargedTwice
			}
			c.findf(kind, entry.OrderID, "ledger of %s: %s under key %s happened twice", ledger.name, entry.Operation, entry.Key)
		}
	}
}

// byOrder sums a ledger up: order, operation, amount.
func byOrder(entries []Entry) map[string]map[string]int64 {
	sums := map[string]map[string]int64{}
	for _, entry := range entries {
		if sums[entry.OrderID] == nil {
			sums[entry.OrderID] = map[string]int64{}
		}
		sums[entry.OrderID][entry.Operation] += entry.Amount
	}
	return sums
}

// payments checks that the provider's ledger and the orders say the same of the money.
func (c *checker) payments() {
	sums := byOrder(c.Payments)
	for _, id := range c.orders() {
		state, sum := c.Streams[id].State, sums[id]
		if byHand(c.Streams[id]) {
			continue // the ledgers do not know of it
		}
		if sum["capture"] > state.Payment.Captured {
			c.findf(ChargedTwice, id, "the provider took %d, the order knows of %d", sum["capture"], state.Payment.Captured)
		}
		if sum["capture"] < state.Payment.Captured {
			c.findf(Lost, id, "the order says that %d was taken, the provider took %d", state.Payment.Captured, sum["capture"])
		}
		if sum["refund"] != state.Payment.Refunded {
			c.findf(WrongRefund, id, "the provider paid %d back, the order says %d", sum["refund"], state.Payment.Refunded)
		}
		if issued := issuedRefunds(state); issued != state.Payment.Refunded {
			c.findf(WrongRefund, id, "its refunds sum up to %d, it says %d", issued, state.Payment.Refunded)
		}
		if state.Status == order.Cancelled && len(state.Waivers) == 0 && sum["capture"] != sum["refund"] {
			c.findf(WrongRefund, id, "it is cancelled; %d was taken and %d paid back", sum["capture"], sum["refund"])
		}
		c.returns(state)
		if state.Payment.Refunded < 0 || state.Payment.Refunded > state.Payment.Captured {
			c.findf(WrongRefund, id, "%d was paid back of %d", state.Payment.Refunded, state.Payment.Captured)
		}
	}
	c.unknown(c.Payments, "payments")
}

// returns checks that refunds of returns are what was paid for the pieces that came back, and that those of a line are never more
// than what was paid for it.
func (c *checker) returns(state order.State) {
	lines := map[string]int64{}
	for _, each := range state.Returns {
		var came, refunded int64
		for _, line := range each.Received {
			came += line.Amount
			lines[line.LineID] += line.Amount
		}
		for _, refund := range state.Refunds {
			if refund.RMAID == each.RMAID {
				refunded += refund.Amount
			}
		}
		if refunded > came {
			c.findf(WrongRefund, state.OrderID, "%d is paid back for return %s, of which pieces for %d came back", refunded, each.RMAID, came)
		}
	}
	for _, line := range state.Lines {
		if paid := line.Quantity*line.UnitPrice + line.Tax - line.Discount; lines[line.LineID] > paid {
			c.findf(WrongRefund, state.OrderID, "pieces of line %s for %d came back; %d was paid for it", line.LineID, lines[line.LineID], paid)
		}
	}
}

func issuedRefunds(state order.State) (sum int64) {
	for _, refund := range state.Refunds {
		if refund.Issued {
			sum += refund.Amount
		}
	}
	return sum
}

// unknown finds effects for orders that there are not.
func (c *checker) unknown(entries []Entry, ledger string) {
	for _, entry := range entries {
		if _, known := c.Streams[entry.OrderID]; !known {
			c.findf(Lost, entry.OrderID, "ledger of %s: %s of an order that there is not", ledger, entry.Operation)
		}
	}
}

// byHand says whether somebody has said of a step that it was done, or is not to be done.
func byHand(stream Stream) bool {
	return slices.ContainsFunc(stream.Events, func(e Event) bool {
		return e.Type == "StepResolved" || e.Type == "CompensationWaived"
	})
}

// skipped says whether a step was left out, of which the effect may have taken place all the same.
func skipped(stream Stream) bool {
	return slices.ContainsFunc(stream.Events, func(e Event) bool { return e.Type == "StepSkipped" })
}

// stock checks that what was set aside for an ended order was given back or has left.
func (c *checker) stock() {
	sums := byOrder(c.Stock)
	for _, id := range c.orders() {
		stream, sum := c.Streams[id], sums[id]
		if !stream.Plan.Ended || byHand(stream) {
			continue
		}
		if sum["reserve"] != sum["release"]+sum["commit"] {
			c.findf(StockAstray, id, "%d reserved, %d released, %d committed", sum["reserve"], sum["release"], sum["commit"])
		}
		if sum["restock"] > sum["commit"] {
			c.findf(StockAstray, id, "%d came back of %d that left", sum["restock"], sum["commit"])
		}
		if back := cameBack(stream.State); sum["restock"] != back && !skipped(stream) {
			c.findf(StockAstray, id, "%d came back into the stock, the order says %d", sum["restock"], back)
		}
	}
	c.unknown(c.Stock, "stock")
}

// cameBack is how many pieces are in the stock again by what the order says, of returns and of parcels.
func cameBack(state order.State) (pieces int64) {
	for _, each := range state.Returns {
		if each.Restocked {
			for _, line := range each.Sellable() {
				pieces += line.Quantity
			}
		}
	}
	for _, shipment := range state.Shipments {
		if shipment.Restocked {
			for _, line := range shipment.Lines {
				pieces += line.Quantity
			}
		}
	}
	return pieces
}

// parcels checks that each parcel was booked once, that cancelled ones do not travel, and that what carriers have told is
// known.
func (c *checker) parcels() {
	booked := map[string]int{}
	for _, entry := range c.Parcels {
		switch entry.Operation {
		case "book":
			booked[entry.ShipmentID]++
		case "cancel":
			booked[entry.ShipmentID]--
		}
	}
	for _, id := range c.orders() {
		if byHand(c.Streams[id]) {
			continue
		}
		for _, shipment := range c.Streams[id].State.Shipments {
			if want := bookings(shipment); booked[shipment.ShipmentID] != want {
				c.findf(ParcelAstray, id, "%s is %s and has %d bookings, want %d", shipment.ShipmentID, shipment.Status, booked[shipment.ShipmentID], want)
			}
			if c.Carried[shipment.ShipmentID] == "delivered" && shipment.Status != order.ShipmentIsDelivered {
				c.findf(Lost, id, "the carrier has told that %s is delivered; the order says %s", shipment.ShipmentID, shipment.Status)
			}
			if shipment.Status == order.ShipmentIsDelivered && c.Carried[shipment.ShipmentID] != "delivered" {
				c.findf(Doubled, id, "%s is delivered and the carrier has never said so", shipment.ShipmentID)
			}
		}
	}
	c.unknown(c.Parcels, "parcels")
}

// bookings is how many bookings a parcel has that hold.
func bookings(shipment order.Shipment) int {
	switch shipment.Status {
	case order.ShipmentIsPlanned, order.ShipmentIsBooking, order.ShipmentHasFailed, order.ShipmentIsCancelled:
		return 0
	default:
		return 1
	}
}
