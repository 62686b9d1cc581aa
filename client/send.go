package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// sender sends the requests of all calls.
type sender struct {
	http       *http.Client
	key        string
	base       *url.URL
	tries      int
	firstPause time.Duration
}

// Do sends a request, again if need be, and follows a command that is under way to its end. An answer of 400 and above is
// a [*Problem].
func (s *sender) Do(request *http.Request) (*http.Response, error) {
	for {
		response, err := s.send(request)
		if err != nil || response.StatusCode != http.StatusAccepted {
			return response, err
		}
		if err := s.follow(request.Context(), response); err != nil {
			return nil, err
		}
		// The same command again: now its answer is there.
	}
}

// follow waits until the command behind a 202 is carried out, or refused: its own answer says which.
func (s *sender) follow(ctx context.Context, response *http.Response) error {
	location, err := s.base.Parse(response.Header.Get("Location"))
	if err != nil || location.Host != s.base.Host {
		_ = response.Body.Close()
		return fmt.Errorf("a command is under way at %q, where nobody can be asked", response.Header.Get("Location"))
	}
	for response.StatusCode == http.StatusAccepted {
		_ = response.Body.Close()
		if err := rest(ctx, max(retryAfter(response), s.firstPause)); err != nil {
			return fmt.Errorf("the command is under way, ask %s: %w", location, err)
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, location.String(), nil)
		if err != nil {
			return err
		}
		response, err = s.send(request)
		if _, refused := errors.AsType[*Problem](err); refused {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return response.Body.Close()
}

// send sends a request until there is an answer to keep, or the tries are used up.
func (s *sender) send(request *http.Request) (*http.Response, error) {
	request.Header.Set("Authorization", "Bearer "+s.key)
	pause := s.firstPause
	for try := 1; ; try++ {
		response, err := s.attempt(request)
		if err == nil || try == s.tries || !again(request, response, err) {
			return response, err
		}
		wait := max(retryAfter(response), pause/2+rand.N(pause))
		if resting := rest(request.Context(), wait); resting != nil {
			return nil, fmt.Errorf("%w, after %d tries: %w", resting, try, err)
		}
		pause = min(2*pause, maxPause)
	}
}

// attempt sends a request once. An answer that is an error comes back with its problem, its body read.
func (s *sender) attempt(request *http.Request) (*http.Response, error) {
	once := request.Clone(request.Context())
	if request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return nil, fmt.Errorf("send the body again: %w", err)
		}
		once.Body = body
	}
	response, err := s.httpFor(once).Do(once)
	if err != nil || response.StatusCode < http.StatusBadRequest {
		return response, err
	}
	problem := problemOf(response)
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxProblem)) // so that the connection can be used again
	_ = response.Body.Close()
	return response, problem
}

// httpFor is the HTTP client for a request: a stream has no time limit of its own.
func (s *sender) httpFor(request *http.Request) *http.Client {
	if request.Header.Get("Accept") != eventStream {
		return s.http
	}
	unlimited := *s.http
	unlimited.Timeout = 0
	return &unlimited
}

// again says whether a request that came to nothing may be sent once more, and is likely to fare better.
func again(request *http.Request, response *http.Response, err error) bool {
	if request.Context().Err() != nil {
		return false
	}
	if request.Method == http.MethodPost && request.Header.Get("Idempotency-Key") == "" || request.Body != nil && request.GetBody == nil {
		return false
	}
	if response == nil {
		return true
	}
	problem, _ := errors.AsType[*Problem](err)
	switch response.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusConflict:
		return problem != nil && problem.Code == "command_in_flight"
	default:
		return false
	}
}

// retryAfter is how long an answer asks to wait, in seconds or until a date; 0 when it does not.
func retryAfter(response *http.Response) time.Duration {
	if response == nil {
		return 0
	}
	value := response.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return time.Until(at)
	}
	return 0
}

// rest waits, and does not begin to when the context ends before.
func rest(ctx context.Context, wait time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
		return context.DeadlineExceeded
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
