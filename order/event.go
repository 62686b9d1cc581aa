package order

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// Event is the data of something that has happened to an order. Each type is a struct of this package; its name is
// the event type in the stream, its JSON the stored data.
type Event interface {
	// EventType is the name under which the event is stored, for ever.
	EventType() string
}

// Recorded is an event in its place in an order's stream.
type Recorded struct {
	Version   int
	At        time.Time
	CommandID string
	Reason    string
	Event     Event
}

// Placed lines, addresses and amounts.

// OrderCreated opens the stream: the order as it was placed.
type OrderCreated struct {
	Tenant      string   `json:"tenant"`
	CustomerID  string   `json:"customer_id"`
	Currency    string   `json:"currency"`
	ExternalRef string   `json:"external_ref,omitempty"`
	Channel     string   `json:"channel,omitempty"`
	Lines       []Line   `json:"lines"`
	ShippingFee int64    `json:"shipping_fee"`
	Total       int64    `json:"total"`
	ShipTo      ShipTo   `json:"ship_to"`
	Shipping    Shipping `json:"shipping"`
	Method      string   `json:"method"`
	Token       string   `json:"token"`
}

// OrderAmended replaces the lines: what could not be had was taken out, or, with ReserveAgain, other quantities are wanted
// for which goods and money are asked for anew.
type OrderAmended struct {
	Lines        []Line `json:"lines"`
	Total        int64  `json:"total"`
	ReserveAgain bool   `json:"reserve_again,omitempty"`
}

// ShippingAddressChanged replaces the address.
type ShippingAddressChanged struct {
	ShipTo ShipTo `json:"ship_to"`
}

// OrderNoteAdded is a remark for whoever reads the stream; it changes nothing.
type OrderNoteAdded struct {
	Text string `json:"text"`
}

// OrderHeld stops all forward steps until the hold with this code is released.
type OrderHeld struct {
	Code  string     `json:"code"`
	Until *time.Time `json:"until,omitempty"`
}

// OrderReleased takes the hold with this code away.
type OrderReleased struct {
	Code string `json:"code"`
}

// FraudScreened is the fraud service's judgement: clear, review or reject.
type FraudScreened struct {
	Decision  string `json:"decision"`
	Score     int    `json:"score"`
	Reference string `json:"reference,omitempty"`
}

// StockReserved: all lines are set aside under Key.
type StockReserved struct {
	Key           string       `json:"key"`
	ReservationID string       `json:"reservation_id"`
	Allocations   []Allocation `json:"allocations"`
	// ShipmentID is the parcel whose own reservation it is; empty for the order's.
	ShipmentID string `json:"shipment_id,omitempty"`
}

// StockShortageDetected: these quantities are not there; nothing was reserved.
type StockShortageDetected struct {
	Key        string       `json:"key"`
	Missing    []Allocation `json:"missing"`
	ShipmentID string       `json:"shipment_id,omitempty"`
}

// StockReleased: what was left of the reservation is free again, or the goods of one shipment.
type StockReleased struct {
	Key        string `json:"key"`
	ShipmentID string `json:"shipment_id,omitempty"`
}

// StockCommitted: the goods of a shipment have left the stock.
type StockCommitted struct {
	Key        string `json:"key"`
	ShipmentID string `json:"shipment_id"`
}

// CustomerActionRequested asks the customer to choose until Deadline; then the order is cancelled.
type CustomerActionRequested struct {
	ActionID string    `json:"action_id"`
	Kind     string    `json:"kind"`
	Options  []string  `json:"options"`
	Deadline time.Time `json:"deadline"`
	Notify   bool      `json:"notify,omitempty"` // the customer is to be told; of the other events, too
}

// CustomerResponded closes the action with the customer's choice.
type CustomerResponded struct {
	ActionID string `json:"action_id"`
	Choice   string `json:"choice"`
}

// PaymentMethodProvided replaces the means of payment.
type PaymentMethodProvided struct {
	Method string `json:"method"`
	Token  string `json:"token"`
}

// PaymentAuthorized: the amount is set aside on the means of payment.
type PaymentAuthorized struct {
	Key         string `json:"key"`
	Amount      int64  `json:"amount"`
	Currency    string `json:"currency"`
	Method      string `json:"method"`
	ProviderRef string `json:"provider_ref"`
}

