package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Codes that this adapter gives itself; all others are the other side's.
const (
	codeNotFound    = "not_found"
	codeNotSent     = "not_sent"
	codeNoAnswer    = "no_answer"
	codeRateLimited = "rate_limited"
	codeUnavailable = "unavailable"
	codePrefixHTTP  = "http_"
)

// errorBody is how the services say no.
type errorBody struct {
	Class   RefusalClass `json:"class"`
	Code    string       `json:"code"`
	Message string       `json:"message"`
}

// lost maps a failure without a usable answer.
func (c call) lost(err error, sent bool) error {
	switch {
	case !sent:
		return &Unavailable{Code: codeNotSent, Err: err}
	case c.readOnly:
		return &Unavailable{Code: codeNoAnswer, Err: err}
	default:
		return &UnknownOutcome{Key: c.key, Err: err}
	}
}

// read maps an answer that arrived whole.
func (c call) read(resp *http.Response, body []byte) error {
	switch status := resp.StatusCode; {
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return unavailable(resp, body)
	case status >= 400 && status < 500:
		return refusal(status, body)
	case status < 200 || status > 299:
		return c.lost(fmt.Errorf("unexpected status %s", resp.Status), true)
	case len(body) > maxAnswerBytes:
		return c.lost(fmt.Errorf("the answer is longer than %d bytes", maxAnswerBytes), true)
	}

	if c.answer == nil {
		if !json.Valid(body) {
			return c.lost(errors.New("the answer is not JSON"), true)
		}

		return nil
	}

	if err := json.Unmarshal(body, c.answer); err != nil {
		return c.lost(fmt.Errorf("decode the answer: %w", err), true)
	}

	if c.valid != nil && !c.valid() {
		return c.lost(errors.New("the answer lacks what it must say"), true)
	}

	return nil
}

// refusal maps a 4xx answer. One that is not in the protocol's form, say of a proxy, is a refusal still: the same
// request would get the same answer.
func refusal(status int, body []byte) error {
	fallback := codePrefixHTTP + strconv.Itoa(status)

	var said errorBody
	if err := json.Unmarshal(body, &said); err != nil || said.Code == "" {
		return &Refusal{Class: RefusedRejected, Code: fallback, Message: http.StatusText(status)}
	}

	switch said.Class {
	case RefusedDeclined, RefusedExpired, RefusedAddress, RefusedCapacity, RefusedRejected:
		return &Refusal{Class: said.Class, Code: said.Code, Message: said.Message}
	case "":
		if said.Code == codeNotFound {
			return &Refusal{Class: RefusedRejected, Code: codeNotFound, Message: said.Message}
		}
	}

	return &Refusal{Class: RefusedRejected, Code: fallback, Message: said.Message}
}

// unavailable maps 429 and 503, which promise that nothing was done.
func unavailable(resp *http.Response, body []byte) error {
	code := codeUnavailable
	if resp.StatusCode == http.StatusTooManyRequests {
		code = codeRateLimited
	}

	var said errorBody
	if err := json.Unmarshal(body, &said); err == nil && said.Code != "" {
		code = said.Code
	}

	return &Unavailable{
		Code:       code,
		RetryAfter: RetryAfter(resp.Header.Get("Retry-After"), time.Now()),
		Err:        errors.New(resp.Status),
	}
}

// maxRetryAfter keeps a mistaken header from parking an order for good.
const maxRetryAfter = time.Hour

// RetryAfter reads both forms of the header Retry-After, seconds and a date (RFC 9110, 10.2.3): at most an hour.
func RetryAfter(header string, now time.Time) time.Duration {
	var wait time.Duration

	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if date, err := http.ParseTime(header); err == nil {
		wait = date.Sub(now)
	}

	return min(max(wait, 0), maxRetryAfter)
}
