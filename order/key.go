package order

import (
	"fmt"
	"strings"
)

// Every effect outside has an idempotency key that is made of the order alone, never of a run or an attempt. A key is
// numbered anew only when the effect was refused, or when the answer says for certain that it did not take place.

// AuthorizeKey is the key of the current authorisation.
func (s State) AuthorizeKey() string { return numbered(s.OrderID, "auth", s.Payment.AuthorizeNo) }

// CaptureKey is the key of the current capture.
func (s State) CaptureKey() string { return numbered(s.OrderID, "capture", s.Payment.CaptureNo) }

func (s State) voidKey() string { return numbered(s.OrderID, "void", s.Payment.AuthorizeNo) }

// ReservationOf is the key of the reservation that a release with this key gives up.
func (s State) ReservationOf(releaseKey string) string {
	for _, n := range s.Stock.Superseded {
		if s.releaseKey(n) == releaseKey {
			return numbered(s.OrderID, "reserve", n)
		}
	}
	return s.ReserveKey()
}

func (s State) releaseKey(n int) string { return numbered(s.OrderID, "release", n) }

// ReserveKey is the key of the current reservation.
func (s State) ReserveKey() string { return numbered(s.OrderID, "reserve", s.Stock.ReserveNo) }

// refundKey is the key of the refund; numbered from the second one on, which is there when the provider has refused.
func (s State) refundKey(refundID string) string {
	key := s.OrderID + "/refund/" + refundID
	if failures := s.Refund(refundID).Failures; failures > 0 {
		return fmt.Sprintf("%s/%d", key, failures+1)
	}
	return key
}

// NextBookKey is the key of the booking that is to be made.
func (s Shipment) NextBookKey() string { return numbered(s.ShipmentID, "book", s.BookNo) }

// LastBookKey is the key of the booking that holds, or else of the one that is being made.
func (s Shipment) LastBookKey() string {
	if s.BookKey != "" {
		return s.BookKey
	}
	return s.NextBookKey()
}

// discardSuffix makes the key of discarding a booking of the key of the booking.
const discardSuffix = "/discard"

// LooseBooking is the booking that a DiscardBooking step with this key is about.
func (s Shipment) LooseBooking(stepKey string) LooseBooking {
	for _, loose := range s.Loose {
		if loose.Key == strings.TrimSuffix(stepKey, discardSuffix) {
			return loose
		}
	}
	return LooseBooking{}
}

// Refund is the refund with this id.
func (s State) Refund(id string) Refund {
	for _, refund := range s.Refunds {
		if refund.RefundID == id {
			return refund
		}
	}
	return Refund{}
}

func numbered(of, what string, n int) string { return fmt.Sprintf("%s/%s/%d", of, what, n) }
