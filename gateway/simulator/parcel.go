package simulator

import (
	"fmt"
	"slices"
	"time"
)

// The statuses that transit goes through by itself.
const (
	statusDispatched     = "dispatched"
	statusOutForDelivery = "out_for_delivery"
	statusDelivered      = "delivered"
)

// statuses lists all that a carrier can report; those that transit never comes to are for /webhooks/send.
func statuses() []string {
	return []string{
		statusDispatched, statusOutForDelivery, statusDelivered,
		"attempt_failed", "lost", "damaged", "return_to_sender", "returned",
	}
}

// parcel is a booking and how far it is. The state owns it; it is read and changed under the simulator's mu.
type parcel struct {
	Key            string         `json:"key"` // scoped
	Ref            string         `json:"ref"`
	OrderID        string         `json:"order_id"`
	ShipmentID     string         `json:"shipment_id"`
	Carrier        string         `json:"carrier"`
	TrackingNumber string         `json:"tracking_number"`
	BookedAt       time.Time      `json:"booked_at"`
	Cancelled      bool           `json:"cancelled"`
	Events         []carrierEvent `json:"events"`
}

// carrierEvent is something that a carrier reports. Delivered means that the receiver has confirmed the webhook, or
// that it is not to be sent again.
type carrierEvent struct {
	ID        string    `json:"event_id"`
	Status    string    `json:"status"`
	At        time.Time `json:"at"`
	Location  string    `json:"location,omitempty"`
	Delivered bool      `json:"delivered,omitempty"`
}

// progress is the journal's word on a parcel: a new event, or the id of one that was delivered, or both.
type progress struct {
	Ref       string        `json:"ref"`
	Event     *carrierEvent `json:"event,omitempty"`
	Delivered string        `json:"delivered,omitempty"`
}

// newEvent makes the parcel's next event. Its id depends on nothing but how many there were, so it is the same
// however often the event is sent.
func (p *parcel) newEvent(status string, at time.Time) carrierEvent {
	return carrierEvent{
		ID: fmt.Sprintf("evt_%s_%d_%s", p.Ref, len(p.Events)+1, status), Status: status, At: at,
		Location: location(status),
	}
}

// pending returns the oldest event that the receiver has not confirmed.
func (p *parcel) pending() (carrierEvent, bool) {
	if p.Cancelled {
		return carrierEvent{}, false
	}

	i := slices.IndexFunc(p.Events, func(e carrierEvent) bool { return !e.Delivered })
	if i < 0 {
		return carrierEvent{}, false
	}

	return p.Events[i], true
}

// next returns what happens to the parcel next by itself and when; ok is false when nothing does.
func (p *parcel) next(transit time.Duration) (status string, at time.Time, ok bool) {
	if p.Cancelled {
		return "", time.Time{}, false
	}

	var dispatched time.Time

	status, at = statusDispatched, p.BookedAt.Add(transit)

	for _, e := range p.Events {
		switch e.Status {
		case statusDispatched:
			dispatched = e.At
			status, at = statusOutForDelivery, dispatched.Add(transit/2)
		case statusOutForDelivery:
			if dispatched.IsZero() {
				dispatched = e.At
			}

			status, at = statusDelivered, dispatched.Add(transit)
		case "attempt_failed":
			status, at = statusDelivered, e.At.Add(transit)
		default: // delivered, lost, damaged, on its way back
			return "", time.Time{}, false
		}
	}

	return status, at, true
}

func location(status string) string {
	switch status {
	case statusDispatched:
		return "origin hub"
	case statusOutForDelivery:
		return "destination depot"
	case statusDelivered:
		return "front door"
	default:
		return ""
	}
}
