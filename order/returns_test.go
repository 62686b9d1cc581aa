package order_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"orderly/order"
)

func sendBack(resolution, line string, quantity int64) order.RequestReturn {
	return order.RequestReturn{Lines: []order.LineQuantity{{LineID: line, Quantity: quantity}}, Resolution: resolution}
}

func came(line string, quantity int64, condition string) order.ReceiveReturn {
	return order.ReceiveReturn{RMAID: "rma_1", Lines: []order.ReceivedLine{{LineID: line, Quantity: quantity, Condition: condition}}}
}

// oneBack is the event by which one piece of the first line came back.
func oneBack(condition string, amount int64) *order.ReturnReceived {
	return &order.ReturnReceived{RMAID: "rma_1", Lines: []order.ReceivedLine{{LineID: "l1", Quantity: 1, Condition: condition, Amount: amount}}}
}

var (
	asked     = &order.ReturnRequested{RMAID: "rma_1", Lines: []order.LineQuantity{{LineID: "l1", Quantity: 1}}, Reason: "too small", Resolution: "refund"}
	requested = delivered.and(asked)
	approved  = requested.and(&order.ReturnApproved{RMAID: "rma_1"})
	refundFor = &order.RefundRequested{RefundID: "rf_1", Amount: 5000, Reason: "return rma_1", RMAID: "rma_1"}
	refunding = approved.and(oneBack("sellable", 5000), refundFor)

	swapping = delivered.and(
		&order.ReturnRequested{RMAID: "rma_1", Lines: []order.LineQuantity{{LineID: "l1", Quantity: 1}}, Resolution: "replace"}, &order.ReturnApproved{RMAID: "rma_1"})
	onePiece   = []order.ShipmentLine{{LineID: "l1", SKU: "SKU-1", Quantity: 1}}
	instead    = life{&order.ReplacementOrdered{RMAID: "rma_1", ShipmentID: parcel3, Lines: onePiece}, &order.ShipmentPlanned{ShipmentID: parcel3, Carrier: "fedex", Lines: onePiece, Reserve: true, Replaces: "rma_1"}}
	replacing  = swapping.and(oneBack("damaged", 5000)).and(instead...)
	substitute = replacing.and(
		&order.StockReserved{Key: parcel3 + "/reserve/1", ShipmentID: parcel3, Allocations: inWarehouse("wh-1")}, &order.ShipmentBooked{ShipmentID: parcel3, Carrier: "fedex"}, dispatched(parcel3))
	lostAddress = replacing.and(
		&order.StockReserved{Key: parcel3 + "/reserve/1", ShipmentID: parcel3, Allocations: inWarehouse("wh-1")},
		&order.CustomerActionRequested{ActionID: "act_1", Kind: order.ActionAddress, Options: []string{"address", "cancel"}, Deadline: *at(72 * time.Hour)})
	notReplaced = life{
		&order.CancellationRequested{Reason: "sold out", ShipmentIDs: []string{parcel3}}, &order.ShipmentCancelled{ShipmentID: parcel3},
		&order.RefundRequested{RefundID: "rf_1", Amount: 5000, Reason: "the shipment was cancelled", ShipmentID: parcel3},
	}
)

