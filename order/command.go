package order

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Command is what somebody wants of an order, with who wants it. A command whose ID was applied already changes
// nothing and has the result of the first time.
type Command struct {
	ID     string
	Actor  Actor
	Reason string
	// Source is where it came in: api, webhook, workflow, cli.
	Source string
	// Expect is the version that the sender has seen, or nil.
	Expect *int
	// At is when it is decided. The journal sets it.
	At time.Time
	// Fresh says that the stream was searched and does not have it. The journal sets it.
	Fresh bool
	Body  Body
}

// Actor is who wants it.
type Actor struct {
	Type  string   `json:"type"` // customer, operator, integrator, carrier, system
	ID    string   `json:"id"`
	Roles []string `json:"roles,omitempty"`
}

// Body is what is wanted; each type is a struct of this package.
type Body interface {
	// CommandName is the name of the command and of its Temporal Update.
	CommandName() string
}

// The commands that people and other systems send.
type (
	// PlaceOrder opens an order. Lines come with their ids.
	PlaceOrder struct {
		OrderCreated
	}
	// CancelOrder undoes an order of which nothing was dispatched, or takes only some shipments out of it.
	CancelOrder struct {
		ShipmentIDs []string `json:"shipment_ids,omitempty"`
	}
	// HoldOrder stops all forward steps until the release, or until Until.
	HoldOrder struct {
		Code  string     `json:"code"`
		Until *time.Time `json:"until,omitempty"`
	}
	// ReleaseOrder takes a hold away.
	ReleaseOrder struct {
		Code string `json:"code"`
	}
	// RespondToAction is the customer's choice among the options of an action.
	RespondToAction struct {
		ActionID string `json:"action_id"`
		Choice   string `json:"choice"`
	}
	// ProvidePaymentMethod replaces a means of payment that was declined.
	ProvidePaymentMethod struct {
		Method string `json:"method"`
		Token  string `json:"token"`
	}
	// ChangeAddress replaces the address while no parcel is booked.
	ChangeAddress struct {
		ShipTo ShipTo `json:"ship_to"`
	}
	// AddNote writes a remark into the stream.
	AddNote struct {
		Text string `json:"text"`
	}
	// RetryStep starts a parked step again.
	RetryStep struct {
		AttentionID string `json:"attention_id"`
	}
	// SkipStep leaves a parked step out.
	SkipStep struct {
		AttentionID string `json:"attention_id"`
	}
	// ResolveStep says that a parked step was done by hand; ExternalRef names the proof.
	ResolveStep struct {
		AttentionID string `json:"attention_id"`
		ExternalRef string `json:"external_ref,omitempty"`
	}
	// RerouteShipment books a parcel with another carrier, or from another warehouse.
	RerouteShipment struct {
		ShipmentID string `json:"shipment_id"`
		Carrier    string `json:"carrier,omitempty"`
		Warehouse  string `json:"warehouse,omitempty"`
	}
	// RecordCarrierUpdate is what a carrier says about a parcel. Status is dispatched, out_for_delivery, attempt_failed,
	// lost, damaged, return_to_sender, returned or delivered.
	RecordCarrierUpdate struct {
		EventID    string    `json:"event_id"`
		ShipmentID string    `json:"shipment_id"`
		Status     string    `json:"status"`
		At         time.Time `json:"at"`
		Location   string    `json:"location,omitempty"`
		Proof      string    `json:"proof,omitempty"`
	}
	// PassDeadline lets everything happen that is due by now.
	PassDeadline struct{}
	// ReportStepFailure parks a step whose retries are used up, or that was refused with no rule for it.
	ReportStepFailure struct {
		Step     Step   `json:"step"`
		Class    string `json:"class"` // a refusal's class, or unavailable, or unknown
		Code     string `json:"code"`
		Message  string `json:"message"`
		Attempts int    `json:"attempts"`
	}
)

