package simulator

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"
)

const (
	maxReplays     = 1000
	replayAttempts = 5
)

// shipment is a booking in GET /shipments.
type shipment struct {
	ShipmentID     string         `json:"shipment_id"`
	OrderID        string         `json:"order_id"`
	Carrier        string         `json:"carrier"`
	BookingRef     string         `json:"booking_ref"`
	TrackingNumber string         `json:"tracking_number"`
	Status         string         `json:"status"`
	BookedAt       time.Time      `json:"booked_at"`
	Events         []carrierEvent `json:"events"`
}

func (p *parcel) view() shipment {
	v := shipment{
		ShipmentID: p.ShipmentID, OrderID: p.OrderID, Carrier: p.Carrier, BookingRef: p.Ref,
		TrackingNumber: p.TrackingNumber, Status: "booked", BookedAt: p.BookedAt,
		Events: append([]carrierEvent{}, p.Events...),
	}

	switch {
	case p.Cancelled:
		v.Status = "cancelled"
	case len(p.Events) > 0:
		v.Status = p.Events[len(p.Events)-1].Status
	}

	return v
}

func (s *Simulator) listShipments(w http.ResponseWriter, r *http.Request) {
	orderID := r.URL.Query().Get("order_id")
	all := []shipment{}

	s.mu.Lock()
	for _, ref := range s.state.shipments {
		if p := s.state.parcels[ref]; orderID == "" || p.OrderID == orderID {
			all = append(all, p.view())
		}
	}
	s.mu.Unlock()

	writeJSON(w, http.StatusOK, all)
}

// latest returns a copy of the newest booking of a shipment. The caller holds mu.
func (st *state) latest(shipmentID string) (parcel, bool) {
	refs := st.bookingsOf[shipmentID]
	if len(refs) == 0 {
		return parcel{}, false
	}

	p := *st.parcels[refs[len(refs)-1]]
	p.Events = slices.Clone(p.Events)

	return p, true
}

// replay sends again what a shipment has sent so far, in the background.
func (s *Simulator) replay(w http.ResponseWriter, r *http.Request) {
	q := struct {
		ShipmentID string `json:"shipment_id"`
		Times      int    `json:"times"`
		Shuffle    bool   `json:"shuffle"`
	}{Times: 1}
	if err := readJSON(w, r, &q); err != nil {
		badRequest(w, "malformed_json", err.Error())

		return
	}

	if q.Times < 1 || q.Times > maxReplays {
		badRequest(w, "invalid_request", "times is 1 to 1000")

		return
	}

	s.mu.Lock()
	p, ok := s.state.latest(q.ShipmentID)
	if ok && s.closing.Err() == nil {
		s.replaying.Add(1) // under mu, so that Close cannot begin to wait in between
	} else if ok {
		s.mu.Unlock()
		writeError(w, http.StatusServiceUnavailable, "closed", errClosed.Error())

		return
	}
	s.mu.Unlock()

	if !ok {
		writeError(w, http.StatusNotFound, "unknown_shipment", "there is no such shipment")

		return
	}

	var events []carrierEvent
	for range q.Times {
		events = append(events, p.Events...)
	}

	if q.Shuffle {
		rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	}

	go func() {
		defer s.replaying.Done()
		s.resend(p, events)
	}()

	writeJSON(w, http.StatusAccepted, map[string]int{"count": len(events)})
}

// resend sends events one after the other, each a few times at most: the receiver may have good reason to say no.
func (s *Simulator) resend(p parcel, events []carrierEvent) {
	var waits retries

	for _, event := range events {
		for range replayAttempts {
			err := s.sender.post(s.closing, p, event)
			if err == nil {
				break
			}

			s.log.Debug("replayed webhook not accepted", zap.String("event_id", event.ID), zap.Error(err))

			select {
			case <-time.After(waits.failed(event.ID)):
			case <-s.closing.Done():
				return
			}
		}
	}
}

// send makes up one event, sends it once, and answers with the receiver's status.
func (s *Simulator) send(w http.ResponseWriter, r *http.Request) {
	var q struct {
		ShipmentID string    `json:"shipment_id"`
		Status     string    `json:"status"`
		At         time.Time `json:"at"`
		Location   string    `json:"location"`
	}
	if err := readJSON(w, r, &q); err != nil {
		badRequest(w, "malformed_json", err.Error())

		return
	}

	if !slices.Contains(statuses(), q.Status) {
		badRequest(w, "invalid_request", fmt.Sprintf("status %q is not one of %v", q.Status, statuses()))

		return
	}

	if q.At.IsZero() {
		q.At = time.Now().UTC()
	}

	s.mu.Lock()
	p, ok := s.state.latest(q.ShipmentID)
	event := p.newEvent(q.Status, q.At)
	event.Delivered = true // it is sent once, whatever comes of it

	if q.Location != "" {
		event.Location = q.Location
	}

	var err error
	if ok {
		err = s.record(record{Progress: &progress{Ref: p.Ref, Event: &event}})
	}
	s.mu.Unlock()

	switch {
	case !ok:
		writeError(w, http.StatusNotFound, "unknown_shipment", "there is no such shipment")
	case err != nil:
		writeError(w, http.StatusServiceUnavailable, "not_stored", err.Error())
	case s.opts.WebhookURL == "":
		writeError(w, http.StatusConflict, "no_receiver", "there is no webhook URL")
	default:
		s.sendOnce(w, r, p, event)
	}
}

func (s *Simulator) sendOnce(w http.ResponseWriter, r *http.Request, p parcel, event carrierEvent) {
	status, err := s.sender.send(r.Context(), p, event)
	if err != nil {
		writeError(w, http.StatusBadGateway, "receiver_unreachable", err.Error())

		return
	}

	// Anything below 200 cannot end an answer; 204 cannot have a body.
	code := status
	if code < 200 || code == http.StatusNoContent || code == http.StatusNotModified {
		code = http.StatusOK
	}

	writeJSON(w, code, map[string]any{"event_id": event.ID, "receiver_status": status})
}
