package torture

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// Outcome is what a client was told of its operation at last.
type Outcome string

// The outcomes.
const (
	Unknown      Outcome = "unknown" // no answer, or none that says what became of it
	Acknowledged Outcome = "acknowledged"
	Refused      Outcome = "refused"
)

// Operation is a command that a client sent, once or many times under one key.
type Operation struct {
	// CommandID is how the streams name it.
	CommandID string
	Key       string
	OrderID   string
	// What is the last part of its path: cancel, notes, retry; place for a new order.
	What    string
	Outcome Outcome
	// Version is the order's version that an acknowledged one led to.
	Version int
	// Disagreement is set when two answers to it do not agree.
	Disagreement string

	path string
	body any
	// ifMatch is the version on which it is based; 0 for any.
	ifMatch int
}

// view is an order as the API shows it: what a client needs to know to ask for something sensible.
type view struct {
	OrderID  string `json:"order_id"`
	Version  int    `json:"version"`
	Status   string `json:"status"`
	Captured int64  `json:"captured"`
	Refunded int64  `json:"refunded"`
	Lines    []struct {
		LineID   string `json:"line_id"`
		Quantity int64  `json:"quantity"`
	} `json:"lines"`
	Holds []struct {
		Code string `json:"code"`
	} `json:"holds"`
	Actions []struct {
		ActionID string   `json:"action_id"`
		Kind     string   `json:"kind"`
		Options  []string `json:"options"`
	} `json:"actions"`
	Shipments []struct {
		ShipmentID string `json:"shipment_id"`
		Status     string `json:"status"`
	} `json:"shipments"`
	Attention []struct {
		AttentionID string   `json:"attention_id"`
		Allowed     []string `json:"allowed"`
	} `json:"attention"`
	Returns []struct {
		RMAID  string `json:"rma_id"`
		Status string `json:"status"`
	} `json:"returns"`
}

// object is a JSON object that is sent.
type object map[string]any

// generator makes operations from a random source of its own.
type generator struct {
	random *rand.Rand
	client int
	made   int
}

// key is a new idempotency key, the same in every run with the same seed.
func (g *generator) key() string {
	g.made++
	return fmt.Sprintf("c%d-%d-%08x", g.client, g.made, g.random.Uint32())
}

// one picks one of the choices.
func one[T any](random *rand.Rand, choices ...T) T { return choices[random.IntN(len(choices))] }

// chance is true in about n of 100 cases.
func chance(random *rand.Rand, n int) bool { return random.IntN(100) < n }

// place is a new order: mostly a plain one, sometimes with everything that can be wrong with orders.
func (g *generator) place() Operation {
	key := g.key()
	lines := []object{}
	for range 1 + g.random.IntN(3) {
		sku := fmt.Sprintf("SKU-%d", 1+g.random.IntN(5))
		switch {
		case chance(g.random, 15):
			sku = "TWO-WAREHOUSES-1"
		case chance(g.random, 4):
			sku = "OUT-OF-STOCK"
		}
		lines = append(lines, object{"sku": sku, "quantity": 1 + g.random.IntN(4), "unit_price": 1 + g.random.IntN(9999), "tax": g.random.IntN(100)})
	}
	token := "tok_visa"
	if chance(g.random, 25) {
		token = one(g.random, "tok_declined", "tok_insufficient_funds", "tok_fraud_review", "tok_fraud_review", "tok_fraud_reject", "tok_expires", "tok_slow")
	}
	address := g.address()
	if chance(g.random, 3) {
		address["postal_code"] = "00000"
	}
	body := object{
		"order_id": "t-" + key, "customer_id": fmt.Sprintf("cust_%d", g.random.IntN(50)), "currency": one(g.random, "USD", "EUR", "JPY"),
		"lines": lines, "shipping_fee": g.random.IntN(900), "ship_to": address,
		"payment": object{"method": "card", "token": token}, "shipping": object{"carrier": one(g.random, "fedex", "ups", "dhl")},
	}
	return Operation{Key: key, OrderID: "t-" + key, What: "place", path: "/v1/orders", body: body}
}

func (g *generator) address() object {
	return object{"name": "A. Buyer", "line1": fmt.Sprintf("%d Main St", 1+g.random.IntN(999)), "city": "Austin", "postal_code": "78701", "country": "US"}
}

