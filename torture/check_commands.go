package torture

import "fmt"

// events that a command has exactly one of, by what it asks for.
var marks = map[string]string{
	"place": "OrderCreated", "notes": "OrderNoteAdded", "hold": "OrderHeld", "release": "OrderReleased", "address": "ShippingAddressChanged",
	"amend": "OrderAmended", "cancel": "CancellationRequested", "refunds": "RefundRequested", "fraud-review": "FraudReviewed",
	"respond": "CustomerResponded", "payment-method": "PaymentMethodProvided", "returns": "ReturnRequested", "approve": "ReturnApproved",
	"reject": "ReturnRejected", "receive": "ReturnReceived", "retry": "StepRetried", "skip": "StepSkipped", "resolve": "StepResolved",
	"waive": "CompensationWaived", "reroute": "ShipmentRerouted",
}

// applied is what a command did to a stream.
type applied struct {
	orderID     string
	first, last int // versions
	events      int
	byType      map[string]int
	source      string
}

// commands checks that every acknowledged command is in its stream exactly once, that nothing is there that nobody sent or
// that was refused, and that answers to one command agree.
func (c *checker) commands() {
	inStreams := c.applied()
	sent := map[string]bool{}
	for _, op := range c.Sent {
		sent[op.CommandID] = true
		c.command(op, inStreams[op.OrderID+"\x00"+op.CommandID])
	}
	for _, id := range c.orders() {
		for _, event := range c.Streams[id].Events {
			if event.Source == "api" && !sent[event.CommandID] {
				c.findf(Doubled, id, "version %d, %s, is of a command that nobody sent", event.Version, event.Type)
			}
		}
	}
}

// applied gathers what each command did, by order and command.
func (c *checker) applied() map[string]*applied {
	all := map[string]*applied{}
	for _, id := range c.orders() {
		for i, event := range c.Streams[id].Events {
			if event.Version != i+1 {
				c.findf(Unsound, id, "version %d stands at place %d", event.Version, i+1)
			}
			key := id + "\x00" + event.CommandID
			a := all[key]
			if a == nil {
				a = &applied{orderID: id, first: event.Version, byType: map[string]int{}, source: event.Source}
				all[key] = a
			}
			a.last = event.Version
			a.events++
			a.byType[event.Type]++
			if a.last-a.first+1 != a.events {
				c.findf(Doubled, id, "command %.12s was applied at version %d and again at %d", event.CommandID, a.first, a.last)
			}
		}
	}
	return all
}

func (c *checker) command(op Operation, did *applied) {
	name := fmt.Sprintf("%s with key %s", op.What, op.Key)
	if op.Disagreement != "" {
		c.findf(Doubled, op.OrderID, "%s was answered differently: %s", name, op.Disagreement)
	}
	if did == nil {
		if op.Outcome == Acknowledged {
			c.findf(Lost, op.OrderID, "%s was acknowledged at version %d and is not there", name, op.Version)
		}
		return
	}
	switch {
	case op.Outcome == Refused:
		c.findf(Doubled, op.OrderID, "%s was refused and is there, at version %d", name, did.first)
	case op.Outcome == Acknowledged && op.Version != did.last:
		c.findf(Lost, op.OrderID, "%s was acknowledged at version %d and led to version %d", name, op.Version, did.last)
	}
	if mark, known := marks[op.What]; known && did.byType[mark] > 1 {
		c.findf(Doubled, op.OrderID, "%s has %d events %s", name, did.byType[mark], mark)
	}
}
