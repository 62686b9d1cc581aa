package activities

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/activity"

	"orderly/eventstore"
	"orderly/projection"
	"orderly/workflows"
)

const (
	// projectFor is how long one activity runs a projection: then its workflow learns how far it is, which the Web UI shows, and
	// the work may move to another worker.
	projectFor = 2 * time.Minute
	// projectBeat is how often it tells Temporal that it is alive, and where.
	projectBeat = time.Second
)

// Projector is the activities of the projection and the rebuild workflow.
type Projector struct {
	Pool  *pgxpool.Pool
	Store *eventstore.Store
	// Appended subscribes to the announcements of appends, with nil the projections poll.
	Appended    func() (appended <-chan struct{}, stop func())
	Projections []projection.Projection
}

// Project runs a projection until it is cancelled, which is how its workflow pauses it, the worker stops, or its time is over.
// None of these is an error: the workflow has it run again when it wants it, on whichever worker is free.
func (p *Projector) Project(ctx context.Context, in workflows.ProjectInput) (workflows.ProjectResult, error) {
	wanted, err := p.projection(in.Name)
	if err != nil {
		return workflows.ProjectResult{}, err
	}
	running, stop := context.WithTimeout(ctx, projectFor)
	defer stop()
	last, err := alive(ctx, running, stop, projection.NewRunner(p.Pool, p.Store, p.Appended, wanted, in.Shard).Run)
	if last == (projection.Progress{}) {
		return workflows.ProjectResult{}, err
	}
	return workflows.ProjectResult{
		At: time.Now().UTC(), Position: last.Position.String(), LagEvents: last.LagEvents, LagSeconds: last.LagSeconds,
	}, err
}

// MarkPaused says in the status of a projection's shard that it was told to stop, until a runner takes it over.
func (p *Projector) MarkPaused(ctx context.Context, in workflows.ProjectInput) error {
	return projection.MarkPaused(ctx, p.Pool, in.Name, in.Shard)
}

// RebuildProjection builds a read model anew. When the worker stops it fails, and another one goes on; so it does on a worker
// that has another version of the projection.
func (p *Projector) RebuildProjection(ctx context.Context, in workflows.RebuildInput) error {
	wanted, err := p.projection(in.Name)
	if err != nil {
		return err
	}
	if in.Version != 0 && in.Version != wanted.Version {
		return fmt.Errorf("this worker has version %d of projection %s, not version %d", wanted.Version, in.Name, in.Version)
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	_, err = alive(ctx, running, stop, projection.NewRebuilder(p.Pool, p.Store, p.Appended, wanted).Run)
	return err
}

// projection is the one of a name. Another worker may have one that this one does not: it is tried again.
func (p *Projector) projection(name string) (projection.Projection, error) {
	i := slices.IndexFunc(p.Projections, func(each projection.Projection) bool { return each.Name == name })
	if i < 0 {
		return projection.Projection{}, fmt.Errorf("this worker has no projection %q", name)
	}
	return p.Projections[i], nil
}

// alive runs something that reports its progress, with heartbeats, until it ends or the worker stops, and gives the last report.
func alive(
	ctx, running context.Context, stop func(), run func(context.Context, func(projection.Progress)) error,
) (projection.Progress, error) {
	var latest latestProgress
	var background sync.WaitGroup
	background.Go(func() { latest.beat(running, ctx) })
	background.Go(func() {
		select {
		case <-activity.GetWorkerStopChannel(ctx):
			stop()
		case <-running.Done():
		}
	})
	err := run(running, latest.set)
	stop()
	background.Wait()
	return latest.get(), err
}

// latestProgress hands the progress from the runner to the heartbeat.
type latestProgress struct {
	mu       sync.Mutex
	progress projection.Progress
}

func (l *latestProgress) set(progress projection.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.progress = progress
}

func (l *latestProgress) get() projection.Progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.progress
}

// beat records heartbeats for the activity while it runs. They are also how a cancellation arrives.
func (l *latestProgress) beat(running, activityCtx context.Context) {
	ticker := time.NewTicker(projectBeat)
	defer ticker.Stop()
	for {
		activity.RecordHeartbeat(activityCtx, l.get())
		select {
		case <-running.Done():
			return
		case <-ticker.C:
		}
	}
}
