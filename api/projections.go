package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"orderly/orchestrator"
	"orderly/projection"
)

// ProjectionList is all read models, with how far each is.
type ProjectionList struct {
	Projections []ProjectionStatus `json:"projections"`
}

// ProjectionStatus is how far a read model is.
type ProjectionStatus struct {
	Name       string  `json:"name"`
	Shard      int     `json:"shard"`
	Version    int     `json:"version"`
	Position   string  `json:"position" doc:"The position in the feed up to which it is true."`
	LagEvents  int     `json:"lag_events"`
	LagSeconds float64 `json:"lag_seconds"`
	State      string  `json:"state" enum:"running,parked,paused,stopped,failed,rebuilding"`
	Progress   float64 `json:"progress" doc:"How much of its rebuild is done, between 0 and 1; 1 when none is under way."`
	Parked     int     `json:"parked_events" doc:"Events that could not be applied, and those behind them."`
}

type projectionsOutput struct{ Body ProjectionList }

func (a *API) listProjections(ctx context.Context, _ *struct{}) (*projectionsOutput, error) {
	list, err := a.projections(ctx, func(projection.Status) bool { return true })
	return &projectionsOutput{list}, err
}

func (a *API) projections(ctx context.Context, which func(projection.Status) bool) (ProjectionList, error) {
	statuses, err := projection.Statuses(ctx, a.options.Pool, a.options.Store)
	if err != nil {
		return ProjectionList{}, storeFailed("read the projections", err)
	}
	list := ProjectionList{Projections: []ProjectionStatus{}}
	for _, s := range statuses {
		if which(s) {
			list.Projections = append(list.Projections, ProjectionStatus{
				Name: s.Name, Shard: s.Shard, Version: s.Version, Position: s.Position.String(), LagEvents: s.LagEvents,
				LagSeconds: s.LagSeconds, State: s.State, Progress: s.Progress, Parked: s.ParkedEvents,
			})
		}
	}
	return list, nil
}

// ProjectionPath names a projection. Huma reads embedded structs only when their names are exported.
type ProjectionPath struct {
	Name string `path:"name" doc:"The projection." example:"orders"`
}

// projection is the one of the path.
func (a *API) projection(path ProjectionPath) (projection.Projection, error) {
	for _, each := range a.options.Projections {
		if each.Name == path.Name {
			return each, nil
		}
	}
	return projection.Projection{}, newProblem(codeNotFound, "There is no such projection.")
}

type rebuildInput struct {
	ProjectionPath
	CommandHeaders
}

type rebuildOutput struct {
	Status int
	Body   ProjectionList
}

// rebuildProjection starts a rebuild, or joins the one that is under way: so it needs no receipt to be sent again.
func (a *API) rebuildProjection(ctx context.Context, in *rebuildInput) (*rebuildOutput, error) {
	p, err := a.projection(in.ProjectionPath)
	if err != nil {
		return nil, err
	}
	if len(p.Tables) == 0 {
		return nil, newProblem(codeNotAllowed, "It keeps no read model that could be built anew.")
	}
	if _, err := orchestrator.StartRebuild(ctx, a.options.Temporal, p.Name, p.Version); err != nil {
		return nil, &orchestrator.UnavailableError{Err: err}
	}
	list, err := a.projections(ctx, func(s projection.Status) bool { return s.Name == p.Name })
	return &rebuildOutput{http.StatusAccepted, list}, err
}

type steerInput struct {
	ProjectionPath
	CommandHeaders
}

// steerProjection pauses a projection or lets it go on; both can be said again.
func (a *API) steerProjection(signal string) func(context.Context, *steerInput) (*rebuildOutput, error) {
	return func(ctx context.Context, in *steerInput) (*rebuildOutput, error) {
		p, err := a.projection(in.ProjectionPath)
		if err != nil {
			return nil, err
		}
		if err := orchestrator.SteerProjection(ctx, a.options.Temporal, p.Name, p.Shards, signal); err != nil {
			return nil, &orchestrator.UnavailableError{Err: err}
		}
		list, err := a.projections(ctx, func(s projection.Status) bool { return s.Name == p.Name })
		return &rebuildOutput{http.StatusAccepted, list}, err
	}
}

