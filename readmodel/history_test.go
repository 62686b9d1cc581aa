package readmodel_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"orderly/eventstore"
	"orderly/order"
)

// told is an event in the feed, with its order before and after it.
type told struct {
	stored        eventstore.Event
	recorded      order.Recorded
	before, after order.State
}

// history plays the lives of some orders in memory, each with a clock of its own: the feed is not in the order of time.
type history struct {
	rt     *rapid.T
	seq    int
	states map[string]order.State
	clocks map[string]time.Time
	feed   []told
}

// pauses lie between the moves of an order; a negative one is until the next midnight of UTC, and up to the last moment before it.
var pauses = []time.Duration{0, time.Microsecond, time.Second, time.Minute, 5 * time.Hour, 25 * time.Hour, 20 * 24 * time.Hour, -1, -2}

// historyPolicy has goods come back, too.
var historyPolicy = func() order.Policy {
	policy := testPolicy
	policy.LostAfter, policy.DeliveryAttempts = 336*time.Hour, 3
	policy.ReturnWithin, policy.ReturnDecideWithin, policy.ReturnArriveWithin = 1440*time.Hour, 168*time.Hour, 720*time.Hour
	return policy
}()

var (
	historyCurrencies = []string{"USD", "EUR"}
	historyChannels   = []string{"", "web", "shop"}
	historyCarriers   = []string{"fedex", "ups", "dhl"}
	historyCustomers  = []string{"ann", "bob"}
)

// newHistory plays orders of the tenants, whose ids begin with a prefix.
func newHistory(rt *rapid.T, prefix string, tenants []string) *history {
	h := &history{rt: rt, states: map[string]order.State{}, clocks: map[string]time.Time{}}
	var ids []string
	for n := range rapid.IntRange(1, 5).Draw(rt, "orders") {
		id := fmt.Sprintf("%s_%d", prefix, n)
		ids = append(ids, id)
		h.states[id] = order.State{OrderID: id}
		h.clocks[id] = time.Date(2026, 1, 31, 23, 59, 59, 999_999_000, time.UTC).Add(time.Duration(rapid.IntRange(-3, 3).Draw(rt, "days")) * 24 * time.Hour)
		place := placed(rapid.SampledFrom(tenants).Draw(rt, "tenant"), rapid.SampledFrom(historyCustomers).Draw(rt, "customer"), "")
		place.Currency = rapid.SampledFrom(historyCurrencies).Draw(rt, "currency")
		place.Channel = rapid.SampledFrom(historyChannels).Draw(rt, "channel")
		place.Shipping.Carrier = rapid.SampledFrom(historyCarriers).Draw(rt, "carrier")
		place.ShippingFee = rapid.Int64Range(0, 900).Draw(rt, "fee")
		place.Total, _ = order.Total(place.Lines, place.ShippingFee)
		h.do(id, place)
		for range rapid.IntRange(0, 14).Draw(rt, "steps") { // few would come far otherwise
			h.wait(id, rapid.SampledFrom(pauses).Draw(rt, "pause"))
			h.do(id, h.forward(h.states[id]))
		}
	}
	for range rapid.IntRange(0, 120).Draw(rt, "moves") {
		id := rapid.SampledFrom(ids).Draw(rt, "order")
		h.wait(id, rapid.SampledFrom(pauses).Draw(rt, "pause"))
		h.do(id, h.move(h.states[id]))
	}
	return h
}

func (h *history) wait(id string, pause time.Duration) {
	now := h.clocks[id]
	midnight := now.Truncate(24 * time.Hour).Add(24 * time.Hour)
	switch pause {
	case -1:
		now = midnight
	case -2:
		now = midnight.Add(-time.Microsecond)
	default:
		now = now.Add(pause)
	}
	h.clocks[id] = now
}

// do decides a command; one that is refused changes nothing.
func (h *history) do(id string, body order.Body) {
	h.seq++
	command := order.Command{ID: fmt.Sprintf("cmd-%d", h.seq), At: h.clocks[id], Reason: "test", Body: body}
	events, err := order.Decide(h.states[id], command, historyPolicy)
	if err != nil {
		return
	}
	for _, event := range events {
		h.tell(id, command, event)
	}
}

func (h *history) tell(id string, command order.Command, event order.Event) {
	before := h.states[id]
	recorded := order.Recorded{Version: before.Version + 1, At: command.At, CommandID: command.ID, Reason: command.Reason, Event: event}
	data, err := json.Marshal(event)
	if err != nil {
		h.rt.Fatal(err)
	}
	h.states[id] = order.Evolve(before, recorded)
	h.feed = append(h.feed, told{
		recorded: recorded, before: before, after: h.states[id],
		stored: eventstore.Event{
			StreamID: id, Version: recorded.Version, ID: uuid.Must(uuid.NewV7()), Type: event.EventType(),
			SchemaVersion: order.SchemaVersion(event.EventType()), Data: data, Metadata: json.RawMessage(`{}`), CreatedAt: command.At,
		},
	})
}

