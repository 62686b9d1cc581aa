package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
)

const (
	// maxBody bounds a body of JSON; an order with 200 lines has about 40 KB.
	maxBody = 1 << 20
	// bodyWithin is how long a body may take to arrive.
	bodyWithin = 10 * time.Second
)

// strictBody reads the body before huma does and refuses what [checkJSON] refuses.
func (a *API) strictBody(ctx huma.Context, next func(huma.Context)) {
	c := humagin.Unwrap(ctx)
	body, problem := a.readBody(c, maxBody)
	if problem != nil {
		abort(c, problem)
		return
	}
	if wanted := ctx.Operation().RequestBody; len(body) == 0 && (wanted == nil || !wanted.Required) {
		next(ctx)
		return
	}
	if problem := checkBody(c.Request.Header, body); problem != nil {
		abort(c, problem)
		return
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	next(ctx)
}

// checkBody refuses a body that is not strict JSON.
func checkBody(header http.Header, body []byte) *Problem {
	if problem := checkMediaType(header); problem != nil {
		return problem
	}
	faults, err := checkJSON(body)
	if err != nil {
		return newProblem(codeMalformed, err.Error())
	}
	if len(faults) > 0 {
		return invalid(faults...)
	}
	return nil
}

func checkMediaType(header http.Header) *Problem {
	if coding := header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return newProblem(codeMediaType, "Send the body without Content-Encoding.")
	}
	mediaType, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || mediaType != "application/json" {
		return newProblem(codeMediaType, "Send Content-Type: application/json.")
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return newProblem(codeMediaType, "Send the body as UTF-8.")
	}
	return nil
}

// readBody reads at most limit bytes, within the API's bodyWithin. The deadline is taken away again when all is there:
// net/http watches the connection while a handler runs, and would cancel its context when the deadline passes. When not
// all is there it stays: net/http would wait for the rest before it answers.
func (a *API) readBody(c *gin.Context, limit int64) ([]byte, *Problem) {
	control := http.NewResponseController(c.Writer)
	_ = control.SetReadDeadline(time.Now().Add(a.bodyWithin)) // not supported in tests without a connection
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	if err == nil {
		_ = control.SetReadDeadline(time.Time{})
		return body, nil
	}
	var tooLarge *http.MaxBytesError
	var timeout net.Error
	switch {
	case errors.As(err, &tooLarge):
		return nil, newProblem(codeTooLarge, fmt.Sprintf("A body has at most %d bytes here.", limit))
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil, newProblem(codeBodyTimeout, fmt.Sprintf("The body must arrive within %s.", a.bodyWithin))
	default:
		return nil, newProblem(codeMalformed, "The body broke off.").because(err)
	}
}
