package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"orderly/gateway"
)

const maxRequestBytes = 1 << 20

// problem is the body of every answer that says no.
type problem struct {
	Class   gateway.RefusalClass `json:"class,omitempty"`
	Code    string               `json:"code"`
	Message string               `json:"message"`
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		status, encoded = http.StatusInternalServerError, []byte(`{"code":"internal","message":"cannot encode"}`)
	}

	writeRaw(w, status, encoded)
}

func writeRaw(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that is gone is not our trouble
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, problem{Code: code, Message: message})
}

// badRequest answers 400 in the form of a refusal: the same request would get the same answer.
func badRequest(w http.ResponseWriter, code, message string) {
	writeJSON(w, http.StatusBadRequest, problem{Class: gateway.RefusedRejected, Code: code, Message: message})
}

// readJSON decodes a body that is one JSON value and nothing else.
func readJSON(w http.ResponseWriter, r *http.Request, into any, options ...func(*json.Decoder)) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequestBytes))
	for _, option := range options {
		option(decoder)
	}

	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("decode the body: %w", err)
	}

	// Reading to the end also lets the server notice when the caller hangs up.
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the body goes on after the JSON value")
	}

	return nil
}
