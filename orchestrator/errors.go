package orchestrator

import "errors"

// ErrPending is returned for a command that is under way and has no result yet.
var ErrPending = errors.New("the command is under way")

// ErrUnknown is returned for a command that the order's workflow does not have: it was never taken, or was lost on its way.
var ErrUnknown = errors.New("the command is not known")

// ErrTooMany is returned when an order has as many commands under way as it may have.
var ErrTooMany = errors.New("too many commands are under way for the order")

// UnavailableError says that nobody is known to carry commands out now.
type UnavailableError struct{ Err error }

func (e *UnavailableError) Error() string { return "send a command: " + e.Err.Error() }

// Unwrap is what was met.
func (e *UnavailableError) Unwrap() error { return e.Err }
