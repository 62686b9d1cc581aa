package simulator

import (
	"net/http"
	"time"

	"orderly/gateway"
)

// Entry is one effect that really happened. Amount is minor units for payments, the sum of the quantities for stock,
// and 1 for a parcel or a notification, whose Operation is its kind.
type Entry struct {
	Key        string              `json:"key"`
	OrderID    string              `json:"order_id"`
	Operation  string              `json:"operation"`
	Amount     int64               `json:"amount"`
	At         time.Time           `json:"at"`
	Currency   string              `json:"currency,omitempty"`
	Ref        string              `json:"ref,omitempty"`
	Carrier    string              `json:"carrier,omitempty"`
	ShipmentID string              `json:"shipment_id,omitempty"`
	Lines      []gateway.StockLine `json:"lines,omitempty"`
}

// ledger lists entries in the order in which they happened, and finds those of an order without reading all.
type ledger struct {
	entries []Entry
	byOrder map[string][]int
}

func newLedger() *ledger { return &ledger{byOrder: map[string][]int{}} }

func (l *ledger) add(e Entry) {
	l.byOrder[e.OrderID] = append(l.byOrder[e.OrderID], len(l.entries))
	l.entries = append(l.entries, e)
}

// of returns the entries of an order, or all for "". The result is the caller's and never nil.
func (l *ledger) of(orderID string) []Entry {
	if orderID == "" {
		return append([]Entry{}, l.entries...)
	}

	found := make([]Entry, 0, len(l.byOrder[orderID]))
	for _, i := range l.byOrder[orderID] {
		found = append(found, l.entries[i])
	}

	return found
}

func (s *Simulator) getLedger(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()

	l, ok := s.state.ledgers[r.PathValue("name")]
	if !ok {
		s.mu.Unlock()
		writeError(w, http.StatusNotFound, "unknown_ledger", "the ledgers are payments, stock, shipments and notifications")

		return
	}

	entries := l.of(r.URL.Query().Get("order_id"))
	s.mu.Unlock()

	writeJSON(w, http.StatusOK, entries)
}
