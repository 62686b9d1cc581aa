package bulk

import (
	"errors"
	"time"

	"orderly/order"
)

// The commands that can be given to many orders.
const (
	Retry   = "retry"   // the parked step again
	Reroute = "reroute" // the parcel whose booking is parked, with another carrier or from another warehouse
	Cancel  = "cancel"  // the order
)

// State is how far an operation is.
type State string

// The states of an operation. Completed and Cancelled are final; a dry run is completed at once.
const (
	Running   State = "running"
	Suspended State = "suspended"
	Cancelled State = "cancelled"
	Completed State = "completed"
)

// Errors of the Store.
var (
	ErrNotFound = errors.New("there is no such operation")
	// ErrKeyReused says that another request began an operation under this id.
	ErrKeyReused = errors.New("another operation was begun under this id")
	// ErrOver says that the operation has ended.
	ErrOver = errors.New("the operation has ended")
)

// Filter says which orders are meant; conditions add up. Step, Code and Carrier are those of parked steps.
type Filter struct {
	Step       string   `json:"step,omitempty"`
	Code       string   `json:"code,omitempty"`
	Carrier    string   `json:"carrier,omitempty"`
	Status     string   `json:"status,omitempty"`
	CustomerID string   `json:"customer_id,omitempty"`
	OrderIDs   []string `json:"order_ids,omitempty"`
}

// Empty says whether everything would match.
func (f Filter) Empty() bool {
	return f.Step == "" && f.Code == "" && f.Carrier == "" && f.Status == "" && f.CustomerID == "" && len(f.OrderIDs) == 0
}

// Operation is what somebody wants of many orders.
type Operation struct {
	ID      string
	Tenant  string
	Command string
	Filter  Filter
	// Carrier and Warehouse are for Reroute.
	Carrier, Warehouse string
	Reason             string
	// DryRun only writes down what matches.
	DryRun bool
	// Rate is how many orders a second get the command.
	Rate      int
	Actor     order.Actor
	State     State
	StartedAt time.Time
	EndedAt   *time.Time
	Counts    Counts
}

// Counts say how many targets there are in each status.
type Counts struct {
	Total   int `json:"total"`
	Pending int `json:"pending"`
	Done    int `json:"done"`
	Refused int `json:"refused"`
	Failed  int `json:"failed"`
}

// Tries is how often an order is asked before it has failed: over a quarter of an hour, since each pause is twice as long as the
// one before.
const Tries = 10

// Target is one order, or one parked step of it, and what became of it: Status is pending, done, refused by the rules, or failed
// because the order could not be reached. Version is the order's after the command, Detail why it was refused, has failed, or was
// not reached the last time.
type Target struct {
	OrderID     string
	AttentionID string
	ShipmentID  string
	Status      string
	Version     *int
	Detail      string
}

// CommandOf is the command for a target. Its id is made of the operation and the target, so that it counts once.
func (o Operation) CommandOf(t Target) order.Command {
	command := order.Command{ID: "bulk/" + o.ID + "/" + t.AttentionID, Actor: o.Actor, Reason: o.Reason, Source: "bulk"}
	switch o.Command {
	case Retry:
		command.Body = order.RetryStep{AttentionID: t.AttentionID}
	case Reroute:
		command.Body = order.RerouteShipment{ShipmentID: t.ShipmentID, Carrier: o.Carrier, Warehouse: o.Warehouse}
	default:
		command.Body = order.CancelOrder{}
	}
	return command
}
