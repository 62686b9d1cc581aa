package client

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// maxProblem bounds how much of an error's body is read.
const maxProblem = 64 << 10

// Error says what the problem is, and names the request in the server's logs.
func (p *Problem) Error() string {
	var text strings.Builder
	text.WriteString(p.Title)
	if p.Detail != "" {
		text.WriteString(": " + p.Detail)
	}
	for _, fault := range p.Errors {
		text.WriteString("; " + fault.Pointer + " " + fault.Detail)
	}
	text.WriteString(" (" + p.Code)
	if p.TraceID != "" {
		text.WriteString(", trace " + p.TraceID)
	}
	return text.String() + ")"
}

// problemOf reads the problem in an answer, and makes one of an answer that somebody between us and the API gave.
func problemOf(response *http.Response) *Problem {
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxProblem)) // what cannot be read is not described
	problem := &Problem{}
	if err := json.Unmarshal(body, problem); err != nil || problem.Code == "" {
		problem = &Problem{Code: "no_problem", Title: "The answer is " + response.Status, Type: "about:blank"}
	}
	problem.Status = int64(response.StatusCode)
	return problem
}
