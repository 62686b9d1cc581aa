package workflows

import (
	"time"

	"orderly/order"
)

// OrderTaskQueue is where orders and their steps run.
const OrderTaskQueue = "orderly-orders"

// OrderWorkflow is the registered name of [Order].
const OrderWorkflow = "Order"

// The activities that are not a step. A step's activity has the name of the step.
const (
	ApplyActivity = "Apply" // ApplyInput -> Outcome
	LookActivity  = "Look"  // order id -> Outcome
)

// LookUpdate is the Update that has the workflow read its order again, for one that has missed what was recorded. It takes nothing
// and answers with a CommandResult.
const LookUpdate = "Look"

// OrderWorkflowID is the id of the workflow of an order.
func OrderWorkflowID(orderID string) string { return "order-" + orderID }

// OrderInput starts the workflow of an order.
type OrderInput struct {
	OrderID string `json:"order_id"`
	// URL is where people find the order, for links in the Temporal Web UI; it may be empty.
	URL string `json:"url,omitempty"`
	// Resume is true for the workflow of an order that exists: it reads the order first instead of waiting for a command.
	Resume bool `json:"resume,omitempty"`
}

// CommandResult answers a command's Update.
type CommandResult struct {
	// Version is the order's version after the command.
	Version int `json:"version"`
	// Replayed is true when the command had been applied before.
	Replayed bool `json:"replayed,omitempty"`
}

// ApplyInput asks for a command to be applied to an order.
type ApplyInput struct {
	OrderID string        `json:"order_id"`
	Command order.Command `json:"command"`
}

// StepInput asks for a step of an order's plan.
type StepInput struct {
	OrderID string     `json:"order_id"`
	Step    order.Step `json:"step"`
	// Again is true when the effect may have been asked for before, by another run or another start of the step: it is looked up
	// before it is asked for.
	Again bool `json:"again,omitempty"`
}

// Outcome is what the workflow learns from an activity about its order.
type Outcome struct {
	CommandResult
	// Current is the order's version now, 0 when there is no such order.
	Current int        `json:"current"`
	Plan    order.Plan `json:"plan"`
	Summary Summary    `json:"summary"`
}

// Summary is what operators see of an order in the Temporal Web UI. It holds no personal data.
type Summary struct {
	Status     order.Status      `json:"status"`
	CustomerID string            `json:"customer_id"`
	Payment    string            `json:"payment"`
	Stock      string            `json:"stock"`
	Shipments  []ShipmentSummary `json:"shipments,omitempty"`
	Attention  []Trouble         `json:"attention,omitempty"`
	Holds      []string          `json:"holds,omitempty"`
}

// ShipmentSummary is a parcel in a Summary.
type ShipmentSummary struct {
	ID       string               `json:"id"`
	Status   order.ShipmentStatus `json:"status"`
	Carrier  string               `json:"carrier"`
	Tracking string               `json:"tracking,omitempty"`
}

// Trouble is a parked step in a Summary.
type Trouble struct {
	ID      string         `json:"id"`
	Step    order.StepName `json:"step"`
	Code    string         `json:"code"`
	Message string         `json:"message"`
	Allowed []string       `json:"allowed"`
	Since   time.Time      `json:"since"`
}

// The types of the application errors with which a command's Update is refused. Their details carry the error of
// package order that they are named after.
const (
	ErrTypeNotAllowed      = "NotAllowed"
	ErrTypeInvalid         = "Invalid"
	ErrTypeVersionMismatch = "VersionMismatch"
	ErrTypeOrderExists     = "OrderExists"
	ErrTypeOrderNotFound   = "OrderNotFound"
)

// The types of the application errors with which a step fails. Their details carry a [Failure].
const (
	ErrTypeUnavailable    = "Unavailable"    // it did not happen; try again
	ErrTypeUnknownOutcome = "UnknownOutcome" // it may have happened
)

// CodeUnknownOutcome is the code of a failure after which nobody knows whether the step had its effect.
const CodeUnknownOutcome = "unknown_outcome"

// Failure is why a try of a step failed.
type Failure struct {
	Class   string `json:"class"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Attempt int    `json:"attempt"`
}
