package api

import (
	"context"
	"errors"
	"time"

	"orderly/order"
	"orderly/vault"
)

// Order is an order as clients see it. Lists are never null; means of payment are never shown.
type Order struct {
	OrderID     string       `json:"order_id"`
	Status      order.Status `json:"status" enum:"created,paid,partially_shipped,shipped,delivered,closed,cancelling,cancelled"`
	Version     int          `json:"version" doc:"How many events the order has; the ETag."`
	CustomerID  string       `json:"customer_id"`
	ExternalRef string       `json:"external_ref,omitempty"`
	Channel     string       `json:"channel,omitempty"`
	Currency    string       `json:"currency"`
	Total       int64        `json:"total" doc:"In minor units."`
	ShippingFee int64        `json:"shipping_fee"`
	Captured    int64        `json:"captured" doc:"What was taken from the customer."`
	Refunded    int64        `json:"refunded" doc:"What was given back."`
	PlacedAt    time.Time    `json:"placed_at"`
	UpdatedAt   time.Time    `json:"updated_at"`
	Lines       []Line       `json:"lines"`
	ShipTo      ShipTo       `json:"ship_to"`
	Shipping    ShippingWish `json:"shipping"`
	Payment     Payment      `json:"payment"`
	Fulfilment  Fulfilment   `json:"fulfilment"`
	Holds       []Hold       `json:"holds" doc:"What stops the order."`
	Actions     []Action     `json:"actions" doc:"What the customer is asked."`
	Refunds     []Refund     `json:"refunds" doc:"Money that went back, or is to."`
	Returns     []Return     `json:"returns" doc:"Goods that the customer sends back."`
	Shipments   []Shipment   `json:"shipments"`
	Attention   []Attention  `json:"attention" doc:"The steps that wait for an operator."`
	Next        Next         `json:"next" doc:"What the order waits for."`
	Links       Links        `json:"links"`
}

// Line is one article of an order. Amounts are minor units; tax and discount are of the whole line.
type Line struct {
	LineID    string `json:"line_id"`
	SKU       string `json:"sku"`
	Name      string `json:"name"`
	Quantity  int64  `json:"quantity"`
	UnitPrice int64  `json:"unit_price"`
	Tax       int64  `json:"tax"`
	Discount  int64  `json:"discount"`
}