// steer is something that may be asked of an order as it was seen. Sometimes it is not allowed: that is to be refused.
func (g *generator) steer(seen view) Operation {
	choices := g.choices(seen)
	op := choices[g.random.IntN(len(choices))]
	op.Key, op.OrderID = g.key(), seen.OrderID
	op.path = "/v1/orders/" + seen.OrderID + op.path
	if op.body == nil {
		op.body = object{"reason": "torture " + op.Key}
	}
	if chance(g.random, 10) {
		op.ifMatch = seen.Version
	}
	return op
}

// choices are operations that make sense for an order; more often than once where they are to be more frequent.
func (g *generator) choices(seen view) []Operation {
	note := Operation{What: "notes", path: "/notes", body: object{"text": "a note"}}
	all := []Operation{
		note, note,
		{What: "cancel", path: "/cancel"},
		{What: "hold", path: "/hold", body: object{"code": "manual", "reason": "torture"}},
		{What: "address", path: "/address", body: g.address()},
	}
	if len(seen.Lines) > 0 {
		line := one(g.random, seen.Lines...)
		all = append(all, Operation{What: "amend", path: "/amend", body: object{
			"reason": "torture", "lines": []object{{"line_id": line.LineID, "quantity": 1 + g.random.IntN(5)}},
		}}, Operation{What: "returns", path: "/returns", body: object{
			"reason": "torture", "resolution": one(g.random, "refund", "refund", "replace"), "lines": []object{{"line_id": line.LineID, "quantity": 1}},
		}})
	}
	if seen.Captured > seen.Refunded {
		all = append(all, Operation{What: "refunds", path: "/refunds", body: object{"reason": "torture", "amount": 1 + g.random.Int64N(50)}})
	}
	return append(append(all, g.answers(seen)...), g.repairs(seen)...)
}

// answers are what an order waits for: releases, reviews, customers' choices, decisions about returns.
func (g *generator) answers(seen view) (all []Operation) {
	for _, hold := range seen.Holds {
		if hold.Code == "fraud_review" {
			all = append(all, Operation{What: "fraud-review", path: "/fraud-review", body: object{"decision": one(g.random, "accept", "accept", "reject"), "reason": "torture"}})
			continue
		}
		release := Operation{What: "release", path: "/release", body: object{"code": hold.Code, "reason": "torture"}}
		all = append(all, release, release, release)
	}
	for _, action := range seen.Actions {
		if len(action.Options) > 0 {
			all = append(all, Operation{What: "respond", path: "/respond", body: object{"action_id": action.ActionID, "choice": one(g.random, action.Options...)}})
		}
		if action.Kind == "payment_method" {
			all = append(all, Operation{What: "payment-method", path: "/payment-method", body: object{"method": "card", "token": "tok_visa"}})
		}
	}
	for _, rma := range seen.Returns {
		path := "/returns/" + rma.RMAID
		switch rma.Status {
		case "requested":
			decide := Operation{What: "approve", path: path + "/approve"}
			all = append(all, decide, decide, Operation{What: "reject", path: path + "/reject"})
		case "approved":
			receive := Operation{What: "receive", path: path + "/receive"}
			all = append(all, receive, receive)
		}
	}
	return all
}

// repairs are what operators do about parcels and parked steps. That a step was done by hand is said of none: the ledgers
// would not know of it.
func (g *generator) repairs(seen view) (all []Operation) {
	for _, shipment := range seen.Shipments {
		if shipment.Status != "delivered" {
			all = append(all, Operation{What: "reroute", path: "/shipments/" + shipment.ShipmentID + "/reroute", body: object{
				"carrier": one(g.random, "fedex", "ups", "dhl"), "reason": "torture",
			}})
		}
	}
	for _, attention := range seen.Attention {
		for _, verb := range attention.Allowed {
			if verb == "retry" || verb == "skip" {
				all = append(all, Operation{What: verb, path: "/attention/" + attention.AttentionID + "/" + verb})
			}
		}
	}
	return all
}

// encoded is the body as it is sent.
func (o *Operation) encoded() []byte {
	text, err := json.Marshal(o.body)
	if err != nil {
		panic(fmt.Sprintf("a body of the generator is no JSON: %v", err))
	}
	return text
}
