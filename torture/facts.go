package torture

import (
	"time"

	"orderly/order"
)

// Facts are what is known at the end of a run, collected from everywhere.
type Facts struct {
	// Now is when they were collected.
	Now time.Time
	// Sent are all operations of clients, with what they were told.
	Sent []Operation
	// Streams are the orders as their events tell, by id.
	Streams map[string]Stream
	// Delivered are the versions of each order in the order in which a reader of the feed got them, while all went wrong.
	Delivered map[string][]int
	// Payments, Stock and Parcels are the ledgers of the outside world.
	Payments, Stock, Parcels []Entry
	// Carried is where each parcel is by its carrier's word, by shipment: what the carrier got a 2xx for.
	Carried map[string]string
	// Counted are the API's counts of orders in each status at instants of the run.
	Counted []Counted
	// Running is how many workflows run for each order.
	Running map[string]int
	// Failing are the workflows whose tasks fail, with why.
	Failing map[string]string
	// Verified are the faults that `orderly verify --all --read-models` found.
	Verified []VerifyFault
}

// Stream is an order as its events tell.
type Stream struct {
	Events []Event
	// Entered are the statuses that the order came to, in their order.
	Entered []Entered
	State   order.State
	Plan    order.Plan
}

// Event is what matters here of an event.
type Event struct {
	Version   int
	Type      string
	CommandID string
	// Source is where the command came in.
	Source string
}

// Entered is a status that an order came to.
type Entered struct {
	At     time.Time
	Status order.Status
}

// Counted is how many orders were in each status at an instant.
type Counted struct {
	At     time.Time              `json:"at"`
	Counts map[order.Status]int64 `json:"counts"`
}

// Entry is one effect in a ledger.
type Entry struct {
	Key        string `json:"key"`
	OrderID    string `json:"order_id"`
	Operation  string `json:"operation"`
	Amount     int64  `json:"amount"`
	Carrier    string `json:"carrier"`
	ShipmentID string `json:"shipment_id"`
}

// VerifyFault is a fault that `orderly verify` found.
type VerifyFault struct {
	Stream  string `json:"stream"`
	Fault   string `json:"fault"`
	Problem string `json:"problem"`
}

// Kind says which promise a finding breaks.
type Kind string

// The kinds, in the order in which they are reported.
const (
	Lost         Kind = "lost"
	Doubled      Kind = "doubled"
	ChargedTwice Kind = "charged twice"
	WrongRefund  Kind = "wrong refunds"
	ReadModel    Kind = "read models that differ"
	Stuck        Kind = "stuck"
	Unsound      Kind = "streams that are not sound"
	StockAstray  Kind = "stock astray"
	ParcelAstray Kind = "parcels astray"
)

// Kinds lists them all.
var Kinds = []Kind{Lost, Doubled, ChargedTwice, WrongRefund, ReadModel, Stuck, Unsound, StockAstray, ParcelAstray}

// Finding is a promise that was broken.
type Finding struct {
	Kind    Kind   `json:"kind"`
	OrderID string `json:"order_id,omitempty"`
	What    string `json:"what"`
}
