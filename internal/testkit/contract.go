package testkit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/paths"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// Contract is an OpenAPI document against which requests and answers are held. It may be used from many goroutines.
type Contract struct {
	model     *v3.Document
	validator validator.Validator
}

// NewContract reads an OpenAPI document.
func NewContract(document []byte) (*Contract, error) {
	parsed, err := libopenapi.NewDocument(document)
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	model, err := parsed.BuildV3Model()
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	checks, faults := validator.NewValidator(parsed, config.WithFormatAssertions())
	if len(faults) > 0 {
		return nil, fmt.Errorf("read the OpenAPI document: %w", errors.Join(faults...))
	}
	if ok, faults := checks.ValidateDocument(); !ok {
		return nil, fmt.Errorf("the OpenAPI document is not one: %w", faults[0])
	}
	return &Contract{&model.Model, checks}, nil
}

// Transport is a transport that fails the test when an answer is not what the document says: its status, its content
// type, its body. Requests that were answered with success must be as the document says, too. Only /v1 is described.
func (c *Contract) Transport(t testing.TB, next http.RoundTripper) http.RoundTripper {
	return checked{t, c, next}
}

type checked struct {
	t        testing.TB
	contract *Contract
	next     http.RoundTripper
}

// RoundTrip sends a request and checks what comes back.
func (c checked) RoundTrip(request *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(request.URL.Path, "/v1/") {
		return c.next.RoundTrip(request)
	}
	body, err := drain(&request.Body)
	if err != nil {
		return nil, err
	}
	response, err := c.next.RoundTrip(request)
	if err != nil || response.Header.Get("Content-Type") == "text/event-stream" { // which does not end
		return response, err
	}
	if _, err := drain(&response.Body); err != nil {
		_ = response.Body.Close()
		return nil, err
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	if err := c.contract.Check(request, response); err != nil {
		c.t.Errorf("%s %s: %s: the OpenAPI document says otherwise: %v", request.Method, request.URL.Path, response.Status, err)
	}
	return response, nil
}

// Describes says whether the document has the method and path of a request.
func (c *Contract) Describes(request *http.Request) bool {
	path, faults, _ := paths.FindPath(request, c.model, nil)
	return path != nil && len(faults) == 0
}

// drain reads a body into memory and leaves one that can be read again.
func drain(body *io.ReadCloser) ([]byte, error) {
	if *body == nil {
		return nil, nil
	}
	content, err := io.ReadAll(*body)
	if err != nil {
		return nil, err
	}
	_ = (*body).Close()
	*body = io.NopCloser(bytes.NewReader(content))
	return content, nil
}

// Check says what is not as the document has it about an answer, and about the request that led to it when that was a
// success. Both bodies can still be read afterwards.
func (c *Contract) Check(request *http.Request, response *http.Response) error {
	validate := c.validator.ValidateHttpResponse
	if response.StatusCode < http.StatusMultipleChoices {
		validate = c.validator.ValidateHttpRequestResponse
	}
	ok, faults := validate(request, response)
	var found []error
	if empty, err := isEmpty(&response.Body); err != nil || empty && hasBody(response) {
		found = append(found, errors.Join(errors.New("the answer has no body"), err))
	}
	if ok {
		return errors.Join(found...)
	}
	for _, fault := range faults {
		found = append(found, fault)
		for _, detail := range fault.SchemaValidationErrors {
			found = append(found, fmt.Errorf("%s: %s", detail.FieldPath, detail.Reason))
		}
	}
	return errors.Join(found...)
}

func isEmpty(body *io.ReadCloser) (bool, error) {
	content, err := drain(body)
	return len(content) == 0, err
}

// hasBody says whether an answer should have a body: one that says what type it is of.
func hasBody(response *http.Response) bool {
	return response.Header.Get("Content-Type") != "" && response.StatusCode != http.StatusNotModified && response.StatusCode != http.StatusNoContent
}
