package simulator

import (
	"net/http"
	"strconv"
	"time"

	"orderly/gateway"
)

// failBefore plays the faults that keep the effect from happening. It reports whether it answered.
func (s *Simulator) failBefore(w http.ResponseWriter, r *http.Request, mode, operation string) bool {
	switch mode {
	case modeUnavailable:
		writeError(w, http.StatusServiceUnavailable, "unavailable", "injected fault")
	case modeRateLimit:
		w.Header().Set("Retry-After", strconv.Itoa(1))
		writeError(w, http.StatusTooManyRequests, "rate_limited", "injected fault")
	case modeReject:
		class := gateway.RefusedRejected
		if operation == "authorize" {
			class = gateway.RefusedDeclined
		}

		out := refuse(class, "injected_rejection", "injected fault")
		writeJSON(w, out.status, out.body)
	case modeTimeoutBefore:
		s.neverAnswer(r)
	default:
		return false
	}

	return true
}

// failAfter plays the faults that spoil the answer after the effect. It reports whether it answered.
func (s *Simulator) failAfter(w http.ResponseWriter, r *http.Request, mode string) bool {
	switch mode {
	case modeSlow:
		s.hold(r, s.opts.SlowFor+slowFaultExtra)
	case modeTimeoutAfter:
		s.neverAnswer(r)
	case modeGarbage:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>it worked, or did it"))

		return true
	}

	return false
}

// hold waits, but not for a caller that has hung up or for a simulator that is being closed.
func (s *Simulator) hold(r *http.Request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()

	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-s.closing.Done():
	}
}

// neverAnswer keeps the caller waiting until it gives up and then drops the connection without a word.
func (s *Simulator) neverAnswer(r *http.Request) {
	s.hold(r, maxHold)
	panic(http.ErrAbortHandler)
}
