// Package gateway is the outside world as Orderly sees it: the payment provider, the stock of the warehouses, the
// carriers, the fraud service and who tells customers, each a small interface with an HTTP adapter in this package. Package
// gateway/simulator plays all of them over HTTP, with faults on demand.
//
// Its one idea: every effect is asked for with an idempotency key that is derived from the order (ord_1/capture/1),
// so asking again, from any process, at any time, has the effect at most once and gives the first answer again.
// An undo (void, release, cancel) names the key of the effect it undoes and is final: when that effect has not
// happened yet, the key is blocked, so that a request still on its way cannot bring it about later.
//
// What can go wrong is said by three typed errors and nothing else:
//
//   - [*Refusal]: the other side understood and said no. Asking again would get the same answer.
//   - [*Unavailable]: it certainly did not happen. Try again, not before RetryAfter.
//   - [*UnknownOutcome]: the request left and no usable answer came. It may have happened: ask Lookup by the key
//     before doing anything else.
package gateway

import (
	"context"
	"fmt"
	"time"
)

// Payments is the payment provider. Amounts are minor units of Currency.
type Payments interface {
	// Authorize reserves the amount on the customer's means of payment.
	Authorize(ctx context.Context, r AuthorizeRequest) (PaymentResult, error)
	// Capture takes an authorised amount. Refused with code "authorization_expired" when it is too late.
	Capture(ctx context.Context, r CaptureRequest) (PaymentResult, error)
	// Void gives up an authorisation that was not captured, or blocks one that never happened.
	Void(ctx context.Context, r VoidRequest) (PaymentResult, error)
	// Refund pays a captured amount back, or a part of it.
	Refund(ctx context.Context, r RefundRequest) (PaymentResult, error)
	// LookupPayment tells what became of the request with this key; ok is false when the provider never acted on it.
	LookupPayment(ctx context.Context, key string) (r PaymentResult, ok bool, err error)
}

