package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// faultRequest is the body of POST /faults. Rate and Times are pointers to tell 0 from left out.
type faultRequest struct {
	Service   string   `json:"service"`
	Carrier   string   `json:"carrier"`
	Operation string   `json:"operation"`
	Mode      string   `json:"mode"`
	Rate      *float64 `json:"rate"`
	Times     *int     `json:"times"`
	For       string   `json:"for"`
}

func (q faultRequest) fault(now time.Time) (Fault, error) {
	f := Fault{Service: q.Service, Carrier: q.Carrier, Operation: q.Operation, Mode: q.Mode, Rate: 1, Times: q.Times}
	if q.Rate != nil {
		f.Rate = *q.Rate
	}

	if q.For != "" {
		d, err := time.ParseDuration(q.For)
		if err != nil || d <= 0 {
			return Fault{}, fmt.Errorf("for %q is not a positive duration like 30s", q.For)
		}

		until := now.Add(d).UTC()
		f.Until = &until
	}

	return f, f.validate()
}

func (s *Simulator) addFault(w http.ResponseWriter, r *http.Request) {
	var q faultRequest

	// A misspelt limit would make a fault hit everything, so it is an error here.
	if err := readJSON(w, r, &q, (*json.Decoder).DisallowUnknownFields); err != nil {
		badRequest(w, "malformed_json", err.Error())

		return
	}

	f, err := q.fault(time.Now())
	if err != nil {
		badRequest(w, "invalid_fault", err.Error())

		return
	}

	writeJSON(w, http.StatusCreated, s.faults.add(f))
}

func (s *Simulator) listFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.faults.list(time.Now()))
}

func (s *Simulator) clearFaults(w http.ResponseWriter, _ *http.Request) {
	s.faults.clear()
	w.WriteHeader(http.StatusNoContent)
}

func (s *Simulator) removeFault(w http.ResponseWriter, r *http.Request) {
	if !s.faults.remove(r.PathValue("id")) {
		writeError(w, http.StatusNotFound, "unknown_fault", "there is no such fault (any more)")

		return
	}

	w.WriteHeader(http.StatusNoContent)
}
