package stripetest

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

type object map[string]any

// intent is a PaymentIntent as Stripe shows it.
type intent struct {
	ID                 string            `json:"id"`
	Object             string            `json:"object"`
	Amount             int64             `json:"amount"`
	AmountReceived     int64             `json:"amount_received"`
	Currency           string            `json:"currency"`
	Status             string            `json:"status"`
	CancellationReason string            `json:"cancellation_reason,omitempty"`
	Metadata           map[string]string `json:"metadata"`

	method string
}

// refund is a Refund as Stripe shows it.
type refund struct {
	ID            string            `json:"id"`
	Object        string            `json:"object"`
	Amount        int64             `json:"amount"`
	Currency      string            `json:"currency"`
	Status        string            `json:"status"`
	PaymentIntent string            `json:"payment_intent"`
	Metadata      map[string]string `json:"metadata"`
}

func (s *Server) create(form url.Values) answer {
	amount, err := strconv.ParseInt(form.Get("amount"), 10, 64)
	if err != nil || amount < 1 {
		return invalid("amount", "Invalid integer: "+form.Get("amount"))
	}
	i := &intent{
		ID: s.nextID("pi_"), Object: "payment_intent", Amount: amount, Currency: form.Get("currency"), Status: "requires_payment_method",
		Metadata: metadata(form), method: form.Get("payment_method"),
	}
	if form.Get("confirm") != "true" {
		s.intents = append(s.intents, i)
		return answer{http.StatusOK, *i}
	}
	switch i.method {
	case Visa, Expiring:
		i.Status = "requires_capture"
		s.intents = append(s.intents, i)
		return answer{http.StatusOK, *i}
	case Declining:
		s.intents = append(s.intents, i)
		return problem(http.StatusPaymentRequired, object{"type": "card_error", "code": "card_declined", "decline_code": "generic_decline", "message": "Your card was declined."})
	default:
		return problem(http.StatusBadRequest, object{
			"type": "invalid_request_error", "code": "resource_missing", "param": "payment_method", "message": "No such PaymentMethod: " + i.method,
		})
	}
}

func (s *Server) capture(id string, form url.Values) answer {
	i := s.intent(id)
	if i == nil {
		return missing("intent")
	}
	if i.method == Expiring && i.Status == "requires_capture" && !s.expired {
		s.expired = true
		i.Status, i.CancellationReason = "canceled", "automatic"
	}
	amount, err := strconv.ParseInt(form.Get("amount_to_capture"), 10, 64)
	switch {
	case i.Status != "requires_capture":
		return unexpected(i)
	case err != nil || amount < 1 || amount > i.Amount:
		return problem(http.StatusBadRequest, object{"type": "invalid_request_error", "code": "amount_too_large", "message": "more than was authorised"})
	}
	i.Status, i.AmountReceived = "succeeded", amount
	maps.Copy(i.Metadata, metadata(form))
	return answer{http.StatusOK, *i}
}

func (s *Server) cancel(id string, form url.Values) answer {
	i := s.intent(id)
	switch {
	case i == nil:
		return missing("intent")
	case i.Status == "succeeded" || i.Status == "canceled":
		return unexpected(i)
	}
	i.Status, i.CancellationReason = "canceled", form.Get("cancellation_reason")
	return answer{http.StatusOK, *i}
}

func (s *Server) refund(form url.Values) answer {
	i := s.intent(form.Get("payment_intent"))
	if i == nil {
		return missing("payment_intent")
	}
	amount, err := strconv.ParseInt(form.Get("amount"), 10, 64)
	left := i.AmountReceived
	for _, r := range s.refunds {
		if r.PaymentIntent == i.ID {
			left -= r.Amount
		}
	}
	if err != nil || amount < 1 || amount > left {
		return invalid("amount", fmt.Sprintf("Refund amount is greater than unrefunded amount on charge (%d)", left))
	}
	r := &refund{
		ID: s.nextID("re_"), Object: "refund", Amount: amount, Currency: i.Currency, Status: "succeeded", PaymentIntent: i.ID, Metadata: metadata(form),
	}
	s.refunds = append(s.refunds, r)
	return answer{http.StatusOK, *r}
}

// search knows one form of query: metadata['name']:'value'.
func (s *Server) search(query string) answer {
	name, value, _ := strings.Cut(strings.TrimPrefix(query, "metadata['"), "']:'")
	value = strings.TrimSuffix(value, "'")
	found := []*intent{}
	for _, i := range s.intents[:s.indexed] {
		if i.Metadata[name] == value {
			found = append(found, i)
		}
	}
	return answer{http.StatusOK, object{"object": "search_result", "url": "/v1/payment_intents/search", "has_more": false, "data": found}}
}

func (s *Server) refundsOf(intentID string) answer {
	found := []*refund{}
	for _, r := range s.refunds {
		if r.PaymentIntent == intentID {
			found = append(found, r)
		}
	}
	return answer{http.StatusOK, object{"object": "list", "url": "/v1/refunds", "has_more": false, "data": found}}
}

func (s *Server) intent(id string) *intent {
	for _, i := range s.intents {
		if i.ID == id {
			return i
		}
	}
	return nil
}

func (s *Server) nextID(prefix string) string {
	s.lastID++
	return prefix + strconv.Itoa(s.lastID)
}

func metadata(form url.Values) map[string]string {
	all := map[string]string{}
	for field := range form {
		if name, ok := strings.CutPrefix(field, "metadata["); ok {
			all[strings.TrimSuffix(name, "]")] = form.Get(field)
		}
	}
	return all
}

func problem(status int, about object) answer { return answer{status, object{"error": about}} }

func invalid(param, message string) answer {
	return problem(http.StatusBadRequest, object{"type": "invalid_request_error", "param": param, "message": message})
}

func missing(param string) answer {
	return problem(http.StatusNotFound, object{"type": "invalid_request_error", "code": "resource_missing", "param": param, "message": "There is no such thing"})
}

func unexpected(i *intent) answer {
	return problem(http.StatusBadRequest, object{
		"type": "invalid_request_error", "code": "payment_intent_unexpected_state", "message": "This PaymentIntent is " + i.Status, "payment_intent": *i,
	})
}
