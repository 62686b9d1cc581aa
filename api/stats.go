package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"orderly/order"
	"orderly/readmodel"
)

// StatusCounts says how many orders were in each status at an instant.
type StatusCounts struct {
	At       time.Time              `json:"at"`
	Counts   map[order.Status]int64 `json:"counts" doc:"Every status, with the number of orders in it."`
	Position string                 `json:"position" doc:"The place in the feed up to which this is true: what is recorded of the instant after it is not counted yet."`
}

type getStatusInput struct {
	At instant `query:"at" doc:"The instant, RFC 3339, with all that happened at it; now without it." example:"2026-01-31T12:00:00Z"`
}

type statusOutput struct{ Body StatusCounts }

func (a *API) getStatusCounts(ctx context.Context, in *getStatusInput) (*statusOutput, error) {
	at, err := in.At.orZero("at")
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	switch {
	case at.IsZero():
		at = now
	case at.After(now.Add(clockSlack)):
		return nil, invalid(Fault{"/at", "is in the future"})
	}
	counts, err := a.readModel.StatusCounts(ctx, tenantOf(ctx), at)
	if err != nil {
		return nil, err
	}
	return &statusOutput{viewStatusCounts(counts[0])}, nil
}

func viewStatusCounts(c readmodel.StatusCounts) StatusCounts {
	return StatusCounts{At: c.At, Counts: c.Counts, Position: c.Position.String()}
}

// StatusHistory is the counts at the instants of a range.
type StatusHistory struct {
	History []StatusCounts `json:"history"`
}

type getStatusHistoryInput struct {
	From instant  `query:"from" required:"true" doc:"The first instant, RFC 3339."`
	To   instant  `query:"to" required:"true" doc:"The end of the range, RFC 3339."`
	Step duration `query:"step" required:"true" doc:"The time between two instants, as in 30s, 15m, 1h or 24h." example:"1h"`
}

type statusHistoryOutput struct{ Body StatusHistory }

func (a *API) getStatusHistory(ctx context.Context, in *getStatusHistoryInput) (*statusHistoryOutput, error) {
	from, to, err := readRange(in.From, in.To)
	if err != nil {
		return nil, err
	}
	step, err := in.Step.read("step")
	if err != nil {
		return nil, err
	}
	instants, err := readmodel.Series(from, to, step)
	if errors.Is(err, readmodel.ErrTooManyInstants) {
		return nil, invalid(Fault{"/step", fmt.Sprintf("makes more than %d instants of the range", readmodel.MaxInstants)})
	}
	if err != nil {
		return nil, err
	}
	counts, err := a.readModel.StatusCounts(ctx, tenantOf(ctx), instants...)
	if err != nil {
		return nil, err
	}
	history := StatusHistory{History: make([]StatusCounts, len(counts))}
	for i, c := range counts {
		history.History[i] = viewStatusCounts(c)
	}
	return &statusHistoryOutput{history}, nil
}

// readRange reads the ends of a range, of which the first must not be after the other.
func readRange(from, to instant) (begin, end time.Time, err error) {
	if begin, err = from.read("from"); err != nil {
		return begin, end, err
	}
	if end, err = to.read("to"); err != nil {
		return begin, end, err
	}
	if end.Before(begin) {
		return begin, end, invalid(Fault{"/to", "is before from"})
	}
	return begin, end, nil
}

// longestRange bounds the days of which figures are asked at once.
const longestRange = 366 * 24 * time.Hour

// StatusIntervals is how long orders were in the statuses that they left within a range.
type StatusIntervals struct {
	Intervals []StatusInterval `json:"intervals"`
}

// StatusInterval is how long orders were in a status, in seconds.
type StatusInterval struct {
	Status order.Status `json:"status"`
	Orders int64        `json:"orders"`
	Mean   float64      `json:"mean_seconds"`
	P50    float64      `json:"p50_seconds"`
	P90    float64      `json:"p90_seconds"`
	P99    float64      `json:"p99_seconds"`
}

type getStatusIntervalsInput struct {
	From instant `query:"from" required:"true" doc:"RFC 3339."`
	To   instant `query:"to" required:"true" doc:"RFC 3339, at most 366 days after from; not part of the range."`
}

type statusIntervalsOutput struct{ Body StatusIntervals }

func (a *API) getStatusIntervals(ctx context.Context, in *getStatusIntervalsInput) (*statusIntervalsOutput, error) {
	from, to, err := readRange(in.From, in.To)
	if err != nil {
		return nil, err
	}
	if to.Sub(from) > longestRange {
		return nil, invalid(Fault{"/to", "is more than 366 days after from"})
	}
	found, err := a.readModel.StatusIntervals(ctx, tenantOf(ctx), from, to)
	if err != nil {
		return nil, err
	}
	list := StatusIntervals{Intervals: make([]StatusInterval, len(found))}
	for i, each := range found {
		list.Intervals[i] = StatusInterval(each)
	}
	return &statusIntervalsOutput{list}, nil
}
