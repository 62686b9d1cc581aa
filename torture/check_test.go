package torture

import (
	"strings"
	"testing"
	"time"

	"orderly/order"
)

// sound are facts in which every promise holds: an order that was placed, noted, paid, sent, delivered and closed, one of
// which something was paid back, and one that is cancelled.
func sound() Facts {
	event := func(version int, kind, command, source string) Event { return Event{version, kind, command, source} }
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return Facts{
		Now: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC),
		Sent: []Operation{
			{CommandID: "p1", OrderID: "o1", What: "place", Outcome: Acknowledged, Version: 1},
			{CommandID: "n1", OrderID: "o1", What: "notes", Outcome: Acknowledged, Version: 2},
			{CommandID: "r1", OrderID: "o1", What: "refunds", Outcome: Unknown},
			{CommandID: "x1", OrderID: "o1", What: "cancel", Outcome: Refused},
			{CommandID: "p2", OrderID: "o2", What: "place", Outcome: Acknowledged, Version: 1},
			{CommandID: "c2", OrderID: "o2", What: "cancel", Outcome: Acknowledged, Version: 3},
		},
		Streams: map[string]Stream{
			"o1": {
				Events: []Event{
					event(1, "OrderCreated", "p1", "api"), event(2, "OrderNoteAdded", "n1", "api"),
					event(3, "PaymentReceived", "capture", "workflow"), event(4, "RefundRequested", "r1", "api"), event(5, "RefundIssued", "refund", "workflow"),
				},
				Entered: []Entered{{began, order.Created}, {began.Add(2 * time.Hour), order.Delivered}},
				State: order.State{
					OrderID: "o1", Status: order.Delivered, Payment: order.Payment{Captured: 100, Refunded: 10},
					Lines:     []order.Line{{LineID: "l1", Quantity: 10, UnitPrice: 10}},
					Returns:   []order.Return{{RMAID: "rma_1", Received: []order.ReceivedLine{{LineID: "l1", Quantity: 1, Condition: order.ConditionDamaged, Amount: 10}}}},
					Refunds:   []order.Refund{{RefundID: "r", Amount: 10, Issued: true, RMAID: "rma_1"}},
					Shipments: []order.Shipment{{ShipmentID: "s1", Status: order.ShipmentIsDelivered}},
				},
				Plan: order.Plan{WaitingFor: "returns", Deadline: &order.Deadline{At: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}},
			},
			"o2": {
				Events:  []Event{event(1, "OrderCreated", "p2", "api"), event(2, "CancellationRequested", "c2", "api"), event(3, "OrderCancelled", "c2", "api")},
				Entered: []Entered{{began.Add(time.Hour), order.Created}, {began.Add(2 * time.Hour), order.Cancelled}},
				State: order.State{
					OrderID: "o2", Status: order.Cancelled, Payment: order.Payment{Captured: 50, Refunded: 50},
					Refunds:   []order.Refund{{RefundID: "r", Amount: 50, Issued: true}},
					Shipments: []order.Shipment{{ShipmentID: "s2", Status: order.ShipmentIsCancelled}},
				},
				Plan: order.Plan{Ended: true},
			},
		},
		Delivered: map[string][]int{"o1": {1, 2, 3, 4, 5}, "o2": {1, 2, 3}},
		Payments: []Entry{
			{Key: "o1/capture/1", OrderID: "o1", Operation: "capture", Amount: 100},
			{Key: "o1/refund/r", OrderID: "o1", Operation: "refund", Amount: 10},
			{Key: "o2/capture/1", OrderID: "o2", Operation: "capture", Amount: 50},
			{Key: "o2/refund/r", OrderID: "o2", Operation: "refund", Amount: 50},
		},
		Stock: []Entry{
			{Key: "o1/reserve/1", OrderID: "o1", Operation: "reserve", Amount: 3},
			{Key: "o2/reserve/1", OrderID: "o2", Operation: "reserve", Amount: 2},
			{Key: "o2/release/1", OrderID: "o2", Operation: "release", Amount: 2},
		},
		Parcels: []Entry{
			{Key: "s1/book/1", OrderID: "o1", Operation: "book", ShipmentID: "s1"},
			{Key: "s2/book/1", OrderID: "o2", Operation: "book", ShipmentID: "s2"},
			{Key: "s2/cancel/1", OrderID: "o2", Operation: "cancel", ShipmentID: "s2"},
		},
		Carried: map[string]string{"s1": "delivered"},
		Counted: []Counted{
			{began.Add(time.Hour), map[order.Status]int64{order.Created: 2}},
			{began.Add(2 * time.Hour), map[order.Status]int64{order.Delivered: 1, order.Cancelled: 1, order.Created: 0}},
		},
		Running: map[string]int{"o1": 1},
		Failing: map[string]string{},
	}
}

