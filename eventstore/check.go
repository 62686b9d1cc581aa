package eventstore

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
)

// ErrInvalidEvent is returned by [Store.Append] for events that can never be stored, whatever is tried: nothing was
// written, and sending them again is in vain.
var ErrInvalidEvent = errors.New("invalid event")

// check refuses what would be stored wrongly; what Postgres refuses by itself is left to it, see asInvalid.
func (e NewEvent) check(stream string) error {
	switch {
	case stream == "":
		return fmt.Errorf("%w: the stream has no name", ErrInvalidEvent)
	case e.ID == uuid.Nil: // an id that all share would make the next append look like this one sent again
		return fmt.Errorf("%w: it has no id", ErrInvalidEvent)
	case e.Type == "":
		return fmt.Errorf("%w: it has no type", ErrInvalidEvent)
	case e.SchemaVersion < 1 || e.SchemaVersion > math.MaxInt16:
		return fmt.Errorf("%w: schema version %d of %s", ErrInvalidEvent, e.SchemaVersion, e.Type)
	}
	return nil
}

// asInvalid marks the errors by which Postgres says that the values themselves will not do: a NUL or half a character in
// a string (class 22, data exception), JSON that is too deep or too large (class 54, program limit exceeded).
func asInvalid(err error) error {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	if ok && (strings.HasPrefix(refused.Code, "22") || strings.HasPrefix(refused.Code, "54")) {
		return fmt.Errorf("%w: %w", ErrInvalidEvent, err)
	}
	return err
}
