package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// state is everything that is remembered. It changes by apply alone, so reading the journal brings back what was.
type state struct {
	// answers, authorizations, reservations and blocked go by scoped key ("carrier/ups ord_1/book/1").
	answers        map[string]*answer
	blocked        map[string]bool
	authorizations map[string]*authorization
	reservations   map[string]*reservation
	parcels        map[string]*parcel // by booking reference

	authorizationOf map[string]string   // by provider reference, of captures too: the scoped key
	bookingOf       map[string]string   // by scoped key: the booking reference
	bookingsOf      map[string][]string // by shipment id: booking references, oldest first
	expiring        map[string]bool     // by order id: tok_expires was used up
	shipments       []string            // booking references, oldest first
	ledgers         map[string]*ledger
}

func newState() *state {
	return &state{
		answers:         map[string]*answer{},
		blocked:         map[string]bool{},
		authorizations:  map[string]*authorization{},
		reservations:    map[string]*reservation{},
		parcels:         map[string]*parcel{},
		authorizationOf: map[string]string{},
		bookingOf:       map[string]string{},
		bookingsOf:      map[string][]string{},
		expiring:        map[string]bool{},
		ledgers: map[string]*ledger{
			"payments": newLedger(), "stock": newLedger(), "shipments": newLedger(), "notifications": newLedger(),
		},
	}
}

// record is one line of the journal: an answer with the effects that it tells of, or how far a parcel is.
type record struct {
	Answer   *answer   `json:"answer,omitempty"`
	Effects  *effects  `json:"effects,omitempty"`
	Progress *progress `json:"progress,omitempty"`
}

// answer is what was first said to a key.
type answer struct {
	Key         string          `json:"key"` // scoped
	Operation   string          `json:"operation"`
	Fingerprint string          `json:"fingerprint"`
	Status      int             `json:"status"`
	Body        json.RawMessage `json:"body"`
}

// effects are what a request changed: whole objects as they are now, which makes applying them trivial.
type effects struct {
	Ledger        string         `json:"ledger,omitempty"`
	Entry         *Entry         `json:"entry,omitempty"`
	Block         string         `json:"block,omitempty"` // scoped key
	Authorization *authorization `json:"authorization,omitempty"`
	CaptureRef    string         `json:"capture_ref,omitempty"` // another name of Authorization, for refunds
	Reservation   *reservation   `json:"reservation,omitempty"`
	Parcel        *parcel        `json:"parcel,omitempty"` // a new booking
	CancelRef     string         `json:"cancel_ref,omitempty"`
}

// apply changes the state by one record, live and when the journal is read.
func (st *state) apply(r record) error {
	if r.Answer != nil {
		st.answers[r.Answer.Key] = r.Answer
	}

	if r.Effects != nil {
		if err := st.applyEffects(r.Effects); err != nil {
			return err
		}
	}

	if r.Progress != nil {
		return st.applyProgress(r.Progress)
	}

	return nil
}

func (st *state) applyEffects(e *effects) error {
	if e.Block != "" {
		st.blocked[e.Block] = true
	}

	if a := e.Authorization; a != nil {
		st.authorizations[a.Key] = a
		st.authorizationOf[a.Ref] = a.Key

		if e.CaptureRef != "" {
			st.authorizationOf[e.CaptureRef] = a.Key
		}

		if a.Expires {
			st.expiring[a.OrderID] = true
		}
	}

	if e.Reservation != nil {
		st.reservations[e.Reservation.Key] = e.Reservation
	}

	if p := e.Parcel; p != nil {
		st.parcels[p.Ref] = p
		st.bookingOf[p.Key] = p.Ref
		st.bookingsOf[p.ShipmentID] = append(st.bookingsOf[p.ShipmentID], p.Ref)
		st.shipments = append(st.shipments, p.Ref)
	}

	if e.CancelRef != "" {
		p, ok := st.parcels[e.CancelRef]
		if !ok {
			return fmt.Errorf("cancel of an unknown booking %q", e.CancelRef)
		}

		p.Cancelled = true
	}

	if e.Entry == nil {
		return nil
	}

	l, ok := st.ledgers[e.Ledger]
	if !ok {
		return fmt.Errorf("unknown ledger %q", e.Ledger)
	}

	l.add(*e.Entry)

	return nil
}

func (st *state) applyProgress(p *progress) error {
	parcel, ok := st.parcels[p.Ref]
	if !ok {
		return fmt.Errorf("progress of an unknown booking %q", p.Ref)
	}

	if p.Event != nil {
		parcel.Events = append(parcel.Events, *p.Event)
	}

	if p.Delivered == "" {
		return nil
	}

	for i := range parcel.Events {
		if parcel.Events[i].ID == p.Delivered {
			parcel.Events[i].Delivered = true

			return nil
		}
	}

	return errors.New("delivery of an unknown event " + p.Delivered)
}

// happened returns the first answer to a scoped key when it tells of an effect.
func (st *state) happened(key string) (*answer, bool) {
	a, ok := st.answers[key]

	return a, ok && a.Status == http.StatusOK
}
