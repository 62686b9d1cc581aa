package eventstore

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds the memory that one line may take.
const maxLine = 64 << 20

// numberedEvent is an event, and the line of the file on which it stands.
type numberedEvent struct {
	Event

	line int
}

func (e numberedEvent) refuse(format string, args ...any) error {
	return &ImportError{Line: e.line, Stream: e.StreamID, Version: e.Version, Problem: fmt.Sprintf(format, args...)}
}

// eachLine decodes a file line by line.
func eachLine(file io.Reader, do func(numberedEvent) error) error {
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, maxLine)
	n := 0
	for scanner.Scan() {
		n++
		event, err := DecodeLine(scanner.Bytes())
		if err != nil {
			return &ImportError{Line: n, Problem: err.Error()}
		}
		if err := do(numberedEvent{Event: event, line: n}); err != nil {
			return err
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return &ImportError{Line: n + 1, Problem: fmt.Sprintf("is longer than %d bytes", maxLine)}
	}
	return scanner.Err()
}
