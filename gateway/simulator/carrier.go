package simulator

import (
	"slices"
	"strings"
	"time"

	"orderly/gateway"
)

const refusedPostalCode = "00000"

func carriers() []string { return []string{"fedex", "ups", "dhl", "usps"} }

func book(st *state, a ask[gateway.BookRequest]) outcome {
	q := a.Request

	switch {
	case !slices.Contains(carriers(), a.Carrier):
		return unknownCarrier()
	case q.Carrier != "" && q.Carrier != a.Carrier:
		return reject("invalid_request", "the body names another carrier than the path")
	case st.blocked[a.scoped(a.Key)]:
		return keyBlocked()
	case strings.TrimSpace(q.ShipTo.PostalCode) == refusedPostalCode:
		return refuse(gateway.RefusedAddress, "address_undeliverable", "nobody delivers to this address")
	case q.ShipmentID == "":
		return reject("invalid_request", "shipment_id is needed")
	}

	tracking := strings.ToUpper(a.id(a.Carrier))
	p := &parcel{
		Key: a.scoped(a.Key), Ref: a.id("bkg_"), OrderID: q.OrderID, ShipmentID: q.ShipmentID,
		Carrier: a.Carrier, TrackingNumber: tracking, BookedAt: a.At,
	}

	return done(gateway.Booking{
		BookingRef: p.Ref, Carrier: p.Carrier, TrackingNumber: tracking,
		LabelURL: "https://labels.example/" + p.Ref + ".pdf", ETA: a.At.Add(daysInTransit(q.Service)).Truncate(time.Second),
	}, &effects{
		Parcel: p, Ledger: "shipments", Entry: parcelEntry(a, "book", p, q.Lines),
	})
}

func cancel(st *state, a ask[gateway.CancelBookingRequest]) outcome {
	key := a.scoped(a.Request.BookKey)

	switch {
	case !slices.Contains(carriers(), a.Carrier):
		return unknownCarrier()
	case a.Request.BookKey == "":
		return reject("invalid_request", "book_key is needed")
	}

	p, ok := st.parcels[st.bookingOf[key]]

	switch {
	case !ok:
		return done(struct{}{}, &effects{Block: key})
	case p.OrderID != a.Request.OrderID:
		return reject("unknown_booking", "there is no such booking of this order")
	case p.Cancelled:
		return done(struct{}{}, nil)
	case len(p.Events) > 0:
		return reject(gateway.CodeAlreadyDispatched, "the parcel is on its way")
	}

	return done(struct{}{}, &effects{
		CancelRef: p.Ref, Ledger: "shipments", Entry: parcelEntry(a, "cancel", p, nil),
	})
}

func parcelEntry[R any](a ask[R], operation string, p *parcel, lines []gateway.StockLine) *Entry {
	return &Entry{
		Key: a.Key, OrderID: p.OrderID, Operation: operation, Amount: 1, At: a.At,
		Ref: p.Ref, Carrier: p.Carrier, ShipmentID: p.ShipmentID, Lines: lines,
	}
}

func unknownCarrier() outcome { return reject("unknown_carrier", "no such carrier") }

func daysInTransit(service string) time.Duration {
	const day = 24 * time.Hour

	switch service {
	case "overnight", "express", "next_day":
		return day
	default:
		return 4 * day
	}
}
