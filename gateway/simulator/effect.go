package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"orderly/gateway"
)

// ask is one request for an effect.
type ask[R any] struct {
	Key     string // as the caller named it
	Scope   string // whose keys these are: payments, stock, carrier/ups, fraud
	Carrier string
	At      time.Time
	Request R
}

// scoped returns the name under which one of the caller's keys is remembered.
func (a ask[R]) scoped(key string) string { return scoped(a.Scope, key) }

func scoped(scope, key string) string { return scope + " " + key }

// id derives an identifier from the key: stable over restarts without a counter to remember.
func (a ask[R]) id(prefix string) string {
	sum := sha256.Sum256([]byte(a.scoped(a.Key)))

	return prefix + hex.EncodeToString(sum[:8])
}

// outcome is what was decided: the answer, and the effects when there are any.
type outcome struct {
	status  int
	body    any
	effects *effects
	slow    bool
}

func done(body any, e *effects) outcome {
	return outcome{status: http.StatusOK, body: body, effects: e}
}

func refuse(class gateway.RefusalClass, code, message string) outcome {
	status := http.StatusConflict
	if class == gateway.RefusedDeclined {
		status = http.StatusPaymentRequired
	}

	return outcome{status: status, body: problem{Class: class, Code: code, Message: message}}
}

func reject(code, message string) outcome { return refuse(gateway.RefusedRejected, code, message) }

func keyReused() outcome {
	out := reject("idempotency_mismatch", "this key was used for another request")
	out.status = http.StatusUnprocessableEntity

	return out
}

// effect serves an operation: decide is pure, everything around it (faults, keys, journal, dawdling) is here.
func effect[R any](s *Simulator, svc, operation string, decide func(*state, ask[R]) outcome) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a := ask[R]{
			Key: r.Header.Get("Idempotency-Key"), Scope: svc, Carrier: r.PathValue("carrier"), At: time.Now().UTC(),
		}
		if a.Carrier != "" {
			a.Scope += "/" + a.Carrier
		}

		if err := readJSON(w, r, &a.Request); err != nil {
			badRequest(w, "malformed_json", err.Error())

			return
		}

		if a.Key == "" {
			badRequest(w, "idempotency_key_missing", "the header Idempotency-Key is needed")

			return
		}

		mode := s.faults.pick(svc, a.Carrier, operation, time.Now())
		if s.failBefore(w, r, mode, operation) {
			return
		}

		said, slow, err := answerOnce(s, operation, a, decide)
		if err != nil {
			writeError(w, http.StatusServiceUnavailable, "not_stored", err.Error())

			return
		}

		if slow {
			s.hold(r, s.opts.SlowFor)
		}

		if s.failAfter(w, r, mode) {
			return
		}

		writeRaw(w, said.Status, said.Body)
	}
}

// answerOnce gives the first answer to a key, deciding it when there is none.
func answerOnce[R any](s *Simulator, operation string, a ask[R], decide func(*state, ask[R]) outcome) (
	*answer, bool, error,
) {
	asked, err := fingerprint(operation, a.Request)
	if err != nil {
		return nil, false, err
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	if first, ok := s.state.answers[a.scoped(a.Key)]; ok {
		if first.Fingerprint == asked {
			return first, false, nil
		}

		said, err := newAnswer(keyReused())

		return said, false, err
	}

	out := decide(s.state, a)

	said, err := newAnswer(out)
	if err != nil {
		return nil, false, err
	}

	if a.Scope == serviceFraud {
		return said, false, nil // a judgement has no effect, so there is nothing to remember
	}

	said.Key, said.Operation, said.Fingerprint = a.scoped(a.Key), operation, asked
	if err := s.record(record{Answer: said, Effects: out.effects}); err != nil {
		return nil, false, err
	}

	if out.effects != nil && out.effects.Parcel != nil && s.opts.Transit > 0 {
		s.schedule(s.state.parcels[out.effects.Parcel.Ref])
	}

	return said, out.slow, nil
}

func newAnswer(out outcome) (*answer, error) {
	body, err := json.Marshal(out.body)
	if err != nil {
		return nil, err
	}

	return &answer{Status: out.status, Body: body}, nil
}

// fingerprint tells requests apart by what they ask for, not by how their JSON is spelled.
func fingerprint(operation string, request any) (string, error) {
	encoded, err := json.Marshal(request)
	if err != nil {
		return "", err
	}

	sum := sha256.Sum256(append([]byte(operation+" "), encoded...))

	return hex.EncodeToString(sum[:16]), nil
}

// lookup serves what became of a key: the first answer when it told of an effect.
func (s *Simulator) lookup(svc string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		scope, carrier := svc, r.PathValue("carrier")
		if carrier != "" {
			scope += "/" + carrier
		}

		mode := s.faults.pick(svc, carrier, operationLookup, time.Now())
		if s.failBefore(w, r, mode, operationLookup) || s.failAfter(w, r, mode) {
			return
		}

		s.mu.Lock()
		said, ok := s.state.happened(scoped(scope, r.URL.Query().Get("key")))
		s.mu.Unlock()

		if !ok {
			writeError(w, http.StatusNotFound, "not_found", "nothing happened under this key")

			return
		}

		writeRaw(w, said.Status, said.Body)
	}
}
