package gateway

import (
	"context"
	"net/url"
)

// Book implements [Carrier].
func (h *HTTP) Book(ctx context.Context, r BookRequest) (Booking, error) {
	path, err := carrierPath(r.Carrier, "book")
	if err != nil {
		return Booking{}, err
	}

	var result Booking

	err = h.post(ctx, call{path: path, key: r.Key, body: r, answer: &result, valid: result.complete})
	if err != nil {
		return Booking{}, err
	}

	return result, nil
}

// CancelBooking implements [Carrier].
func (h *HTTP) CancelBooking(ctx context.Context, r CancelBookingRequest) error {
	path, err := carrierPath(r.Carrier, "cancel")
	if err != nil {
		return err
	}

	return h.post(ctx, call{path: path, key: r.Key, body: r})
}

// LookupBooking implements [Carrier].
func (h *HTTP) LookupBooking(ctx context.Context, carrier, key string) (Booking, bool, error) {
	path, err := carrierPath(carrier, "lookup")
	if err != nil {
		return Booking{}, false, err
	}

	var result Booking

	ok, err := h.lookup(ctx, call{
		path: path + "?key=" + url.QueryEscape(key), answer: &result, valid: result.complete,
	})
	if err != nil || !ok {
		return Booking{}, false, err
	}

	return result, true, nil
}

// carrierPath refuses what would not stay one segment of the path.
func carrierPath(carrier, operation string) (string, error) {
	if carrier == "" || carrier == "." || carrier == ".." {
		return "", &Refusal{Class: RefusedRejected, Code: "unknown_carrier", Message: "no such carrier"}
	}

	return "/carriers/" + url.PathEscape(carrier) + "/" + operation, nil
}

func (b *Booking) complete() bool { return b.BookingRef != "" && b.TrackingNumber != "" }
