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
	// projectFor is how long one activity runs a projection: so its history in Temporal stays short, and the work moves to other
	// workers now and then.
	projectFor = 10 * time.Minute
	// projectBeat is how often it tells Temporal that it is alive, and where.
	projectBeat = time.Second
)

// Projector is the activity of the projection workflow.
type Projector struct {
	Pool  *pgxpool.Pool
	Store *eventstore.Store
	// Appended subscribes to the announcements of appends, with nil the projections poll.
	Appended    func() (appended <-chan struct{}, stop func())
	Projections []projection.Projection
}

// Project runs a projection until it is cancelled, the worker stops, or its time is over. The last two are no errors:
// the workflow starts it again, on whichever worker is free.
func (p *Projector) Project(ctx context.Context, in workflows.ProjectInput) error {
	i := slices.IndexFunc(p.Projections, func(each projection.Projection) bool { return each.Name == in.Name })
	if i < 0 {
		return fmt.Errorf("this worker has no projection %q", in.Name) // another one may: it is tried again
	}
	running, stop := context.WithTimeout(ctx, projectFor)
	defer stop()
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
	err := projection.NewRunner(p.Pool, p.Store, p.Appended, p.Projections[i], in.Shard).Run(running, latest.set)
	stop()
	background.Wait()
	if err == nil {
		err = ctx.Err()
	}
	return err
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
