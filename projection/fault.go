package projection

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// eventError wraps what Apply said when the fault lies in an event.
type eventError struct{ cause error }

func (e *eventError) Error() string { return e.cause.Error() }
func (e *eventError) Unwrap() error { return e.cause }

func isOfEvent(err error) bool {
	var fault *eventError
	return errors.As(err, &fault)
}

// ofApply tells the faults of an event, which end in parking it, from those of the database and of the whole
// projection, which must not park one order after the other.
func ofApply(tx pgx.Tx, err error) error {
	var gap *GapError
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &gap), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), tx.Conn().IsClosed():
		return err
	case errors.As(err, &refused) && !ofData(refused.Code):
		return err
	default:
		return &eventError{err}
	}
}

// ofData says whether an SQLSTATE is about the data that was written: wrong cardinality, data exceptions, violated
// constraints, program limits (a value too large), and what functions raise. All others are about the database.
func ofData(code string) bool {
	if len(code) < 2 {
		return false
	}
	switch code[:2] {
	case "21", "22", "23", "54", "P0":
		return true
	default:
		return false
	}
}