var returnRules = map[string]rule{
	"wanted":                  {given: delivered, when: sendBack("refund", "l1", 1), reason: "too small", then: life{asked}},
	"wanted after the end":    {given: closed, when: sendBack("refund", "l1", 1), reason: "too small", then: life{asked}},
	"wanted of what has come": {given: shipped.and(arrived(parcel1)), when: sendBack("refund", "l1", 1), reason: "too small", then: life{asked}},
	"of what has not come":    {given: shipped.and(arrived(parcel1)), when: sendBack("refund", "l2", 1), refused: "/lines/0/quantity"},
	"more than was delivered": {given: delivered, when: sendBack("refund", "l1", 3), refused: "/lines/0/quantity"},
	"more than is left":       {given: requested, when: sendBack("refund", "l1", 2), refused: "1 were delivered"},
	"of no line":              {given: delivered, when: sendBack("refund", "l9", 1), refused: "/lines/0/line_id"},
	"of a line twice": {
		given: delivered, when: order.RequestReturn{Resolution: "refund", Lines: []order.LineQuantity{{LineID: "l1", Quantity: 1}, {LineID: "l1", Quantity: 1}}}, refused: "/lines/1/line_id",
	},
	"of nothing":            {given: delivered, when: order.RequestReturn{Resolution: "refund"}, refused: "/lines"},
	"for what":              {given: delivered, when: sendBack("vouchers", "l1", 1), refused: "/resolution"},
	"before anything came":  {given: shipped, when: sendBack("refund", "l1", 1), refused: "nothing was delivered"},
	"of a cancelled order":  {given: cancelled, when: sendBack("refund", "l1", 1), refused: "the order is cancelled"},
	"on the last day":       {given: closed, when: sendBack("refund", "l1", 1), after: 1440 * time.Hour, reason: "too small", then: life{asked}},
	"too late":              {given: closed, when: sendBack("refund", "l1", 1), after: 1440*time.Hour + time.Second, refused: "goods could be returned until"},
	"approved":              {given: requested, when: order.ApproveReturn{RMAID: "rma_1"}, then: life{&order.ReturnApproved{RMAID: "rma_1"}}},
	"rejected":              {given: requested, when: order.RejectReturn{RMAID: "rma_1"}, reason: "worn", then: life{&order.ReturnRejected{RMAID: "rma_1", Reason: "worn"}}},
	"approved twice":        {given: approved, when: order.ApproveReturn{RMAID: "rma_1"}, refused: "no return waits"},
	"one that is not there": {given: requested, when: order.ApproveReturn{RMAID: "rma_2"}, refused: "/rma_id"},
	"received too early":    {given: requested, when: came("l1", 1, "sellable"), refused: "no return is on its way"},

	"another address for what stands in for what came back, when a carrier refused the first": {
		given: lostAddress, when: order.ChangeAddress{ShipTo: denver},
		then: life{&order.ShippingAddressChanged{ShipTo: denver}, &order.CustomerResponded{ActionID: "act_1", Choice: "address"}},
	},
	"the same when the order was closed before": {
		given: lostAddress.and(&order.OrderClosed{}), when: order.ChangeAddress{ShipTo: denver},
		then: life{&order.ShippingAddressChanged{ShipTo: denver}, &order.CustomerResponded{ActionID: "act_1", Choice: "address"}},
	},
	"no other address for it when none is asked for": {given: substitute, when: order.ChangeAddress{ShipTo: denver}, refused: "under way"},

	"received: refunded":         {given: approved, when: came("l1", 1, "sellable"), then: life{oneBack("sellable", 5000), refundFor}},
	"received damaged: refunded": {given: approved, when: came("l1", 1, "damaged"), then: life{oneBack("damaged", 5000), refundFor}},
	"all came":                   {given: approved, when: order.ReceiveReturn{RMAID: "rma_1"}, then: life{oneBack("sellable", 5000), refundFor}},
	"nothing came":               {given: approved, when: came("l1", 1, "missing"), then: life{oneBack("missing", 0), &order.ReturnClosed{RMAID: "rma_1", Reason: "nothing came back"}}},
	"more came than was wanted":  {given: approved, when: came("l1", 2, "sellable"), refused: "/lines/0/quantity"},
	"something else came":        {given: approved, when: came("l2", 1, "sellable"), refused: "/lines/0/line_id"},
	"it came in no condition":    {given: approved, when: came("l1", 1, "eaten"), refused: "/lines/0/condition"},
	"refunded, not restocked yet": {
		given: refunding, when: order.RecordRefund{RefundID: "rf_1"}, then: life{&order.RefundIssued{RefundID: "rf_1", Amount: 5000, Currency: "USD"}},
	},
	"restocked as well: closed": {
		given: refunding.and(&order.RefundIssued{RefundID: "rf_1", Amount: 5000}), when: order.RecordRestock{Key: "ord_1/restock/rma_1"},
		then: life{&order.StockRestocked{Key: "ord_1/restock/rma_1", RMAID: "rma_1"}, &order.ReturnClosed{RMAID: "rma_1", Reason: "refunded"}},
	},

	"replaced": {given: swapping, when: came("l1", 1, "damaged"), then: life{oneBack("damaged", 5000)}.and(instead...)},
	"the replacement has come, the stock is still to be told": {given: substitute, when: news(parcel3, "delivered"), then: life{arrivedAs(parcel3)}},
	"the stock is told: closed": {
		given: substitute.and(arrived(parcel3)), when: order.RecordCommit{Key: parcel3 + "/commit/1", ShipmentID: parcel3},
		then: life{&order.StockCommitted{Key: parcel3 + "/commit/1", ShipmentID: parcel3}, &order.ReturnClosed{RMAID: "rma_1", Reason: "replaced"}},
	},
	"the replacement cannot be had: paid back": {given: replacing, when: without(parcel3), reason: "sold out", then: notReplaced},
	"it is paid back instead: closed": {
		given: replacing.and(notReplaced...), when: order.RecordRefund{RefundID: "rf_1"},
		then: life{&order.RefundIssued{RefundID: "rf_1", Amount: 5000, Currency: "USD"}, &order.ReturnClosed{RMAID: "rma_1", Reason: "refunded"}},
	},

	"nobody decides: approved": {given: closed.and(asked), when: order.PassDeadline{}, after: 168 * time.Hour, then: life{&order.ReturnApproved{RMAID: "rma_1"}}},
	"it never comes: closed": {
		given: closed.and(asked, &order.ReturnApproved{RMAID: "rma_1"}), when: order.PassDeadline{}, after: 720 * time.Hour,
		then: life{&order.ReturnClosed{RMAID: "rma_1", Reason: "nothing came back"}},
	},
	"the order is not closed meanwhile": {given: requested, when: order.PassDeadline{}, after: time.Hour},
}