// ShipTo is the address of an order; orders of the first days have none.
type ShipTo struct {
	Name       string `json:"name,omitempty"`
	Line1      string `json:"line1,omitempty"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city,omitempty"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Country    string `json:"country,omitempty"`
	Email      string `json:"email,omitempty"`
	Phone      string `json:"phone,omitempty"`
	Erased     bool   `json:"erased,omitempty" doc:"The customer's personal data was erased; only the country is left."`
}

func viewAddress(a order.Address) ShipTo {
	return ShipTo{
		Name: a.Name, Line1: a.Line1, Line2: a.Line2, City: a.City, Region: a.Region, PostalCode: a.PostalCode,
		Country: a.Country, Email: a.Email, Phone: a.Phone,
	}
}

// ShippingWish is how the customer wants the order to be sent.
type ShippingWish struct {
	Service string `json:"service,omitempty"`
	Carrier string `json:"carrier,omitempty"`
}

// Payment is where the money is.
type Payment struct {
	State       string `json:"state" enum:"none,authorized,captured,partially_refunded,refunded,voided,failed,unknown"`
	Method      string `json:"method"`
	ProviderRef string `json:"provider_ref"`
}

// Fulfilment is where the goods are.
type Fulfilment struct {
	State string `json:"state" enum:"unallocated,partially_reserved,reserved,partially_shipped,shipped,partially_delivered,delivered,returning,returned"`
}

// Hold stops an order.
type Hold struct {
	Code   string     `json:"code"`
	Reason string     `json:"reason"`
	Since  time.Time  `json:"since"`
	Until  *time.Time `json:"until" nullable:"true"`
}

// Action is a question to the customer; answer with respond.
type Action struct {
	ActionID string    `json:"action_id"`
	Kind     string    `json:"kind"`
	Options  []string  `json:"options"`
	Deadline time.Time `json:"deadline" doc:"When the order is cancelled without an answer."`
}

// Refund is money on its way back to the customer, or there.
type Refund struct {
	RefundID   string `json:"refund_id"`
	Amount     int64  `json:"amount"`
	Reason     string `json:"reason"`
	ShipmentID string `json:"shipment_id"`
	State      string `json:"state" enum:"pending,issued,waived"`
}

// Shipment is a parcel.
type Shipment struct {
	ShipmentID     string               `json:"shipment_id"`
	Status         order.ShipmentStatus `json:"status"`
	Warehouse      string               `json:"warehouse"`
	Replaces       string               `json:"replaces,omitempty" doc:"The shipment that this one stands in for."`
	Settled        string               `json:"settled,omitempty" doc:"What stands in for this shipment since it failed on its way: reshipped or refunded."`
	Carrier        string               `json:"carrier"`
	TrackingNumber string               `json:"tracking_number"`
	LabelURL       string               `json:"label_url,omitempty"`
	Lines          []ShipmentLine       `json:"lines"`
	ETA            *time.Time           `json:"eta" nullable:"true"`
}

// ShipmentLine is a quantity of a line in a parcel.
type ShipmentLine struct {
	LineID   string `json:"line_id"`
	Quantity int64  `json:"quantity"`
}

// Attention is a step that waits for an operator.
type Attention struct {
	AttentionID string         `json:"attention_id"`
	Step        order.StepName `json:"step"`
	ShipmentID  string         `json:"shipment_id"`
	Code        string         `json:"code"`
	Message     string         `json:"message"`
	Since       time.Time      `json:"since"`
	Attempts    int            `json:"attempts"`
	NextRetryAt *time.Time     `json:"next_retry_at" nullable:"true"`
	Allowed     []string       `json:"allowed"`
}

// Next is what an order waits for, and until when.
type Next struct {
	WaitingFor string     `json:"waiting_for"`
	Deadline   *time.Time `json:"deadline" nullable:"true"`
}

// Links lead to where people look at the order.
type Links struct {
	Console  string `json:"console"`
	Temporal string `json:"temporal"`
}

// show shows an order, with its address unless that was erased.
func (a *API) show(ctx context.Context, s order.State) (*Order, error) {
	address, err := a.journal.Address(ctx, s)
	if err != nil && !errors.Is(err, vault.ErrErased) {
		return nil, err
	}
	shown := a.view(s)
	shown.ShipTo = viewAddress(address)
	if err != nil {
		shown.ShipTo = ShipTo{Country: s.ShipTo.Country, Erased: true}
	}
	return shown, nil
}

// view shows an order but for its address.
func (a *API) view(s order.State) *Order {
	return &Order{
		OrderID: s.OrderID, Status: s.Status, Version: s.Version, CustomerID: s.CustomerID, ExternalRef: s.ExternalRef,
		Channel: s.Channel, Currency: s.Currency, Total: s.Total, ShippingFee: s.ShippingFee,
		Captured: s.Payment.Captured, Refunded: s.Payment.Refunded, PlacedAt: s.PlacedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC(),
		Lines: viewAll(s.Lines, func(l order.Line) Line { return Line(l) }), Shipping: ShippingWish(s.Shipping),
		Payment:    Payment{State: s.Payment.State, Method: s.Payment.Method, ProviderRef: s.Payment.ProviderRef},
		Fulfilment: Fulfilment{s.Fulfilment()},
		Holds:      viewAll(s.Holds, func(h order.Hold) Hold { return Hold(h) }),
		Actions:    viewAll(s.Actions, viewAction), Refunds: viewAll(s.Refunds, viewRefund), Shipments: viewAll(s.Shipments, viewShipment),
		Returns:   viewAll(s.Returns, viewReturn),
		Attention: viewAll(s.Attention, viewAttention), Next: a.next(s), Links: a.links(s.OrderID),
	}
}

// viewAll shows each of a list, and no list as an empty one.
func viewAll[S, V any](all []S, view func(S) V) []V {
	views := make([]V, len(all))
	for i, each := range all {
		views[i] = view(each)
	}
	return views
}
