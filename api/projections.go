package api

import (
	"context"

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
	State      string  `json:"state"`
	Parked     int     `json:"parked_events" doc:"Events that could not be applied, and those behind them."`
}

type projectionsOutput struct{ Body ProjectionList }

func (a *API) listProjections(ctx context.Context, _ *struct{}) (*projectionsOutput, error) {
	statuses, err := projection.Statuses(ctx, a.options.Pool, a.options.Store)
	if err != nil {
		return nil, err
	}
	list := ProjectionList{Projections: make([]ProjectionStatus, len(statuses))}
	for i, s := range statuses {
		list.Projections[i] = ProjectionStatus{
			Name: s.Name, Shard: s.Shard, Version: s.Version, Position: s.Position.String(), LagEvents: s.LagEvents,
			LagSeconds: s.LagSeconds, State: s.State, Parked: s.ParkedEvents,
		}
	}
	return &projectionsOutput{list}, nil
}
