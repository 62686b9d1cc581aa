package api

import (
	"fmt"
	"strings"

	"github.com/bojanz/currency"

	"orderly/order"
)

// check finds what the schema cannot say.
func (o *NewOrder) check() []Fault {
	var faults []Fault
	if !currency.IsValid(o.Currency) {
		faults = append(faults, Fault{"/currency", "is no ISO 4217 currency"})
	}
	faults = append(faults, o.ShipTo.check("/ship_to")...)
	linesSound := true
	for i, line := range o.orderLines() {
		if amount, err := order.Total([]order.Line{line}, 0); err == nil && amount < 0 {
			faults = append(faults, Fault{fmt.Sprintf("/lines/%d/discount", i), "is more than the line comes to"})
			linesSound = false
		}
	}
	if linesSound {
		faults = append(faults, o.checkTotal()...)
	}
	return faults
}

// checkTotal says the right total, so that a client that rounds otherwise finds its mistake.
func (o *NewOrder) checkTotal() []Fault {
	total, err := order.Total(o.orderLines(), o.ShippingFee)
	switch {
	case err != nil || total > order.MaxAmount:
		return []Fault{{"/total", fmt.Sprintf("comes to more than %d", order.MaxAmount)}}
	case o.Total != nil && *o.Total != total:
		return []Fault{{"/total", fmt.Sprintf("is %d, but the lines and the shipping_fee come to %d", *o.Total, total)}}
	default:
		return nil
	}
}

// check finds what the schema of an address cannot say; the address stands at the pointer.
func (a Address) check(pointer string) []Fault {
	var faults []Fault
	// The table of currencies has every country that has one.
	if _, known := currency.ForCountryCode(a.Country); !known {
		faults = append(faults, Fault{pointer + "/country", "is no ISO 3166 country"})
	}
	for _, field := range []struct{ name, text string }{{"line1", a.Line1}, {"city", a.City}, {"postal_code", a.PostalCode}} {
		if strings.TrimSpace(field.text) == "" {
			faults = append(faults, Fault{pointer + "/" + field.name, "must not be blank"})
		}
	}
	return faults
}
