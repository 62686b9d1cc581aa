// Package stripetest plays the part of Stripe that package stripe uses, for tests: PaymentIntents captured by hand and
// Refunds, over Stripe's own HTTP API.
//
// Its one idea: it keeps what stripe-mock does not, the state. Idempotency keys replay the first answer, also a 500, and refuse
// another request; the search index is as far behind as a test wants; and requests can be made to fail in the ways of a network
// and of Stripe itself.
package stripetest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// The payment methods that are known. The first authorisation of Expiring has expired when it is to be captured.
const (
	Visa      = "pm_card_visa"
	Declining = "pm_card_chargeDeclined"
	Expiring  = "pm_card_expiring"
)

// Mode is how a request fails.
type Mode string

// The ways to fail.
const (
	TimeoutBefore Mode = "timeout_before" // no answer, and nothing was done
	TimeoutAfter  Mode = "timeout_after"  // no answer, and it was done
	RateLimit     Mode = "rate_limit"     // 429 with Retry-After: 7
	Broken        Mode = "broken"         // 500, and it was done; the key keeps the 500
	Busy          Mode = "busy"           // 409, the first request with this key is still being worked on
)

// Server is a Stripe account.
type Server struct {
	*httptest.Server

	mu      sync.Mutex
	lastID  int
	intents []*intent
	refunds []*refund
	indexed int // how many intents the search shows
	lagging bool
	expired bool // the first authorisation of Expiring has
	answers map[string]remembered
	faults  []fault
}

type fault struct {
	path string
	mode Mode
}

// remembered is the first answer under an idempotency key.
type remembered struct {
	request string
	answer  answer
}

type answer struct {
	status int
	body   any
}

// Start serves an empty account until the test ends.
func Start(t *testing.T) *Server {
	t.Helper()
	s := &Server{answers: map[string]remembered{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// Fail makes the next request that has an effect, and whose path ends so, fail.
func (s *Server) Fail(pathEnd string, mode Mode) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, fault{pathEnd, mode})
}

// Heal takes all failures that have not come yet away.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// HoldIndex keeps from the search what is made from now on, and ReleaseIndex shows all of it.
func (s *Server) HoldIndex() { s.setLag(true) }

// ReleaseIndex lets the search show everything.
func (s *Server) ReleaseIndex() { s.setLag(false) }

func (s *Server) setLag(lagging bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lagging = lagging
	s.indexed = len(s.intents)
}

// ForgetKeys does what Stripe does after 24 hours.
func (s *Server) ForgetKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.answers)
}

// Balance is the money that is set aside, that was taken, and that was paid back.
func (s *Server) Balance() (held, captured, refunded int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.intents {
		if i.Status == "requires_capture" {
			held += i.Amount
		}
		captured += i.AmountReceived
	}
	for _, r := range s.refunds {
		refunded += r.Amount
	}
	return held, captured, refunded
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		write(w, invalid("", "the form cannot be read"))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer sk_test" {
		write(w, problem(http.StatusUnauthorized, object{"type": "invalid_request_error", "message": "Invalid API Key provided"}))
		return
	}
	if r.Method == http.MethodGet {
		write(w, s.read(r))
		return
	}
	s.change(w, r)
}

// change has an effect once for each idempotency key, unless it is to fail.
func (s *Server) change(w http.ResponseWriter, r *http.Request) {
	mode := s.nextFault(r.URL.Path)
	switch mode {
	case TimeoutBefore:
		hangUp(w)
	case RateLimit:
		w.Header().Set("Retry-After", "7")
		write(w, problem(http.StatusTooManyRequests, object{"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests"}))
		return
	case Busy:
		write(w, problem(http.StatusConflict, object{"type": "idempotency_error", "code": "idempotency_key_in_use", "message": "There is a request under way"}))
		return
	}
	key, request := r.Header.Get("Idempotency-Key"), r.URL.Path+"?"+r.PostForm.Encode()
	first, known := s.answers[key]
	switch {
	case known && first.request != request:
		write(w, problem(http.StatusBadRequest, object{"type": "idempotency_error", "message": "Keys for idempotent requests can only be used with the same parameters"}))
		return
	case !known:
		first = remembered{request, s.apply(r.URL.Path, r.PostForm)}
		if mode == Broken {
			first.answer = problem(http.StatusInternalServerError, object{"type": "api_error", "message": "An unknown error occurred"})
		}
		s.answers[key] = first
	}
	if !s.lagging {
		s.indexed = len(s.intents)
	}
	if mode == TimeoutAfter {
		hangUp(w)
	}
	write(w, first.answer)
}

// hangUp breaks the connection in the middle of an answer: of one that has not begun, net/http would ask again by itself.
func hangUp(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "1000")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

func (s *Server) nextFault(path string) Mode {
	for i, f := range s.faults {
		if strings.HasSuffix(path, f.path) {
			s.faults = append(s.faults[:i], s.faults[i+1:]...)
			return f.mode
		}
	}
	return ""
}

func (s *Server) apply(path string, form url.Values) answer {
	rest, _ := strings.CutPrefix(path, "/v1/")
	switch parts := strings.Split(rest, "/"); {
	case rest == "payment_intents":
		return s.create(form)
	case rest == "refunds":
		return s.refund(form)
	case len(parts) == 3 && parts[2] == "capture":
		return s.capture(parts[1], form)
	case len(parts) == 3 && parts[2] == "cancel":
		return s.cancel(parts[1], form)
	default:
		return missing("")
	}
}

func (s *Server) read(r *http.Request) answer {
	id, isIntent := strings.CutPrefix(r.URL.Path, "/v1/payment_intents/")
	switch {
	case id == "search":
		return s.search(r.Form.Get("query"))
	case isIntent && s.intent(id) != nil:
		return answer{http.StatusOK, s.intent(id)}
	case r.URL.Path == "/v1/refunds":
		return s.refundsOf(r.Form.Get("payment_intent"))
	default:
		return missing("intent")
	}
}

func write(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body) //nolint:errchkjson // maps of plain values; or the client has gone
}