func TestCheck_SoundFacts_FindsNothing(t *testing.T) {
	t.Parallel()
	if found := Check(sound()); len(found) > 0 {
		t.Errorf("found %v", found)
	}
}

// change changes an order's stream among the facts.
func change(id string, how func(*Stream)) func(*Facts) {
	return func(f *Facts) {
		stream := f.Streams[id]
		how(&stream)
		f.Streams[id] = stream
	}
}

// Each case breaks one thing, and that must be found and be called what it is.
func TestCheck_BrokenFacts_AreFound(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		breaks func(*Facts)
		want   Kind
		says   string
	}{
		"an acknowledged note is gone": {change("o1", func(s *Stream) { s.Events[1] = Event{2, "PaymentAuthorized", "auth", "workflow"} }), Lost, "is not there"},
		"an acknowledged order is gone": {func(f *Facts) {
			delete(f.Streams, "o2")
			f.Payments, f.Stock, f.Parcels = f.Payments[:2], f.Stock[:1], f.Parcels[:1]
		}, Lost, "place"},
		"an answer named another version": {func(f *Facts) { f.Sent[1].Version = 4 }, Lost, "led to version 2"},
		"a command stands in two places":  {change("o1", func(s *Stream) { s.Events[4].CommandID = "n1" }), Doubled, "again at 5"},
		"a command has its event twice":   {change("o1", func(s *Stream) { s.Events[2] = s.Events[1]; s.Events[2].Version = 3 }), Doubled, "2 events OrderNoteAdded"},
		"a command that nobody sent":      {change("o1", func(s *Stream) { s.Events[2].Source = "api" }), Doubled, "nobody sent"},
		"a refused command was applied":   {func(f *Facts) { f.Sent[2].Outcome = Refused }, Doubled, "was refused"},
		"two answers do not agree":        {func(f *Facts) { f.Sent[0].Disagreement = "1 and 2" }, Doubled, "answered differently"},
		"a version is missing":            {change("o1", func(s *Stream) { s.Events[4].Version = 6 }), Unsound, "stands at place 5"},
		"the feed skips an event":         {func(f *Facts) { f.Delivered["o1"] = []int{1, 2, 3, 5} }, Lost, "never delivered version 4"},
		"the feed gives an event twice":   {func(f *Facts) { f.Delivered["o1"] = []int{1, 2, 3, 4, 4, 5} }, Doubled, "version 4 more than once"},
		"the feed goes back":              {func(f *Facts) { f.Delivered["o1"] = []int{1, 3, 2, 4, 5} }, Unsound, "2 after 3"},
		"one key, two captures":           {func(f *Facts) { f.Payments = append(f.Payments, f.Payments[0]) }, ChargedTwice, "happened twice"},
		"another capture": {func(f *Facts) {
			f.Payments = append(f.Payments, Entry{Key: "o1/capture/2", OrderID: "o1", Operation: "capture", Amount: 100})
		}, ChargedTwice, "took 200"},
		"a capture that did not happen":   {func(f *Facts) { f.Payments = f.Payments[1:] }, Lost, "provider took 0"},
		"a refund that did not happen":    {func(f *Facts) { f.Payments[1].Amount = 9 }, WrongRefund, "paid 9 back"},
		"refunds that do not sum up":      {change("o1", func(s *Stream) { s.State.Refunds[0].Amount = 9 }), WrongRefund, "sum up to 9"},
		"more paid back than taken":       {change("o1", func(s *Stream) { s.State.Payment.Captured = 5 }), WrongRefund, "paid back of 5"},
		"a cancelled order that was paid": {func(f *Facts) { f.Payments[3].Amount = 49 }, WrongRefund, "49 paid back"},
		"money of an order that is not":   {func(f *Facts) { f.Payments = append(f.Payments, Entry{OrderID: "o3", Operation: "authorize"}) }, Lost, "there is not"},
		"stock that stays reserved":       {func(f *Facts) { f.Stock = f.Stock[:2] }, StockAstray, "2 reserved, 0 released"},
		"more came back than left":        {func(f *Facts) { f.Stock = append(f.Stock, Entry{OrderID: "o2", Operation: "restock", Amount: 1}) }, StockAstray, "1 came back of 0"},
		"goods that came back unsaid":     {func(f *Facts) { f.Stock = append(f.Stock, Entry{OrderID: "o2", Operation: "restock", Amount: 1}) }, StockAstray, "the order says 0"},
		"goods that did not come back": {change("o2", func(s *Stream) {
			s.State.Shipments[0].Lines, s.State.Shipments[0].Restocked = []order.ShipmentLine{{LineID: "l1", Quantity: 2}}, true
		}), StockAstray, "the order says 2"},
		"a return paid back twice":     {change("o1", func(s *Stream) { s.State.Refunds = append(s.State.Refunds, s.State.Refunds[0]) }), WrongRefund, "is paid back for return rma_1"},
		"more of a line than was paid": {change("o1", func(s *Stream) { s.State.Lines[0].UnitPrice = 0 }), WrongRefund, "line l1 for 10 came back"},
		"a delivery nobody told of":    {func(f *Facts) { f.Carried = nil }, Doubled, "never said so"},
		"counts that differ":           {func(f *Facts) { f.Counted[0].Counts[order.Created] = 1 }, ReadModel, "by the events it is 2"},
		"one key, two reservations":    {func(f *Facts) { f.Stock = append(f.Stock, f.Stock[0]) }, Doubled, "ledger of stock"},
		"a parcel booked twice": {func(f *Facts) {
			f.Parcels = append(f.Parcels, Entry{Key: "s1/book/2", OrderID: "o1", Operation: "book", ShipmentID: "s1"})
		}, ParcelAstray, "has 2 bookings"},
		"a cancelled parcel travels":       {func(f *Facts) { f.Parcels = f.Parcels[:2] }, ParcelAstray, "s2 is cancelled"},
		"a carrier's news are lost":        {change("o1", func(s *Stream) { s.State.Shipments[0].Status = order.ShipmentIsDispatched }), Lost, "s1 is delivered"},
		"an open order without a workflow": {func(f *Facts) { f.Running = nil }, Stuck, "0 workflows run"},
		"an open order with two":           {func(f *Facts) { f.Running["o1"] = 2 }, Stuck, "2 workflows run"},
		"an ended order with one":          {func(f *Facts) { f.Running["o2"] = 1 }, Stuck, "1 workflows run"},
		"a workflow for no order":          {func(f *Facts) { f.Running["o3"] = 1 }, Stuck, "that there is not"},
		"a workflow that fails":            {func(f *Facts) { f.Failing["o1"] = "nondeterminism" }, Stuck, "nondeterminism"},
		"a step that nobody does":          {change("o1", func(s *Stream) { s.Plan.Steps = []order.Step{{ID: "book#1"}} }), Stuck, "book#1"},
		"a deadline that passed":           {change("o1", func(s *Stream) { s.Plan.Deadline.At = s.Plan.Deadline.At.AddDate(0, -2, 0) }), Stuck, "deadline passed"},
		"an order that waits for nothing":  {change("o1", func(s *Stream) { s.Plan.Deadline, s.Plan.WaitingFor = nil, "" }), Stuck, "waits for nothing"},
		"attention that nobody could help": {change("o1", func(s *Stream) { s.State.Attention = []order.Attention{{AttentionID: "a"}} }), Stuck, "no operator"},
		"a broken chain":                   {func(f *Facts) { f.Verified = []VerifyFault{{"o1", "hash", "changed"}} }, Unsound, "changed"},
		"a read model that differs":        {func(f *Facts) { f.Verified = []VerifyFault{{"o1", "read_model", "differs"}} }, ReadModel, "differs"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			facts := sound()
			tt.breaks(&facts)
			for _, finding := range Check(facts) {
				if finding.Kind == tt.want && strings.Contains(finding.What, tt.says) {
					return
				}
			}
			t.Errorf("want %s that says %q, got %v", tt.want, tt.says, Check(facts))
		})
	}
}
