package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"orderly/journal"
	"orderly/orchestrator"
	"orderly/order"
)

// storeError says that a statement of this package failed.
type storeError struct {
	doing string
	err   error
}

func (e *storeError) Error() string { return e.doing + ": " + e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

func storeFailed(doing string, err error) error { return &storeError{doing, err} }

const (
	tryAgainSoon  = time.Second
	tryAgainLater = 5 * time.Second
)

// problem translates any error into what the client is told. Nothing of an error that is not the client's own
// reaches it.
func (a *API) problem(err error) *Problem {
	var ready *Problem
	switch {
	case errors.As(err, &ready):
		return ready
	case errors.Is(err, order.ErrNotFound):
		return newProblem(codeOrderNotFound, "")
	case errors.Is(err, order.ErrExists):
		return newProblem(codeOrderExists, "Another order has this order_id.")
	case errors.Is(err, journal.ErrNotYetCreated):
		return newProblem(codeNotYetCreated, "The order was placed later than that.")
	case errors.Is(err, orchestrator.ErrTooMany):
		return newProblem(codeTooManyCommands, "").after(tryAgainSoon)
	}
	if refused := refusalProblem(err); refused != nil {
		return refused
	}
	return troubleProblem(err)
}

// refusalProblem is the problem that tells of a refusal by the rules; nil for any other error.
func refusalProblem(err error) *Problem {
	var notAllowed *order.NotAllowedError
	var wrong *order.InvalidError
	var mismatch *order.VersionMismatchError
	switch {
	case errors.As(err, &notAllowed):
		detail := fmt.Sprintf("%s is not possible now: %s.", notAllowed.Command, notAllowed.Detail)
		problem := newProblem(codeNotAllowed, detail)
		problem.Allowed, problem.CurrentVersion = append([]string{}, notAllowed.Allowed...), notAllowed.Version
		return problem
	case errors.As(err, &wrong):
		return invalid(Fault{wrong.Pointer, wrong.Detail})
	case errors.As(err, &mismatch):
		problem := newProblem(codeVersionMismatch, fmt.Sprintf("If-Match names version %d, the order is at version %d.", mismatch.Expected, mismatch.Current))
		problem.CurrentVersion = mismatch.Current
		return problem
	default:
		return nil
	}
}

// troubleProblem is the problem that tells of trouble on our side.
func troubleProblem(err error) *Problem {
	var orchestration *orchestrator.UnavailableError
	var identity *identityError
	switch {
	case errors.As(err, &identity):
		return newProblem(codeIdentityDown, "API keys are taken meanwhile.").after(tryAgainLater).because(err)
	case errors.As(err, &orchestration):
		return newProblem(codeOrchestratorDown, "Nothing is lost: send the same request again.").after(tryAgainLater).because(err)
	case isStoreDown(err):
		return newProblem(codeStoreDown, "Nothing is lost: send the same request again.").after(tryAgainLater).because(err)
	default:
		return newProblem(codeInternal, "").because(err)
	}
}

// isStoreDown tells trouble with the database, which passes, from mistakes of ours, which do not.
func isStoreDown(err error) bool {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		// Connection, transaction rollback, out of resources, operator intervention, system error, lock not available.
		for _, class := range []string{"08", "25006", "40", "53", "55P03", "57", "58"} {
			if strings.HasPrefix(answer.Code, class) {
				return true
			}
		}
		return false
	}
	var ours *storeError
	var network net.Error
	return errors.As(err, &ours) || errors.As(err, &network) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, context.DeadlineExceeded)
}