// DeadLetter is an event that could not be applied to a read model, or that is parked behind one.
type DeadLetter struct {
	ID       string    `json:"id"`
	OrderID  string    `json:"order_id"`
	Version  int       `json:"version"`
	Type     string    `json:"event_type"`
	Position string    `json:"position"`
	Error    string    `json:"error" doc:"Why it could not be applied; empty for one that is parked behind another of its order."`
	ParkedAt time.Time `json:"parked_at"`
}

// DeadLetterList is a page of dead letters, order by order.
type DeadLetterList struct {
	DeadLetters []DeadLetter `json:"dead_letters"`
	NextCursor  string       `json:"next_cursor"`
}

type deadLettersInput struct {
	ProjectionPath
	Paging
}

type deadLettersOutput struct{ Body DeadLetterList }

func (a *API) listDeadLetters(ctx context.Context, in *deadLettersInput) (*deadLettersOutput, error) {
	p, err := a.projection(in.ProjectionPath)
	if err != nil {
		return nil, err
	}
	after, err := lettersAfter(in.Cursor)
	if err != nil {
		return nil, err
	}
	letters, err := projection.DeadLetters(ctx, a.options.Pool, p.Name, after, in.Limit+1)
	if err != nil {
		return nil, storeFailed("list dead letters", err)
	}
	list := DeadLetterList{DeadLetters: []DeadLetter{}}
	for i, l := range letters {
		if i == in.Limit {
			last := list.DeadLetters[i-1]
			list.NextCursor = fmt.Sprintf("%s.%d", last.OrderID, last.Version)
			break
		}
		list.DeadLetters = append(list.DeadLetters, DeadLetter{
			ID: l.EventID.String(), OrderID: l.OrderID, Version: l.Version, Type: l.Type, Position: l.Position.String(), Error: l.Error, ParkedAt: l.ParkedAt,
		})
	}
	return &deadLettersOutput{list}, nil
}

func lettersAfter(cursor string) (projection.LettersAfter, error) {
	if cursor == "" {
		return projection.LettersAfter{}, nil
	}
	orderID, version, _ := strings.Cut(cursor, ".")
	n, err := strconv.Atoi(version)
	if err != nil || !isOrderID(orderID) || n < 1 {
		return projection.LettersAfter{}, invalid(Fault{"/cursor", "is none that this list has given"})
	}
	return projection.LettersAfter{OrderID: orderID, Version: n}, nil
}

type repairLetterInput struct {
	ProjectionPath
	LetterID string `path:"id" doc:"The dead letter."`
	CommandHeaders
}

// RepairedLetters tells how many events are no longer parked.
type RepairedLetters struct {
	Applied int `json:"applied"`
}

type repairLetterOutput struct{ Body RepairedLetters }

func (a *API) retryLetter(ctx context.Context, in *repairLetterInput) (*repairLetterOutput, error) {
	return a.repairLetter(in, func(p projection.Projection, id uuid.UUID) (int, error) {
		return projection.Retry(ctx, a.options.Pool, a.options.Store, p, id)
	})
}

func (a *API) skipLetter(ctx context.Context, in *repairLetterInput) (*repairLetterOutput, error) {
	return a.repairLetter(in, func(p projection.Projection, id uuid.UUID) (int, error) {
		return projection.Skip(ctx, a.options.Pool, a.options.Store, p, id)
	})
}

// repairLetter answers one that is sent again with 404: what it asked for was done.
func (a *API) repairLetter(in *repairLetterInput, do func(projection.Projection, uuid.UUID) (int, error)) (*repairLetterOutput, error) {
	p, err := a.projection(in.ProjectionPath)
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(in.LetterID)
	if err != nil {
		return nil, newProblem(codeNotFound, "There is no such dead letter.")
	}
	applied, err := do(p, id)
	var fault *projection.ApplyError
	switch {
	case errors.Is(err, projection.ErrNoLetter):
		return nil, newProblem(codeNotFound, "There is no such dead letter (any more).")
	case errors.Is(err, projection.ErrBehind):
		return nil, newProblem(codeNotAllowed, "It is parked behind an earlier event of its order: retry or skip that one.")
	case errors.As(err, &fault):
		return nil, newProblem(codeNotAllowed, "It still cannot be applied: "+fault.Unwrap().Error())
	case err != nil:
		return nil, storeFailed("repair a dead letter", err)
	}
	return &repairLetterOutput{RepairedLetters{applied}}, nil
}
