package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	defaultTimeout = 10 * time.Second
	maxAnswerBytes = 1 << 20
	maxConnections = 64
)

// HTTP speaks to payment provider, stock, carriers and fraud service over HTTP and JSON, in the protocol that package
// gateway/simulator documents. It implements [Payments], [Stock], [Carrier], [Fraud] and [Notifier] and is safe for concurrent use.
type HTTP struct {
	baseURL string
	timeout time.Duration
	client  *http.Client
}

var (
	_ Payments = (*HTTP)(nil)
	_ Stock    = (*HTTP)(nil)
	_ Carrier  = (*HTTP)(nil)
	_ Fraud    = (*HTTP)(nil)
	_ Notifier = (*HTTP)(nil)
)

// Options are the settings of [NewHTTP]; the zero value is useful.
type Options struct {
	// Timeout limits each request, its answer included; 0 means 10 s. The context's deadline counts as well.
	Timeout time.Duration
	// Transport replaces the connection pool, for instance by one that traces.
	Transport http.RoundTripper
}

// NewHTTP returns an adapter for the services under baseURL.
func NewHTTP(baseURL string, opts Options) *HTTP {
	if opts.Timeout <= 0 {
		opts.Timeout = defaultTimeout
	}

	if opts.Transport == nil {
		opts.Transport = newTransport()
	}

	return &HTTP{
		baseURL: strings.TrimRight(baseURL, "/"),
		timeout: opts.Timeout,
		client: &http.Client{
			Transport: opts.Transport,
			// A redirected POST would be sent on as a GET: better no usable answer than a wrong one.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// newTransport keeps as many idle connections to the one host as a busy worker uses; the default of 2 would open and
// close one for almost every request.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		MaxIdleConns:          4 * maxConnections,
		MaxIdleConnsPerHost:   maxConnections,
		IdleConnTimeout:       time.Minute,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
		ForceAttemptHTTP2:     true,
	}
}

// Close closes the idle connections. Requests under way go on.
func (h *HTTP) Close() { h.client.CloseIdleConnections() }

// call is one request and where its answer goes.
type call struct {
	method string
	path   string
	key    string
	body   any
	// answer receives the JSON of a 2xx answer; valid then says whether it is one that makes sense.
	answer any
	valid  func() bool
	// readOnly calls have no effect, so their outcome is never unknown: they are just to be made again.
	readOnly bool
}

// post asks for an effect.
func (h *HTTP) post(ctx context.Context, c call) error {
	if c.key == "" {
		return &Refusal{Class: RefusedRejected, Code: "idempotency_key_missing", Message: "an effect needs a key"}
	}

	c.method = http.MethodPost

	return h.do(ctx, c)
}

// lookup asks what became of a key. Only the service's own word counts as "never happened": a 404 of something in
// between must not make a caller repeat an effect.
func (h *HTTP) lookup(ctx context.Context, c call) (bool, error) {
	c.method = http.MethodGet
	c.readOnly = true
	err := h.do(ctx, c)

	if refusal, ok := errors.AsType[*Refusal](err); ok && refusal.Code == codeNotFound {
		return false, nil
	}

	return err == nil, err
}

// do makes the call and maps whatever happens to the typed errors of this package.
func (h *HTTP) do(ctx context.Context, c call) error {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()

	watched, maySent := WatchSent(ctx)

	req, err := h.request(watched, c)
	if err != nil {
		return &Unavailable{Code: codeNotSent, Err: err}
	}

	resp, err := h.client.Do(req)
	if err != nil {
		return c.lost(err, maySent())
	}
	defer func() { _ = resp.Body.Close() }()

	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err != nil {
		// The status line alone is proof enough of these two.
		if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
			return unavailable(resp, nil)
		}

		return c.lost(fmt.Errorf("read the answer: %w", err), true)
	}

	return c.read(resp, body)
}

func (h *HTTP) request(ctx context.Context, c call) (*http.Request, error) {
	var body io.Reader

	if c.body != nil {
		encoded, err := json.Marshal(c.body)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}

		body = bytes.NewReader(encoded)
	}

	req, err := http.NewRequestWithContext(ctx, c.method, h.baseURL+c.path, body)
	if err != nil {
		return nil, fmt.Errorf("build the request: %w", err)
	}

	req.Header.Set("Accept", "application/json")

	if c.body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", c.key)
	}

	return req, nil
}
