package order

import (
	"errors"
	"fmt"
)

// ErrNotFound is returned for a command to an order that was never placed.
var ErrNotFound = errors.New("there is no such order")

// ErrExists is returned when an order is placed under the id of another one.
var ErrExists = errors.New("there is an order with this id already")

// NotAllowedError refuses a command that the order's present state does not admit.
type NotAllowedError struct {
	Command string
	Status  Status
	Version int
	// Allowed are the commands that the state does admit.
	Allowed []string
	Detail  string
}

func (e *NotAllowedError) Error() string {
	return fmt.Sprintf("%s is not allowed now (status %s, version %d): %s", e.Command, e.Status, e.Version, e.Detail)
}

// InvalidError refuses a command whose content is wrong whatever the state. Pointer is the JSON pointer of the field.
type InvalidError struct {
	Pointer string
	Detail  string
}

func (e *InvalidError) Error() string { return fmt.Sprintf("%s: %s", e.Pointer, e.Detail) }

// VersionMismatchError refuses a command whose sender has not seen the order's latest events.
type VersionMismatchError struct {
	Expected, Current int
}

func (e *VersionMismatchError) Error() string {
	return fmt.Sprintf("the order is at version %d, not %d", e.Current, e.Expected)
}