//nolint:revive // names as they are
func (PlaceOrder) CommandName() string           { return "PlaceOrder" }
func (CancelOrder) CommandName() string          { return "CancelOrder" }
func (HoldOrder) CommandName() string            { return "HoldOrder" }
func (ReleaseOrder) CommandName() string         { return "ReleaseOrder" }
func (RespondToAction) CommandName() string      { return "RespondToAction" }
func (ProvidePaymentMethod) CommandName() string { return "ProvidePaymentMethod" }
func (ChangeAddress) CommandName() string        { return "ChangeAddress" }
func (AddNote) CommandName() string              { return "AddNote" }
func (RetryStep) CommandName() string            { return "RetryStep" }
func (SkipStep) CommandName() string             { return "SkipStep" }
func (ResolveStep) CommandName() string          { return "ResolveStep" }
func (RerouteShipment) CommandName() string      { return "RerouteShipment" }
func (RecordCarrierUpdate) CommandName() string  { return "RecordCarrierUpdate" }
func (PassDeadline) CommandName() string         { return "PassDeadline" }
func (ReportStepFailure) CommandName() string    { return "ReportStepFailure" }

// decoders read the bodies that travel as JSON, by command name.
var decoders = map[string]func([]byte) (Body, error){
	"PlaceOrder":           decode[PlaceOrder],
	"CancelOrder":          decode[CancelOrder],
	"HoldOrder":            decode[HoldOrder],
	"ReleaseOrder":         decode[ReleaseOrder],
	"ReviewFraud":          decode[ReviewFraud],
	"IssueRefund":          decode[IssueRefund],
	"RespondToAction":      decode[RespondToAction],
	"ProvidePaymentMethod": decode[ProvidePaymentMethod],
	"ChangeAddress":        decode[ChangeAddress],
	"AmendOrder":           decode[AmendOrder],
	"AddNote":              decode[AddNote],
	"RetryStep":            decode[RetryStep],
	"SkipStep":             decode[SkipStep],
	"ResolveStep":          decode[ResolveStep],
	"WaiveCompensation":    decode[WaiveCompensation],
	"RerouteShipment":      decode[RerouteShipment],
	"RequestReturn":        decode[RequestReturn],
	"ApproveReturn":        decode[ApproveReturn],
	"RejectReturn":         decode[RejectReturn],
	"ReceiveReturn":        decode[ReceiveReturn],
	"RecordCarrierUpdate":  decode[RecordCarrierUpdate],
	"PassDeadline":         decode[PassDeadline],
	"ReportStepFailure":    decode[ReportStepFailure],
}

func decode[B Body](data []byte) (Body, error) {
	var body B
	err := json.Unmarshal(data, &body)
	return body, err
}

// CommandNames lists the commands that may be sent to an order as a Temporal Update.
func CommandNames() []string {
	return []string{
		"PlaceOrder", "CancelOrder", "HoldOrder", "ReleaseOrder", "ReviewFraud", "IssueRefund", "RespondToAction", "ProvidePaymentMethod", "ChangeAddress", "AmendOrder",
		"AddNote", "RetryStep", "SkipStep", "ResolveStep", "WaiveCompensation", "RerouteShipment", "RecordCarrierUpdate",
		"RequestReturn", "ApproveReturn", "RejectReturn", "ReceiveReturn",
	}
}

// wireCommand is a Command as JSON: the name of the body beside the body.
type wireCommand struct {
	ID     string          `json:"id"`
	Name   string          `json:"name"`
	Actor  Actor           `json:"actor"`
	Reason string          `json:"reason,omitempty"`
	Source string          `json:"source"`
	Expect *int            `json:"expect,omitempty"`
	Body   json.RawMessage `json:"body"`
}

// MarshalJSON writes the command with its name. At and Fresh are not written: they are set where the command is decided.
func (c Command) MarshalJSON() ([]byte, error) {
	if c.Body == nil {
		return nil, errors.New("command without a body")
	}
	body, err := json.Marshal(c.Body)
	if err != nil {
		return nil, err
	}
	return json.Marshal(wireCommand{c.ID, c.Body.CommandName(), c.Actor, c.Reason, c.Source, c.Expect, body})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *Command) UnmarshalJSON(data []byte) error {
	var wire wireCommand
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	decode, known := decoders[wire.Name]
	if !known {
		return fmt.Errorf("command %q is not known to this version of orderly", wire.Name)
	}
	body, err := decode(wire.Body)
	if err != nil {
		return fmt.Errorf("command %s: %w", wire.Name, err)
	}
	*c = Command{ID: wire.ID, Actor: wire.Actor, Reason: wire.Reason, Source: wire.Source, Expect: wire.Expect, Body: body}
	return nil
}