// AuthorizeRequest asks for Amount to be reserved on the means of payment that Token stands for.
type AuthorizeRequest struct {
	Key      string `json:"-"`
	OrderID  string `json:"order_id"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Method   string `json:"method"`
	Token    string `json:"token"`
}

// CaptureRequest takes Amount of the authorisation that ProviderRef names.
type CaptureRequest struct {
	Key         string `json:"-"`
	OrderID     string `json:"order_id"`
	ProviderRef string `json:"provider_ref"`
	Amount      int64  `json:"amount"`
	Currency    string `json:"currency"`
}

// VoidRequest gives up the authorisation that was asked for with AuthorizeKey.
type VoidRequest struct {
	Key          string `json:"-"`
	OrderID      string `json:"order_id"`
	AuthorizeKey string `json:"authorize_key"`
	// ProviderRef may name the authorisation. It spares adapters a look-up; what counts is AuthorizeKey.
	ProviderRef string `json:"-"`
}

// RefundRequest pays Amount of the capture that ProviderRef names back.
type RefundRequest struct {
	Key         string `json:"-"`
	OrderID     string `json:"order_id"`
	ProviderRef string `json:"provider_ref"`
	Amount      int64  `json:"amount"`
	Currency    string `json:"currency"`
	Reason      string `json:"reason"`
}

// PaymentResult is what the provider did. ProviderRef names the effect at the provider.
type PaymentResult struct {
	ProviderRef string `json:"provider_ref"`
	Amount      int64  `json:"amount"`
}

// Stock is the stock of all warehouses.
type Stock interface {
	// Reserve sets the lines aside, all of them or none; what is missing comes back as a shortage, not as an error.
	Reserve(ctx context.Context, r ReserveRequest) (Reservation, error)
	// Release gives a reservation up, or what Commit has left of it, or blocks one that never happened.
	Release(ctx context.Context, r ReleaseRequest) error
	// Commit takes reserved goods out of the stock for good: they have left the warehouse.
	Commit(ctx context.Context, r CommitRequest) error
	// Restock puts goods that came back into the stock again.
	Restock(ctx context.Context, r RestockRequest) error
	// LookupReservation tells what became of the reservation with this key.
	LookupReservation(ctx context.Context, key string) (r Reservation, ok bool, err error)
}

// ReserveRequest asks for goods, line by line.
type ReserveRequest struct {
	Key     string      `json:"-"`
	OrderID string      `json:"order_id"`
	Lines   []StockLine `json:"lines"`
	// OneWarehouse wants all of it from one warehouse: Warehouse, when that is set, or any but those of Exclude.
	OneWarehouse bool     `json:"one_warehouse,omitempty"`
	Warehouse    string   `json:"warehouse,omitempty"`
	Exclude      []string `json:"exclude,omitempty"`
}

// RestockRequest says which goods came back, and to which warehouse.
type RestockRequest struct {
	Key     string      `json:"-"`
	OrderID string      `json:"order_id"`
	Lines   []StockLine `json:"lines"`
}

// StockLine is a quantity of one article for one line of an order. Warehouse is set in answers and in commits.
type StockLine struct {
	LineID    string `json:"line_id"`
	SKU       string `json:"sku"`
	Quantity  int64  `json:"quantity"`
	Warehouse string `json:"warehouse,omitempty"`
}

// Reservation is the answer to a ReserveRequest: either ID with Allocations for every line, or Missing alone
// (LineID, SKU and the quantity that is not there).
type Reservation struct {
	ID          string      `json:"reservation_id,omitempty"`
	Allocations []StockLine `json:"allocations,omitempty"`
	Missing     []StockLine `json:"missing,omitempty"`
}

// ReleaseRequest gives the reservation up that was asked for with ReserveKey.
type ReleaseRequest struct {
	Key        string `json:"-"`
	OrderID    string `json:"order_id"`
	ReserveKey string `json:"reserve_key"`
	// Lines limits the release to these; none means all that is left.
	Lines []StockLine `json:"lines,omitempty"`
}

// CommitRequest takes Lines of the reservation that was asked for with ReserveKey.
type CommitRequest struct {
	Key        string      `json:"-"`
	OrderID    string      `json:"order_id"`
	ReserveKey string      `json:"reserve_key"`
	Lines      []StockLine `json:"lines"`
}

// Carrier is all carriers; each request names the one it is for.
type Carrier interface {
	// Book orders the pick-up of a parcel. Refusals have the classes of [RefusalClass].
	Book(ctx context.Context, r BookRequest) (Booking, error)
	// CancelBooking takes a booking back before its pick-up, or blocks one that never happened. Refused with code
	// "already_dispatched" when the parcel is on its way.
	CancelBooking(ctx context.Context, r CancelBookingRequest) error
	// LookupBooking tells what became of the booking with this key at that carrier.
	LookupBooking(ctx context.Context, carrier, key string) (b Booking, ok bool, err error)
}

// BookRequest describes a parcel.
type BookRequest struct {
	Key        string      `json:"-"`
	OrderID    string      `json:"order_id"`
	ShipmentID string      `json:"shipment_id"`
	Carrier    string      `json:"carrier"`
	Service    string      `json:"service"`
	Warehouse  string      `json:"warehouse"`
	Lines      []StockLine `json:"lines"`
	ShipTo     Address     `json:"ship_to"`
}

// Address is where a parcel goes.
type Address struct {
	Name       string `json:"name"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postal_code"`
	Country    string `json:"country"`
	Email      string `json:"email,omitempty"`
	Phone      string `json:"phone,omitempty"`
}

// Booking is an ordered pick-up.
type Booking struct {
	BookingRef     string    `json:"booking_ref"`
	Carrier        string    `json:"carrier"`
	TrackingNumber string    `json:"tracking_number"`
	LabelURL       string    `json:"label_url"`
	ETA            time.Time `json:"eta"`
}