// PaymentDeclined: the authorisation was refused.
type PaymentDeclined struct {
	Key     string `json:"key"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// PaymentExpired: the authorisation can no longer be captured; another one is needed.
type PaymentExpired struct {
	Key string `json:"key"`
}

// PaymentReceived: the amount was captured.
type PaymentReceived struct {
	Key         string `json:"key"`
	Amount      int64  `json:"amount"`
	Currency    string `json:"currency"`
	Method      string `json:"method"`
	ProviderRef string `json:"provider_ref"`
}

// PaymentVoided: the authorisation was given up.
type PaymentVoided struct {
	Key string `json:"key"`
}

// PaymentOutcomeUnknown: nobody could tell whether Operation took place.
type PaymentOutcomeUnknown struct {
	Key       string `json:"key"`
	Operation string `json:"operation"`
}

// RefundRequested opens a refund that is then carried out under its id.
type RefundRequested struct {
	RefundID   string `json:"refund_id"`
	Amount     int64  `json:"amount"`
	Reason     string `json:"reason"`
	ShipmentID string `json:"shipment_id,omitempty"`
	// CaptureKey is the capture of which the money goes back, when there are several.
	CaptureKey string `json:"capture_key,omitempty"`
	// RMAID is the return that it is for.
	RMAID string `json:"rma_id,omitempty"`
	// Amendment is true when the order costs less since it was amended.
	Amendment bool `json:"amendment,omitempty"`
}

// RefundIssued: the money went back.
type RefundIssued struct {
	RefundID    string `json:"refund_id"`
	Amount      int64  `json:"amount"`
	Currency    string `json:"currency"`
	ProviderRef string `json:"provider_ref"`
	Notify      bool   `json:"notify,omitempty"`
}

// ShipmentPlanned: these lines go from that warehouse in one parcel.
type ShipmentPlanned struct {
	ShipmentID string         `json:"shipment_id"`
	Warehouse  string         `json:"warehouse"`
	Carrier    string         `json:"carrier"`
	Lines      []ShipmentLine `json:"lines"`
	// Reserve is true when the goods need a reservation of their own, from Warehouse or, when that is empty, from any.
	Reserve bool `json:"reserve,omitempty"`
	// Replaces is the parcel, or the return, that it stands in for.
	Replaces string `json:"replaces,omitempty"`
}

// ShipmentBooked: a carrier will pick the parcel up.
type ShipmentBooked struct {
	ShipmentID     string     `json:"shipment_id"`
	Key            string     `json:"key"`
	Carrier        string     `json:"carrier"`
	TrackingNumber string     `json:"tracking_number"`
	BookingRef     string     `json:"booking_ref,omitempty"`
	LabelURL       string     `json:"label_url,omitempty"`
	ETA            *time.Time `json:"eta,omitempty"`
}

// ShipmentBookingFailed: this carrier will not, or could not be reached. Class is the class of the refusal, or
// unavailable, or unknown when it may have been booked all the same (the booking is then cancelled by its key).
type ShipmentBookingFailed struct {
	ShipmentID string `json:"shipment_id"`
	Key        string `json:"key"`
	Carrier    string `json:"carrier"`
	Class      string `json:"class"`
	Code       string `json:"code"`
	Message    string `json:"message"`
	Attempts   int    `json:"attempts"`
}

// ShipmentRerouted: the next booking is tried with this carrier; from Warehouse, when that is set, or from any but those of
// Exclude.
type ShipmentRerouted struct {
	ShipmentID string   `json:"shipment_id"`
	Carrier    string   `json:"carrier"`
	Warehouse  string   `json:"warehouse,omitempty"`
	Exclude    []string `json:"exclude,omitempty"`
}

// BookingDiscarded: a booking that may have happened was cancelled at the carrier, or can no longer happen.
type BookingDiscarded struct {
	ShipmentID string `json:"shipment_id"`
	Key        string `json:"key"`
}

// ShipmentDispatched: the carrier has the parcel. With the first one the order cannot be cancelled any more.
type ShipmentDispatched struct {
	ShipmentID string `json:"shipment_id"`
	CarrierScan
}

// ShipmentOutForDelivery: the parcel is on its last way.
type ShipmentOutForDelivery struct {
	ShipmentID string `json:"shipment_id"`
	CarrierScan
}

// ShipmentDelivered: the parcel has arrived.
type ShipmentDelivered struct {
	ShipmentID string `json:"shipment_id"`
	CarrierScan
}

// CarrierScan is what a carrier says about a moment of a parcel's way. EventID is empty when the scan was inferred
// from a later one or entered by hand.
type CarrierScan struct {
	EventID  string    `json:"carrier_event_id,omitempty"`
	At       time.Time `json:"at"`
	Location string    `json:"location,omitempty"`
	Proof    string    `json:"proof,omitempty"`
}

// ShipmentCancelled: the parcel will not be sent.
type ShipmentCancelled struct {
	ShipmentID string `json:"shipment_id"`
}

// OrderPartiallyShipped: some parcels are on their way, others are not.
type OrderPartiallyShipped struct {
	ShipmentIDs []string `json:"shipment_ids"`
}

// OrderShipped: every parcel is on its way.
type OrderShipped struct {
	TrackingNumbers []string `json:"tracking_numbers"`
	Notify          bool     `json:"notify,omitempty"`
}

// OrderDelivered: every parcel has arrived.
type OrderDelivered struct{}

// StepFailed parks a step: it waits for an operator or for NextRetryAt.
type StepFailed struct {
	AttentionID string     `json:"attention_id"`
	Step        StepName   `json:"step"`
	ShipmentID  string     `json:"shipment_id,omitempty"`
	Key         string     `json:"key"`
	Code        string     `json:"code"`
	Message     string     `json:"message"`
	Attempts    int        `json:"attempts"`
	Allowed     []string   `json:"allowed"`
	NextRetryAt *time.Time `json:"next_retry_at,omitempty"`
	GiveUpAt    *time.Time `json:"give_up_at,omitempty"`
}

// StepRetried takes the attention away and lets the step run again.
type StepRetried struct {
	AttentionID string `json:"attention_id"`
}

// StepSkipped takes the attention away and leaves the step out.
type StepSkipped struct {
	AttentionID string `json:"attention_id"`
}

// StepResolved takes the attention away: somebody did by hand what the step could not.
type StepResolved struct {
	AttentionID string `json:"attention_id"`
	ExternalRef string `json:"external_ref,omitempty"`
}

// CancellationRequested starts the compensation of the order, or takes only these parcels out of it.
type CancellationRequested struct {
	Reason      string   `json:"reason"`
	ShipmentIDs []string `json:"shipment_ids,omitempty"`
}

// OrderCancelled: all is undone.
type OrderCancelled struct {
	RefundedAmount int64 `json:"refunded_amount"`
	Notify         bool  `json:"notify,omitempty"`
}

// OrderClosed ends the order.
type OrderClosed struct{}

// IsEventType says whether there are events of a type.
func IsEventType(name string) bool { return registry[name] != nil }

// registry makes an empty event of each type that can stand in a stream.
var registry = map[string]func() Event{
	"OrderCreated":                  func() Event { return new(OrderCreated) },
	"OrderAmended":                  func() Event { return new(OrderAmended) },
	"ShippingAddressChanged":        func() Event { return new(ShippingAddressChanged) },
	"OrderNoteAdded":                func() Event { return new(OrderNoteAdded) },
	"OrderHeld":                     func() Event { return new(OrderHeld) },
	"OrderReleased":                 func() Event { return new(OrderReleased) },
	"FraudScreened":                 func() Event { return new(FraudScreened) },
	"FraudReviewed":                 func() Event { return new(FraudReviewed) },
	"StockReserved":                 func() Event { return new(StockReserved) },
	"StockShortageDetected":         func() Event { return new(StockShortageDetected) },
	"StockReleased":                 func() Event { return new(StockReleased) },
	"StockCommitted":                func() Event { return new(StockCommitted) },
	"CustomerActionRequested":       func() Event { return new(CustomerActionRequested) },
	"CustomerResponded":             func() Event { return new(CustomerResponded) },
	"CustomerReminded":              func() Event { return new(CustomerReminded) },
	"CustomerNotified":              func() Event { return new(CustomerNotified) },
	"NotificationSkipped":           func() Event { return new(NotificationSkipped) },
	"PaymentMethodProvided":         func() Event { return new(PaymentMethodProvided) },
	"PaymentAuthorized":             func() Event { return new(PaymentAuthorized) },
	"PaymentDeclined":               func() Event { return new(PaymentDeclined) },
	"PaymentExpired":                func() Event { return new(PaymentExpired) },
	"PaymentReceived":               func() Event { return new(PaymentReceived) },
	"PaymentVoided":                 func() Event { return new(PaymentVoided) },
	"PaymentOutcomeUnknown":         func() Event { return new(PaymentOutcomeUnknown) },
	"RefundRequested":               func() Event { return new(RefundRequested) },
	"RefundIssued":                  func() Event { return new(RefundIssued) },
	"RefundFailed":                  func() Event { return new(RefundFailed) },
	"ShipmentPlanned":               func() Event { return new(ShipmentPlanned) },
	"ShipmentBooked":                func() Event { return new(ShipmentBooked) },
	"ShipmentBookingFailed":         func() Event { return new(ShipmentBookingFailed) },
	"ShipmentRerouted":              func() Event { return new(ShipmentRerouted) },
	"BookingDiscarded":              func() Event { return new(BookingDiscarded) },
	"ShipmentDispatched":            func() Event { return new(ShipmentDispatched) },
	"ShipmentOutForDelivery":        func() Event { return new(ShipmentOutForDelivery) },
	"ShipmentDelivered":             func() Event { return new(ShipmentDelivered) },
	"ShipmentDeliveryAttemptFailed": func() Event { return new(ShipmentDeliveryAttemptFailed) },
	"ShipmentLost":                  func() Event { return new(ShipmentLost) },
	"ShipmentDamaged":               func() Event { return new(ShipmentDamaged) },
	"ShipmentReturnToSender":        func() Event { return new(ShipmentReturnToSender) },
	"ShipmentReturned":              func() Event { return new(ShipmentReturned) },
	"ReturnRequested":               func() Event { return new(ReturnRequested) },
	"ReturnApproved":                func() Event { return new(ReturnApproved) },
	"ReturnRejected":                func() Event { return new(ReturnRejected) },
	"ReturnReceived":                func() Event { return new(ReturnReceived) },
	"ReplacementOrdered":            func() Event { return new(ReplacementOrdered) },
	"ReturnClosed":                  func() Event { return new(ReturnClosed) },
	"StockRestocked":                func() Event { return new(StockRestocked) },
	"ShipmentCancelled":             func() Event { return new(ShipmentCancelled) },
	"OrderPartiallyShipped":         func() Event { return new(OrderPartiallyShipped) },
	"OrderShipped":                  func() Event { return new(OrderShipped) },
	"OrderDelivered":                func() Event { return new(OrderDelivered) },
	"StepFailed":                    func() Event { return new(StepFailed) },
	"StepRetried":                   func() Event { return new(StepRetried) },
	"StepSkipped":                   func() Event { return new(StepSkipped) },
	"StepResolved":                  func() Event { return new(StepResolved) },
	"CancellationRequested":         func() Event { return new(CancellationRequested) },
	"CompensationStarted":           func() Event { return new(CompensationStarted) },
	"CompensationCompleted":         func() Event { return new(CompensationCompleted) },
	"CompensationFailed":            func() Event { return new(CompensationFailed) },
	"CompensationWaived":            func() Event { return new(CompensationWaived) },
	"OrderCancelled":                func() Event { return new(OrderCancelled) },
	"OrderClosed":                   func() Event { return new(OrderClosed) },
	"PersonalDataErased":            func() Event { return new(PersonalDataErased) },
}

// SchemaVersion is the version of the shape in which events of this type are written today.
func SchemaVersion(eventType string) int {
	return len(upcasters[eventType]) + 1
}

// DecodeEvent reads an event as it was stored, lifting old shapes to today's. A type or a schema version that this
// code does not know is an error, never a guess.
func DecodeEvent(eventType string, schemaVersion int, data []byte) (Event, error) {
	data, err := Upcast(eventType, schemaVersion, data)
	if err != nil {
		return nil, err
	}
	event := registry[eventType]()
	if err := json.Unmarshal(data, event, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("decode %s v%d: %w", eventType, schemaVersion, err)
	}
	return event, nil
}
