package api

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Problem is an error as the client sees it: RFC 9457, with a code that stays the same for ever.
type Problem struct {
	Type    string  `json:"type" doc:"A URI that names the kind of problem; it ends with the code." example:"urn:orderly:problem:not_allowed_now"`
	Title   string  `json:"title" doc:"The kind of problem in words."`
	Status  int     `json:"status" doc:"The HTTP status."`
	Detail  string  `json:"detail,omitempty" doc:"What is wrong with this request."`
	Code    Code    `json:"code" doc:"The kind of problem, for programs."`
	TraceID string  `json:"trace_id" doc:"Names this request in the logs and traces."`
	Errors  []Fault `json:"errors,omitempty" doc:"Every field that is wrong."`

	Allowed        []string `json:"allowed,omitempty" doc:"The commands that the order admits now."`
	CurrentVersion int      `json:"current_version,omitempty" doc:"The version that the order has now."`

	retryAfter time.Duration
	replayed   bool
	cause      error
}

// Fault is one field that is wrong. Pointer is a JSON pointer into the body, or "/" and the name of the parameter.
type Fault struct {
	Pointer string `json:"pointer" doc:"JSON pointer into the body, or / and the name of a parameter or header." example:"/lines/0/quantity"`
	Detail  string `json:"detail" doc:"What is wrong with it."`
}

// Code names a kind of problem.
type Code string

// The codes. API.md lists them; renaming one breaks clients.
const (
	codeInvalid          Code = "invalid_request"
	codeMalformed        Code = "malformed_json"
	codeMediaType        Code = "unsupported_media_type"
	codeTooLarge         Code = "body_too_large"
	codeKeyMissing       Code = "idempotency_key_missing"
	codeKeyInvalid       Code = "idempotency_key_invalid"
	codeKeyReused        Code = "idempotency_key_reused"
	codeInFlight         Code = "command_in_flight"
	codeVersionMismatch  Code = "version_mismatch"
	codeNotAllowed       Code = "not_allowed_now"
	codeOrderExists      Code = "order_exists"
	codeOrderNotFound    Code = "order_not_found"
	codeNotYetCreated    Code = "not_yet_created"
	codeUnauthenticated  Code = "unauthenticated"
	codeForbidden        Code = "forbidden"
	codeTooManyCommands  Code = "too_many_commands"
	codeOrchestratorDown Code = "orchestrator_unavailable"
	codeStoreDown        Code = "store_unavailable"
	codeSignature        Code = "signature_invalid"
	codeInternal         Code = "internal"
	codeNotFound         Code = "not_found"
	codeMethod           Code = "method_not_allowed"
	codeBodyTimeout      Code = "body_timeout"
	codeNotReady         Code = "not_ready"
	codeRateLimited      Code = "rate_limited"
	codeOverloaded       Code = "overloaded"
	codeIdentityDown     Code = "identity_unavailable"
	codeCSRF             Code = "csrf_token_invalid"
)

var kinds = map[Code]struct {
	status int
	title  string
}{
	codeInvalid:          {http.StatusUnprocessableEntity, "The request is not valid"},
	codeMalformed:        {http.StatusBadRequest, "The body is not well-formed JSON"},
	codeMediaType:        {http.StatusUnsupportedMediaType, "The body is not application/json"},
	codeTooLarge:         {http.StatusRequestEntityTooLarge, "The body is too large"},
	codeKeyMissing:       {http.StatusBadRequest, "The Idempotency-Key header is missing"},
	codeKeyInvalid:       {http.StatusBadRequest, "The Idempotency-Key header is not valid"},
	codeKeyReused:        {http.StatusUnprocessableEntity, "The Idempotency-Key was used for another request"},
	codeInFlight:         {http.StatusConflict, "The same command is under way"},
	codeVersionMismatch:  {http.StatusPreconditionFailed, "The order has changed"},
	codeNotAllowed:       {http.StatusConflict, "The order does not admit this now"},
	codeOrderExists:      {http.StatusConflict, "There is an order with this id already"},
	codeOrderNotFound:    {http.StatusNotFound, "There is no such order"},
	codeNotYetCreated:    {http.StatusNotFound, "The order did not exist then"},
	codeUnauthenticated:  {http.StatusUnauthorized, "A valid API key, token or session is needed"},
	codeForbidden:        {http.StatusForbidden, "The caller may not do this"},
	codeTooManyCommands:  {http.StatusTooManyRequests, "Too many commands for one order at once"},
	codeOrchestratorDown: {http.StatusServiceUnavailable, "Commands cannot be carried out for the moment"},
	codeStoreDown:        {http.StatusServiceUnavailable, "The store cannot be reached for the moment"},
	codeSignature:        {http.StatusUnauthorized, "The signature is not valid"},
	codeInternal:         {http.StatusInternalServerError, "Something went wrong on our side"},
	codeNotFound:         {http.StatusNotFound, "There is nothing at this address"},
	codeMethod:           {http.StatusMethodNotAllowed, "The method is not allowed here"},
	codeBodyTimeout:      {http.StatusRequestTimeout, "The body did not arrive in time"},
	codeNotReady:         {http.StatusServiceUnavailable, "Not ready"},
	codeRateLimited:      {http.StatusTooManyRequests, "Too many requests"},
	codeOverloaded:       {http.StatusServiceUnavailable, "Too much is being done at once"},
	codeIdentityDown:     {http.StatusServiceUnavailable, "The identity provider cannot be reached for the moment"},
	codeCSRF:             {http.StatusForbidden, "The CSRF token is missing or wrong"},
}

// Schema lists the codes as an extension: an enumeration would make clients refuse those that are added later.
func (Code) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Extensions: map[string]any{"x-extensible-enum": slices.Sorted(maps.Keys(kinds))}}
}

// newProblem makes a problem of a kind.
func newProblem(code Code, detail string, faults ...Fault) *Problem {
	kind := kinds[code]
	return &Problem{
		Type: "urn:orderly:problem:" + string(code), Title: kind.title, Status: kind.status,
		Detail: detail, Code: code, Errors: faults,
	}
}

// invalid makes the problem of a request whose fields are wrong.
func invalid(faults ...Fault) *Problem {
	return newProblem(codeInvalid, "One or more fields are wrong; errors lists them.", faults...)
}

// because keeps the error that led to the problem for the log.
func (p *Problem) because(cause error) *Problem {
	p.cause = cause
	return p
}

// after tells the client when to try again.
func (p *Problem) after(wait time.Duration) *Problem {
	p.retryAfter = wait
	return p
}

// Error is the detail, or the title when there is none.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Detail
}

// Unwrap is the error that led to the problem.
func (p *Problem) Unwrap() error { return p.cause }

// GetStatus is the HTTP status; huma asks for it.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is application/problem+json; huma asks for it.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// GetHeaders are the headers that go with the problem; huma asks for them.
func (p *Problem) GetHeaders() http.Header {
	headers := http.Header{}
	if p.retryAfter > 0 {
		headers.Set("Retry-After", strconv.Itoa(int(max(p.retryAfter.Seconds(), 1))))
	}
	if p.CurrentVersion > 0 {
		headers.Set("ETag", etag(p.CurrentVersion))
		headers.Set("X-Event-Version", strconv.Itoa(p.CurrentVersion))
	}
	if p.replayed {
		headers.Set("Idempotent-Replayed", "true")
	}
	if p.Code == codeUnauthenticated {
		headers.Set("WWW-Authenticate", `Bearer realm="orderly"`)
	}
	return headers
}

func etag(version int) string { return `"` + strconv.Itoa(version) + `"` }
