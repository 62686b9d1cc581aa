package order

import "time"

// Address is where an order goes. All of it but the country is personal data.
type Address struct {
	Name       string `json:"name,omitempty"`
	Line1      string `json:"line1,omitempty"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city,omitempty"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Country    string `json:"country,omitempty"`
	Email      string `json:"email,omitempty"`
	Phone      string `json:"phone,omitempty"`
}

// ShipTo is an [Address] as commands, events and states hold it. On its way in it is clear; before it is sent anywhere or
// stored, whoever keeps the keys of customers seals it. The rules never look into it.
type ShipTo struct {
	Country string `json:"country,omitempty"`
	// Sealed is the address, encrypted with the key of its customer.
	Sealed *Sealed `json:"sealed,omitempty"`
	// Clear is the address as it came in, or as it was opened. Only events of the first days are stored with it.
	Clear *Address `json:"clear,omitempty"`
}

// Sealed is personal data that is encrypted with the key of its customer: what package vault calls a box.
type Sealed struct {
	KeyID   string `json:"key_id"`
	Content []byte `json:"content"`
}

// ClearShipTo is an address that is not sealed yet.
func ClearShipTo(a Address) ShipTo { return ShipTo{Country: a.Country, Clear: &a} }

// WithShipTo gives the command with its address as change makes it, and a command without one as it is.
func (c Command) WithShipTo(change func(ShipTo) (ShipTo, error)) (Command, error) {
	var err error
	switch body := c.Body.(type) {
	case PlaceOrder:
		body.ShipTo, err = change(body.ShipTo)
		c.Body = body
	case ChangeAddress:
		body.ShipTo, err = change(body.ShipTo)
		c.Body = body
	}
	return c, err
}

// ShipToOf is the address in an event, to be changed in place; nil when the event has none.
func ShipToOf(event Event) *ShipTo {
	switch e := event.(type) {
	case *OrderCreated:
		return &e.ShipTo
	case *ShippingAddressChanged:
		return &e.ShipTo
	default:
		return nil
	}
}

// ErasePersonalData records that the key of the order's customer was deleted.
type ErasePersonalData struct{}

// CommandName is the name of the command.
func (ErasePersonalData) CommandName() string { return "ErasePersonalData" }

// PersonalDataErased: the key of the customer was deleted, and with it the meaning of all that was sealed with it.
type PersonalDataErased struct{}

// erasePersonalData refuses as long as the address is needed. It is no row of the table of permissions: it is asked of a
// customer, not of an order.
func (d *decision) erasePersonalData() error {
	switch d.state.Status {
	case Created, Paid, PartiallyShipped:
		return d.notAllowed("the order is %s: it still needs its address to be sent", d.state.Status)
	}
	if !d.state.ErasedAt.IsZero() {
		return d.notAllowed("the personal data is erased already")
	}
	d.emit(&PersonalDataErased{})
	return nil
}

func (s *State) erase(at time.Time) {
	s.ShipTo = ShipTo{Country: s.ShipTo.Country}
	s.ErasedAt = at
}
