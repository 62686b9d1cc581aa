package client

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
)

const (
	defaultTries      = 6
	defaultFirstPause = 200 * time.Millisecond
	// maxPause bounds the pauses that nobody asked for.
	maxPause = 10 * time.Second
	// answerWithin is how long one request may take: the API itself gives up after 20 s.
	answerWithin = 30 * time.Second
)

// Options are how a client behaves; the zero value is fine.
type Options struct {
	// HTTP sends the requests; one with a time limit when nil.
	HTTP *http.Client
	// Tries is how often a request is sent at most; 6 when zero.
	Tries int
	// FirstPause is the pause before the second try, and doubles; 200 ms when zero.
	FirstPause time.Duration
}

// New makes a client of the API at a URL, for an API key.
func New(baseURL, key string, options Options) (*ClientWithResponses, error) {
	base, err := url.Parse(baseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("the API's URL must be http(s)://host, not %q", baseURL)
	}
	s := &sender{http: options.HTTP, key: key, base: base, tries: options.Tries, firstPause: options.FirstPause}
	if s.http == nil {
		s.http = &http.Client{Timeout: answerWithin}
	}
	if s.tries == 0 {
		s.tries = defaultTries
	}
	if s.firstPause == 0 {
		s.firstPause = defaultFirstPause
	}
	return NewClientWithResponses(baseURL, WithHTTPClient(s))
}

// NewKey makes an idempotency key.
func NewKey() string { return uuid.NewString() }
