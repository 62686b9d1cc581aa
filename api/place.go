package api

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/http"
	"strings"

	"orderly/order"
)

// placeRoute is where orders are placed.
const placeRoute = "POST /v1/orders"

// NewOrder is an order as a client places it.
type NewOrder struct {
	OrderID     string       `json:"order_id,omitempty" pattern:"^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$" doc:"Made from the Idempotency-Key when left out." example:"ord_123"`
	CustomerID  string       `json:"customer_id" pattern:"^[!-~]{1,100}$" example:"cust_456"`
	Currency    string       `json:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217." example:"USD"`
	ExternalRef string       `json:"external_ref,omitempty" pattern:"^[!-~]{1,100}$" doc:"What the order is called elsewhere." example:"web-991"`
	Channel     string       `json:"channel,omitempty" pattern:"^[A-Za-z0-9][A-Za-z0-9_.-]{0,49}$" doc:"Where it was sold." example:"web"`
	Lines       []NewLine    `json:"lines" minItems:"1" maxItems:"200"`
	ShippingFee int64        `json:"shipping_fee,omitempty" minimum:"0" maximum:"1000000000000" doc:"In minor units." example:"500"`
	Total       *int64       `json:"total,omitempty" minimum:"0" maximum:"1000000000000" doc:"Sum of quantity * unit_price + tax - discount over the lines, and the shipping_fee; checked when given." example:"10498"`
	ShipTo      Address      `json:"ship_to"`
	Payment     NewPayment   `json:"payment"`
	Shipping    *NewShipping `json:"shipping,omitempty"`
}

// NewLine is one article of a new order. Amounts are minor units; tax and discount are of the whole line.
type NewLine struct {
	SKU       string `json:"sku" pattern:"^[!-~]{1,100}$" example:"SKU-1"`
	Name      string `json:"name,omitempty" maxLength:"200" example:"Mug"`
	Quantity  int64  `json:"quantity" minimum:"1" maximum:"10000" example:"2"`
	UnitPrice int64  `json:"unit_price" minimum:"0" maximum:"1000000000000" example:"4999"`
	Tax       int64  `json:"tax,omitempty" minimum:"0" maximum:"1000000000000"`
	Discount  int64  `json:"discount,omitempty" minimum:"0" maximum:"1000000000000"`
}

// Address is where an order goes.
type Address struct {
	Name       string `json:"name,omitempty" maxLength:"200" example:"A. Buyer"`
	Line1      string `json:"line1" minLength:"1" maxLength:"200" example:"1 Main St"`
	Line2      string `json:"line2,omitempty" maxLength:"200"`
	City       string `json:"city" minLength:"1" maxLength:"100" example:"Austin"`
	Region     string `json:"region,omitempty" maxLength:"100" example:"TX"`
	PostalCode string `json:"postal_code" minLength:"1" maxLength:"20" example:"78701"`
	Country    string `json:"country" pattern:"^[A-Z]{2}$" doc:"ISO 3166, two letters." example:"US"`
	Email      string `json:"email,omitempty" maxLength:"254" pattern:"^[^@\\s]+@[^@\\s]+$" example:"a@example.com"`
	Phone      string `json:"phone,omitempty" maxLength:"40" pattern:"^[0-9+() ./-]+$" example:"+1 512 555 0100"`
}

// NewPayment is the means of payment: a token of the payment provider, never a card number.
type NewPayment struct {
	Method string `json:"method" pattern:"^[a-z][a-z0-9_]{0,29}$" example:"card"`
	Token  string `json:"token" pattern:"^[!-~]{1,255}$" example:"tok_visa"`
}

// NewShipping is the customer's wish.
type NewShipping struct {
	Service string `json:"service,omitempty" pattern:"^[a-z][a-z0-9_-]{0,29}$" doc:"standard when left out." example:"standard"`
	Carrier string `json:"carrier,omitempty" pattern:"^[a-z0-9][a-z0-9_-]{0,49}$" example:"fedex"`
}

type placeInput struct {
	CommandHeaders
	Body NewOrder
}

// placeOrder opens an order.
func (a *API) placeOrder(ctx context.Context, in *placeInput) (*commandOutput, error) {
	expect, err := in.expected()
	if err != nil {
		return nil, err
	}
	if faults := in.Body.check(); len(faults) > 0 {
		return nil, invalid(faults...)
	}
	orderID := in.Body.OrderID
	if orderID == "" {
		orderID = orderIDFor(tenantOf(ctx), in.IdempotencyKey)
	}
	return a.perform(ctx, call{
		orderID: orderID, route: placeRoute, key: in.IdempotencyKey, expect: expect, input: in.Body,
		command: in.Body.command(tenantOf(ctx)), success: http.StatusCreated,
	})
}

// orderIDFor makes the id of an order of which the client gave none: the same for every try of the same request.
func orderIDFor(tenant, key string) string {
	hash := sha256.Sum256([]byte(tenant + "\x00" + key))
	return "ord_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(hash[:16]))
}

// command is the order as the rules want it. The body was checked.
func (o *NewOrder) command(tenant string) order.PlaceOrder {
	lines := o.orderLines()
	total, _ := order.Total(lines, o.ShippingFee)
	shipping := order.Shipping{Service: "standard"}
	if o.Shipping != nil {
		shipping.Carrier = o.Shipping.Carrier
		if o.Shipping.Service != "" {
			shipping.Service = o.Shipping.Service
		}
	}
	return order.PlaceOrder{OrderCreated: order.OrderCreated{
		Tenant: tenant, CustomerID: o.CustomerID, Currency: o.Currency, ExternalRef: o.ExternalRef, Channel: o.Channel,
		Lines: lines, ShippingFee: o.ShippingFee, Total: total, ShipTo: order.ClearShipTo(order.Address(o.ShipTo)), Shipping: shipping,
		Method: o.Payment.Method, Token: o.Payment.Token,
	}}
}

func (o *NewOrder) orderLines() []order.Line {
	lines := make([]order.Line, len(o.Lines))
	for i, line := range o.Lines {
		lines[i] = order.Line{
			LineID: fmt.Sprintf("l%d", i+1), SKU: line.SKU, Name: line.Name, Quantity: line.Quantity,
			UnitPrice: line.UnitPrice, Tax: line.Tax, Discount: line.Discount,
		}
	}
	return lines
}