// move is mostly what helps the order on, and otherwise anything that people, carriers and failures do to it.
func (h *history) move(s order.State) order.Body {
	switch rapid.IntRange(0, 29).Draw(h.rt, "move") { // small ones are drawn more often
	case 17, 18:
		return h.news(s, rapid.SampledFrom([]string{"dispatched", "lost", "delivered", "returned"}).Draw(h.rt, "news"))
	case 19, 20:
		return order.IssueRefund{Amount: rapid.Int64Range(1, 3000).Draw(h.rt, "amount")}
	case 21, 22:
		quantity := rapid.Int64Range(1, 4).Draw(h.rt, "quantity")
		return order.AmendOrder{Lines: []order.LineQuantity{{LineID: "l1", Quantity: quantity}}}
	case 23:
		return order.RerouteShipment{ShipmentID: h.parcel(s), Carrier: rapid.SampledFrom(historyCarriers).Draw(h.rt, "other")}
	case 24, 25:
		return order.RequestReturn{Lines: []order.LineQuantity{{LineID: "l1", Quantity: 1}}, Resolution: "refund"}
	case 26:
		return order.PassDeadline{}
	case 27:
		return order.CancelOrder{ShipmentIDs: []string{h.parcel(s)}}
	case 28:
		return order.CancelOrder{}
	default:
		return h.forward(s)
	}
}

// forward carries out a step of the plan, or else what somebody waits for.
func (h *history) forward(s order.State) order.Body {
	plan := order.PlanFor(s, historyPolicy)
	switch {
	case len(plan.Steps) > 0:
		return h.outcome(s, rapid.SampledFrom(plan.Steps).Draw(h.rt, "step"))
	case len(s.Attention) > 0:
		return rapid.SampledFrom([]order.Body{
			order.RetryStep{AttentionID: s.Attention[0].AttentionID}, order.ResolveStep{AttentionID: s.Attention[0].AttentionID, ExternalRef: "by hand"},
		}).Draw(h.rt, "repair")
	case len(s.Actions) > 0:
		return order.RespondToAction{ActionID: s.Actions[0].ActionID, Choice: s.Actions[0].Options[0]}
	case len(s.Returns) > 0 && s.Returns[0].Status == order.ReturnIsApproved:
		return order.ReceiveReturn{RMAID: s.Returns[0].RMAID}
	case len(s.Returns) > 0 && s.Returns[0].Status == order.ReturnIsRequested:
		return order.ApproveReturn{RMAID: s.Returns[0].RMAID}
	case s.Status == order.Delivered:
		h.clocks[s.OrderID] = h.clocks[s.OrderID].Add(historyPolicy.CloseAfter)
		return order.PassDeadline{}
	default:
		return h.news(s, rapid.SampledFrom([]string{"dispatched", "delivered", "delivered"}).Draw(h.rt, "scan"))
	}
}

// outcome is the good one of a step, with whichever carrier takes the parcel in the end.
func (h *history) outcome(s order.State, step order.Step) order.Body {
	switch step.Name {
	case order.ReserveStock:
		return order.RecordReservation{Key: step.Key, ShipmentID: step.ShipmentID, ReservationID: "r", Allocations: allocate(s, step)}
	case order.AuthorizePayment:
		return order.RecordAuthorization{Key: step.Key, ProviderRef: "pay", Amount: s.Due()}
	case order.BookShipment:
		carrier := rapid.SampledFrom(historyCarriers).Draw(h.rt, "booked with")
		return order.RecordBooking{ShipmentID: step.ShipmentID, Key: step.Key, Carrier: carrier, TrackingNumber: "T-" + step.Key}
	case order.RestockStock:
		return order.RecordRestock{Key: step.Key, ShipmentID: step.ShipmentID}
	default:
		return success(s, step)
	}
}

// allocate finds the goods of a parcel, or of the order: each line in a warehouse of its own, so that it goes in two parcels.
func allocate(s order.State, step order.Step) []order.Allocation {
	var all []order.Allocation
	if shipment, ok := s.Shipment(step.ShipmentID); ok {
		for _, line := range shipment.Lines {
			all = append(all, order.Allocation{LineID: line.LineID, SKU: s.SKU(line.LineID), Quantity: line.Quantity, Warehouse: "wh-3"})
		}
		return all
	}
	for n, line := range s.Lines {
		all = append(all, order.Allocation{LineID: line.LineID, SKU: line.SKU, Quantity: line.Quantity, Warehouse: fmt.Sprintf("wh-%d", n+1)})
	}
	return all
}

// news is what a carrier says; its clock may be wrong, and it may say so late.
func (h *history) news(s order.State, status string) order.Body {
	off := rapid.SampledFrom([]time.Duration{-400 * time.Hour, -time.Hour, -time.Nanosecond, 0, 30 * time.Minute, 48 * time.Hour}).Draw(h.rt, "off")
	return order.RecordCarrierUpdate{ShipmentID: h.parcel(s), Status: status, At: h.clocks[s.OrderID].Add(off)}
}

// parcel is one of the order, if it has any.
func (h *history) parcel(s order.State) string {
	if len(s.Shipments) == 0 {
		return "none"
	}
	return rapid.SampledFrom(s.Shipments).Draw(h.rt, "parcel").ShipmentID
}
