package order

import (
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
)

// Status is what the customer sees of an order.
type Status string

// The statuses, in the order of an order's life.
const (
	Created          Status = "created"
	Paid             Status = "paid"
	PartiallyShipped Status = "partially_shipped"
	Shipped          Status = "shipped"
	Delivered        Status = "delivered"
	Closed           Status = "closed"
	Cancelling       Status = "cancelling"
	Cancelled        Status = "cancelled"
)

// Statuses lists every status in the order of an order's life.
var Statuses = []Status{Created, Paid, PartiallyShipped, Shipped, Delivered, Closed, Cancelling, Cancelled}

// StateSchema is the version of State's shape as JSON, under which snapshots of it are kept. It is raised when a field changes,
// and when Evolve makes another state of the same events: states of before are then made anew.
const StateSchema = 5

// State is an order: the fold of its events. The zero State is an order that does not exist yet.
type State struct {
	OrderID     string    `json:"order_id"`
	Version     int       `json:"version"`
	Tenant      string    `json:"tenant"`
	CustomerID  string    `json:"customer_id"`
	ExternalRef string    `json:"external_ref,omitempty"`
	Channel     string    `json:"channel,omitempty"`
	Status      Status    `json:"status"`
	PlacedAt    time.Time `json:"placed_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	Currency    string    `json:"currency"`
	Lines       []Line    `json:"lines"`
	ShippingFee int64     `json:"shipping_fee"`
	Total       int64     `json:"total"`
	// Amended is true once quantities were changed; PaidFor is what the order was before, until that is paid.
	Amended  bool     `json:"amended,omitempty"`
	PaidFor  *PaidFor `json:"paid_for,omitempty"`
	ShipTo   ShipTo   `json:"ship_to"`
	Shipping Shipping `json:"shipping"`

	Fraud     string         `json:"fraud,omitempty"` // the last decision: clear, review, reject
	Payment   Payment        `json:"payment"`
	Stock     Stock          `json:"stock"`
	Shipments []Shipment     `json:"shipments,omitempty"`
	Refunds   []Refund       `json:"refunds,omitempty"`
	Returns   []Return       `json:"returns,omitempty"`
	Holds     []Hold         `json:"holds,omitempty"`
	Actions   []Action       `json:"actions,omitempty"`   // what the customer is asked, while it is open
	Notices   []Notice       `json:"notices,omitempty"`   // what the customer is still to be told
	Attention []Attention    `json:"attention,omitempty"` // the parked steps, while they are parked
	Rounds    map[string]int `json:"rounds,omitempty"`    // how often each step's key was started again after it was parked
	// Compensating is true once a cancellation has said what it undoes, Waivers are the exceptions that operators accepted.
	Compensating bool     `json:"compensating,omitempty"`
	Waivers      []Waiver `json:"waivers,omitempty"`
	// Asked counts the actions, Parked the attentions that there ever were: their ids are made of it.
	Asked       int       `json:"asked,omitempty"`
	Parked      int       `json:"parked,omitempty"`
	DeliveredAt time.Time `json:"delivered_at,omitzero"`
	// ErasedAt is when the customer's personal data was erased.
	ErasedAt time.Time `json:"erased_at,omitzero"`

	// RecentCommands are the ids of the latest commands that were applied, with the version that each led to. OlderCommands
	// are fingerprints of all before them. Ask Applied. Both are nil in a state WithoutCommands.
	RecentCommands map[string]int `json:"commands"`
	OlderCommands  []byte         `json:"older_commands,omitempty"`
}

// DecodeState reads a state as encoding/json writes it. Reading is what is done most with states, and is done three times as
// fast so.
func DecodeState(text []byte) (State, error) {
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		return State{}, fmt.Errorf("decode a state: %w", err)
	}
	return s, nil
}

// Line is one article of an order. Tax and Discount are amounts of the whole line.
type Line struct {
	LineID    string `json:"line_id"`
	SKU       string `json:"sku"`
	Name      string `json:"name,omitempty"`
	Quantity  int64  `json:"quantity"`
	UnitPrice int64  `json:"unit_price"`
	Tax       int64  `json:"tax"`
	Discount  int64  `json:"discount"`
}

// Shipping is the customer's wish. Carrier may be empty.
type Shipping struct {
	Service string `json:"service,omitempty"`
	Carrier string `json:"carrier,omitempty"`
}

// The states of a payment.
const (
	PaymentNone              = "none"
	PaymentIsAuthorized      = "authorized"
	PaymentCaptured          = "captured"
	PaymentPartiallyRefunded = "partially_refunded"
	PaymentRefunded          = "refunded"
	PaymentIsVoided          = "voided"
	PaymentFailed            = "failed"
	PaymentUnknown           = "unknown"
)

// Payment is where the money is. Amounts are minor units.
type Payment struct {
	State        string `json:"state"`
	Method       string `json:"method"`
	Token        string `json:"token"`
	ProviderRef  string `json:"provider_ref,omitempty"`
	AuthorizeNo  int    `json:"authorize_no"` // the number of the current authorisation; its key ends with it
	AuthorizeKey string `json:"authorize_key,omitempty"`
	CaptureNo    int    `json:"capture_no"`
	Declines     int    `json:"declines,omitempty"`
	Authorized   int64  `json:"authorized,omitempty"`
	// Replacing is true while an authorisation is given up because an amendment needs another one.
	Replacing bool      `json:"replacing,omitempty"`
	Captured  int64     `json:"captured"`
	Captures  []Capture `json:"captures,omitempty"` // what Captured is the sum of
	Refunded  int64     `json:"refunded"`
}

// Capture is money that was taken at once.
type Capture struct {
	Key         string `json:"key"`
	ProviderRef string `json:"provider_ref"`
	Amount      int64  `json:"amount"`
}

// The states of the stock.
const (
	StockNone        = "unallocated"
	StockIsReserved  = "reserved"
	StockShort       = "short"
	StockIsReleased  = "released"
	StockIsCommitted = "committed"
)

// Stock is where the goods are.
type Stock struct {
	State     string `json:"state"`
	ReserveNo int    `json:"reserve_no"`
	// Superseded are the numbers of the reservations that are released because the order was amended.
	Superseded    []int        `json:"superseded,omitempty"`
	ReserveKey    string       `json:"reserve_key,omitempty"`
	ReservationID string       `json:"reservation_id,omitempty"`
	Allocations   []Allocation `json:"allocations,omitempty"`
	Missing       []Allocation `json:"missing,omitempty"`
}

// Allocation is a quantity of a line in a warehouse.
type Allocation struct {
	LineID    string `json:"line_id"`
	SKU       string `json:"sku"`
	Quantity  int64  `json:"quantity"`
	Warehouse string `json:"warehouse,omitempty"`
}

// ShipmentStatus is where a parcel is.
type ShipmentStatus string

// The statuses of a shipment.
const (
	ShipmentIsPlanned        ShipmentStatus = "planned"
	ShipmentIsBooking        ShipmentStatus = "booking"
	ShipmentHasFailed        ShipmentStatus = "booking_failed"
	ShipmentIsBooked         ShipmentStatus = "booked"
	ShipmentIsDispatched     ShipmentStatus = "dispatched"
	ShipmentIsOutForDelivery ShipmentStatus = "out_for_delivery"
	ShipmentWasMissed        ShipmentStatus = "delivery_attempt_failed"
	ShipmentIsDelivered      ShipmentStatus = "delivered"
	ShipmentIsLost           ShipmentStatus = "lost"
	ShipmentIsDamaged        ShipmentStatus = "damaged"
	ShipmentComesBack        ShipmentStatus = "return_to_sender"
	ShipmentIsBack           ShipmentStatus = "returned"
	ShipmentIsCancelled      ShipmentStatus = "cancelled"
)

// Shipment is a parcel.
type Shipment struct {
	ShipmentID     string         `json:"shipment_id"`
	Status         ShipmentStatus `json:"status"`
	Warehouse      string         `json:"warehouse"`
	Carrier        string         `json:"carrier"`
	TrackingNumber string         `json:"tracking_number,omitempty"`
	LabelURL       string         `json:"label_url,omitempty"`
	ETA            *time.Time     `json:"eta,omitempty"`
	Lines          []ShipmentLine `json:"lines"`
	BookNo         int            `json:"book_no"`
	BookKey        string         `json:"book_key,omitempty"` // of the booking that holds
	Tried          []string       `json:"tried,omitempty"`    // carriers that failed since the last retry
	// Loose are bookings that may have happened though another carrier was asked afterwards.
	Loose     []LooseBooking `json:"loose,omitempty"`
	ParkedAt  time.Time      `json:"parked_at,omitzero"` // when its booking was parked first
	ScannedAt time.Time      `json:"scanned_at,omitzero"`
	Committed bool           `json:"committed,omitempty"` // its goods have left the stock
	Released  bool           `json:"released,omitempty"`  // its goods are free again
	Goods     Goods          `json:"goods,omitzero"`
	Missed    int            `json:"missed,omitempty"`    // how often the carrier tried in vain to deliver it
	Unwanted  bool           `json:"unwanted,omitempty"`  // it is to be cancelled
	Replaces  string         `json:"replaces,omitempty"`  // the parcel, or the return, that it stands in for
	Settled   string         `json:"settled,omitempty"`   // what stands in for it since it failed on its way
	Restocked bool           `json:"restocked,omitempty"` // its goods came back and are in the stock again
	// Superseded is true for what was planned before the order was amended.
	Superseded bool `json:"superseded,omitempty"`
}

// LooseBooking names a booking that may have happened.
type LooseBooking struct {
	Carrier string `json:"carrier"`
	Key     string `json:"key"`
}

// ShipmentLine is a quantity of a line in a parcel.
type ShipmentLine struct {
	LineID   string `json:"line_id"`
	SKU      string `json:"sku"`
	Quantity int64  `json:"quantity"`
}

// Refund is money on its way back.
type Refund struct {
	RefundID    string `json:"refund_id"`
	Amount      int64  `json:"amount"`
	Reason      string `json:"reason"`
	ShipmentID  string `json:"shipment_id,omitempty"`
	Issued      bool   `json:"issued"`
	ProviderRef string `json:"provider_ref,omitempty"`
	CaptureKey  string `json:"capture_key,omitempty"`
	RMAID       string `json:"rma_id,omitempty"`
	Amendment   bool   `json:"amendment,omitempty"`
	Failures    int    `json:"failures,omitempty"` // how often the provider has refused
	Waived      bool   `json:"waived,omitempty"`   // nobody pays it, and nothing is owed for it
	Dropped     bool   `json:"dropped,omitempty"`  // nobody pays it; cancelling the order would
}

// Pending says whether the refund is still to be paid.
func (r Refund) Pending() bool { return !r.Issued && !r.Waived && !r.Dropped }

// Hold stops an order.
type Hold struct {
	Code   string     `json:"code"`
	Reason string     `json:"reason,omitempty"`
	Since  time.Time  `json:"since"`
	Until  *time.Time `json:"until,omitempty"`
}

// The kinds of customer actions.
const (
	ActionShortage = "shortage"
	ActionPayment  = "payment_method"
	ActionAddress  = "address"
)

// Action is a question to the customer.
type Action struct {
	ActionID string    `json:"action_id"`
	Kind     string    `json:"kind"`
	Options  []string  `json:"options"`
	Deadline time.Time `json:"deadline"`
	Since    time.Time `json:"since,omitzero"`
	Reminded int       `json:"reminded,omitempty"` // how often
}

// Attention is a step that waits for an operator.
type Attention struct {
	AttentionID string     `json:"attention_id"`
	Step        StepName   `json:"step"`
	ShipmentID  string     `json:"shipment_id,omitempty"`
	Key         string     `json:"key"`
	Code        string     `json:"code"`
	Message     string     `json:"message"`
	Since       time.Time  `json:"since"`
	Attempts    int        `json:"attempts"`
	NextRetryAt *time.Time `json:"next_retry_at,omitempty"`
	GiveUpAt    *time.Time `json:"give_up_at,omitempty"`
	Allowed     []string   `json:"allowed"`
}

// Exists says whether the order was placed.
func (s State) Exists() bool { return s.Version > 0 }

// Ended says whether nothing more will happen by itself.
func (s State) Ended() bool { return s.Status == Closed || s.Status == Cancelled }

// Shipment is the parcel with this id.
func (s State) Shipment(id string) (Shipment, bool) {
	for _, shipment := range s.Shipments {
		if shipment.ShipmentID == id {
			return shipment, true
		}
	}
	return Shipment{}, false
}

func (s State) action(kind string) (Action, bool) {
	for _, action := range s.Actions {
		if action.Kind == kind {
			return action, true
		}
	}
	return Action{}, false
}

func (s State) hold(code string) bool {
	for _, hold := range s.Holds {
		if hold.Code == code {
			return true
		}
	}
	return false
}

func (s State) attention(id string) (Attention, bool) {
	for _, attention := range s.Attention {
		if attention.AttentionID == id {
			return attention, true
		}
	}
	return Attention{}, false
}

// parked says whether the step waits for an operator.
func (s State) parked(step Step) bool {
	for _, attention := range s.Attention {
		if attention.Step == step.Name && attention.Key == step.Key {
			return true
		}
	}
	return false
}

// waitParked says whether an operator is asked about a shipment's silence.
func (s State) waitParked(wait StepName, shipmentID string) bool {
	for _, attention := range s.Attention {
		if attention.Step == wait && attention.ShipmentID == shipmentID {
			return true
		}
	}
	return false
}

// paid says whether the money was taken, whatever became of it later.
func (s State) paid() bool {
	switch s.Payment.State {
	case PaymentCaptured, PaymentPartiallyRefunded, PaymentRefunded:
		return true
	default:
		return false
	}
}

// pendingRefunds is the sum that is on its way back.
func (s State) pendingRefunds() int64 {
	var sum int64
	for _, refund := range s.Refunds {
		if refund.Pending() {
			sum += refund.Amount
		}
	}
	return sum
}

// dispatchedAny says whether the point of no return is passed.
func (s State) dispatchedAny() bool {
	for _, shipment := range s.Shipments {
		if shipment.onItsWay() {
			return true
		}
	}
	return false
}

// onItsWay says whether the parcel has left, wherever it is now.
func (s Shipment) onItsWay() bool {
	return progress[s.Status] >= progress[ShipmentIsDispatched]
}

func (s Shipment) open() bool { return s.Status != ShipmentIsCancelled }

func contains(list []string, item string) bool {
	return slices.Contains(list, item)
}