// CancelBookingRequest takes the booking back that was asked for with BookKey.
type CancelBookingRequest struct {
	Key        string `json:"-"`
	OrderID    string `json:"order_id"`
	ShipmentID string `json:"shipment_id"`
	Carrier    string `json:"carrier"`
	BookKey    string `json:"book_key"`
}

// Fraud is the fraud service.
type Fraud interface {
	// Screen judges an order. It has no effect, so it may be asked again freely.
	Screen(ctx context.Context, r ScreenRequest) (Screening, error)
}

// ScreenRequest is what the fraud service is told about an order.
type ScreenRequest struct {
	Key        string `json:"-"`
	OrderID    string `json:"order_id"`
	CustomerID string `json:"customer_id"`
	Amount     int64  `json:"amount"`
	Currency   string `json:"currency"`
	Token      string `json:"token"`
	Country    string `json:"country"`
}

// Screening is the fraud service's judgement: Decision is clear, review or reject; Score is 0 to 100.
type Screening struct {
	Decision  string `json:"decision"`
	Score     int    `json:"score"`
	Reference string `json:"reference"`
}

// Notifier tells customers what concerns them. It knows how to reach them by their ids: no personal data is sent.
type Notifier interface {
	// Notify has a customer told something, once for each key.
	Notify(ctx context.Context, r NotifyRequest) error
}

// NotifyRequest is what a customer is to be told. Which fields are set beside the first four depends on Kind.
type NotifyRequest struct {
	Key        string `json:"-"`
	OrderID    string `json:"order_id"`
	CustomerID string `json:"customer_id"`
	Kind       string `json:"kind"` // action_requested, reminder, shipped, cancelled, refunded

	ActionID        string     `json:"action_id,omitempty"`
	Question        string     `json:"question,omitempty"` // shortage, payment_method, address
	Options         []string   `json:"options,omitempty"`
	Deadline        *time.Time `json:"deadline,omitempty"`
	TrackingNumbers []string   `json:"tracking_numbers,omitempty"`
	Amount          int64      `json:"amount,omitempty"` // what was refunded
	Currency        string     `json:"currency,omitempty"`
}

// RefusalClass sorts refusals by what can be done about them.
type RefusalClass string

// The classes of refusals.
const (
	RefusedDeclined RefusalClass = "declined" // payments: another means of payment is needed
	RefusedExpired  RefusalClass = "expired"  // payments: authorise again
	RefusedAddress  RefusalClass = "address"  // carrier: nobody delivers there
	RefusedCapacity RefusalClass = "capacity" // carrier: full for now
	RefusedRejected RefusalClass = "rejected" // the other side does not want it, whatever we do
)

// Codes of refusals on which callers decide.
const (
	CodeAlreadyCaptured   = "already_captured"   // of a void: the money was taken
	CodeAlreadyDispatched = "already_dispatched" // of a cancelled booking: the parcel is on its way
)

// Refusal is a clear no. Code is the other side's stable code, Message its words.
type Refusal struct {
	Class   RefusalClass
	Code    string
	Message string
}

func (e *Refusal) Error() string { return fmt.Sprintf("refused (%s): %s", e.Code, e.Message) }

// Unavailable means that it did not happen and may be tried again, not before RetryAfter (0: no wish).
type Unavailable struct {
	Code       string
	RetryAfter time.Duration
	Err        error
}

func (e *Unavailable) Error() string { return fmt.Sprintf("unavailable (%s): %v", e.Code, e.Err) }
func (e *Unavailable) Unwrap() error { return e.Err }

// UnknownOutcome means that the request left and no usable answer came.
type UnknownOutcome struct {
	Key string
	Err error
}

func (e *UnknownOutcome) Error() string {
	return fmt.Sprintf("unknown outcome of %s: %v", e.Key, e.Err)
}
func (e *UnknownOutcome) Unwrap() error { return e.Err }