func TestReturns(t *testing.T) {
	t.Parallel()
	check(t, returnRules)
}

// returnsOn does what the next return needs, if one needs somebody.
func (w *world) returnsOn() bool {
	for _, each := range w.state.Returns {
		switch each.Status {
		case order.ReturnIsRequested:
			w.must(order.ApproveReturn{RMAID: each.RMAID})
			return true
		case order.ReturnIsApproved:
			w.must(order.ReceiveReturn{RMAID: each.RMAID, Lines: []order.ReceivedLine{{
				LineID: each.Lines[0].LineID, Quantity: each.Lines[0].Quantity, Condition: order.ConditionSellable,
			}}})
			return true
		}
	}
	return false
}

// parcelsUnderway says whether a carrier is still to deliver something.
func (w *world) parcelsUnderway() bool {
	for _, shipment := range w.state.Shipments {
		if shipment.Status != order.ShipmentIsDelivered && shipment.Status != order.ShipmentIsCancelled && shipment.Settled == "" {
			return true
		}
	}
	return false
}

// TestAnyReturns_ConserveMoneyAndGoods: whatever comes back in whatever parts and conditions, no piece is returned twice, no more
// is paid back than was paid, and what can be sold again is in the stock again, once.
func TestAnyReturns_ConserveMoneyAndGoods(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, twoLines())
		for until := rapid.SampledFrom([]order.Status{order.PartiallyShipped, order.Delivered, order.Closed}).Draw(rt, "until"); w.state.Status != until && !w.state.Ended(); {
			w.goOn(w.plan())
		}
		for range rapid.IntRange(1, 25).Draw(rt, "moves") {
			w.returnMove(rt)
		}
		for range 200 {
			plan := w.plan()
			if plan.Ended {
				w.checkReturns()
				w.checkLedgers()
				return
			}
			w.goOn(plan)
		}
		rt.Fatalf("the order does not end: %s, plan %+v", w.state.Status, w.plan())
	})
}

func (w *world) returnMove(rt *rapid.T) {
	line := rapid.SampledFrom([]string{"l1", "l2"}).Draw(rt, "line")
	quantity := rapid.Int64Range(1, 3).Draw(rt, "quantity")
	id := rapid.SampledFrom([]string{"rma_1", "rma_2", "rma_3"}).Draw(rt, "rma")
	condition := rapid.SampledFrom([]string{order.ConditionSellable, order.ConditionDamaged, order.ConditionMissing}).Draw(rt, "condition")
	switch rapid.IntRange(0, 6).Draw(rt, "move") {
	case 0, 1:
		_ = w.do(sendBack(rapid.SampledFrom([]string{"refund", "replace"}).Draw(rt, "resolution"), line, quantity))
	case 2:
		_ = w.do(order.ApproveReturn{RMAID: id})
	case 3:
		_ = w.do(order.RejectReturn{RMAID: id})
	case 4:
		_ = w.do(order.ReceiveReturn{RMAID: id, Lines: []order.ReceivedLine{{LineID: line, Quantity: quantity, Condition: condition}}})
	default:
		if plan := w.plan(); len(plan.Steps) > 0 {
			w.randomOutcome(rt, rapid.SampledFrom(plan.Steps).Draw(rt, "step"))
		}
	}
}

func (w *world) checkReturns() {
	w.t.Helper()
	got, back, paidBack := map[string]int64{}, map[string]int64{}, map[string]int64{}
	for _, shipment := range w.state.Shipments {
		for _, line := range shipment.Lines {
			if shipment.Status == order.ShipmentIsDelivered {
				got[line.LineID] += line.Quantity
			}
		}
	}
	for _, each := range w.state.Returns {
		sellable := 0
		for _, line := range each.Received {
			if line.Condition == order.ConditionSellable {
				sellable = 1
			}
			if line.Condition != order.ConditionMissing {
				back[line.LineID] += line.Quantity
			}
			if each.Resolution == order.ResolveByRefund {
				paidBack[line.LineID] += line.Amount
			}
		}
		open := each.Status != order.ReturnIsClosed && each.Status != order.ReturnIsRejected
		if restocked := w.restocked["ord_1/restock/"+each.RMAID]; open || restocked != sellable {
			w.t.Fatalf("%s is %s at the end, restocked %d times, want %d: %v", each.RMAID, each.Status, restocked, sellable, w)
		}
	}
	for _, line := range w.state.Lines {
		id := line.LineID
		if paid := line.Quantity*line.UnitPrice + line.Tax - line.Discount; back[id] > got[id] || paidBack[id] > paid {
			w.t.Fatalf("%s: %d of %d came back, %d of %d paid back: %v", id, back[id], got[id], paidBack[id], paid, w)
		}
	}
}
