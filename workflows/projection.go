package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// ProjectionTaskQueue is where projections run.
const ProjectionTaskQueue = "orderly-projections"

// ProjectionWorkflow is the registered name of [Projection], the others those of its activities. Both take a [ProjectInput];
// ProjectActivity gives a [ProjectResult], MarkPausedActivity nothing.
const (
	ProjectionWorkflow = "Projection"
	ProjectActivity    = "Project"
	MarkPausedActivity = "MarkPaused"
)

// The signals that stop a projection for a while; they carry nothing.
const (
	PauseProjection  = "pause"
	ResumeProjection = "resume"
)

const (
	// projectionHeartbeat is how late the death of a projector is noticed.
	projectionHeartbeat = 5 * time.Second
	// projectWithin bounds one round; the activity ends by itself well before.
	projectWithin = 15 * time.Minute
	// roundsPerRun bounds the history: a round leaves few events, and two minutes is what it usually takes.
	roundsPerRun = 50
)

// ProjectionWorkflowID is the id of the workflow of a projection's shard.
func ProjectionWorkflowID(name string, shard int) string {
	return fmt.Sprintf("projection-%s-%d", name, shard)
}

// ProjectionInput starts the workflow of a projection's shard.
type ProjectionInput struct {
	Name  string `json:"name"`
	Shard int    `json:"shard"`
	// Paused is true for a projection that waits for its resume signal.
	Paused bool `json:"paused,omitempty"`
	// Last is how far the rounds of the run before had come.
	Last ProjectResult `json:"last,omitzero"`
}

// ProjectInput asks for a projection's shard to be run for a while.
type ProjectInput struct {
	Name  string `json:"name"`
	Shard int    `json:"shard"`
}

// ProjectResult is how far a projection's shard had come when a round of it ended; without a position it was too short to tell.
type ProjectResult struct {
	At       time.Time `json:"at"`
	Position string    `json:"position"`
	// LagEvents is how many events were ahead, LagSeconds how old the oldest of them was.
	LagEvents  int     `json:"lag_events"`
	LagSeconds float64 `json:"lag_seconds"`
}

// projectionRun is one run of [Projection].
type projectionRun struct {
	in            ProjectionInput
	pause, resume workflow.ReceiveChannel
	rounds        int
	lastError     string
}

// Projection keeps a projection running, for ever: a worker at a time carries it, as an activity that heartbeats, and
// another one takes over when that ends, however it ends.
func Projection(ctx workflow.Context, in ProjectionInput) error {
	p := &projectionRun{
		in:    in,
		pause: workflow.GetSignalChannel(ctx, PauseProjection), resume: workflow.GetSignalChannel(ctx, ResumeProjection),
	}
	for p.rounds < roundsPerRun {
		p.show(ctx)
		if err := p.waitWhilePaused(ctx); err != nil {
			return err
		}
		p.show(ctx)
		if err := p.round(ctx); err != nil {
			return err
		}
		p.rounds++
	}
	p.drain()
	return workflow.NewContinueAsNewError(ctx, Projection, p.in)
}

func (p *projectionRun) waitWhilePaused(ctx workflow.Context) error {
	if p.in.Paused {
		if err := p.markPaused(ctx); err != nil {
			return err
		}
	}
	for p.in.Paused {
		selector := workflow.NewSelector(ctx)
		selector.AddReceive(p.pause, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) })
		selector.AddReceive(p.resume, func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, nil)
			p.in.Paused = false
		})
		selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
		selector.Select(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// markPaused says so where statuses are read, whether a runner had the time to leave or was killed.
func (p *projectionRun) markPaused(ctx workflow.Context) error {
	if workflow.GetVersion(ctx, "mark-paused", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return nil
	}
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		Summary: fmt.Sprintf("marks projection %s as paused", p.in.Name), StartToCloseTimeout: 10 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second},
	}), MarkPausedActivity, ProjectInput{Name: p.in.Name, Shard: p.in.Shard}).Get(ctx, nil)
}

// round lets a worker run the projection until that has enough, or a pause stops it.
func (p *projectionRun) round(ctx workflow.Context) error {
	activityCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	done := workflow.ExecuteActivity(workflow.WithActivityOptions(activityCtx, workflow.ActivityOptions{
		Summary:          fmt.Sprintf("runs projection %s", p.in.Name),
		HeartbeatTimeout: projectionHeartbeat, StartToCloseTimeout: projectWithin, WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second},
	}), ProjectActivity, ProjectInput{Name: p.in.Name, Shard: p.in.Shard})
	over := false
	selector := workflow.NewSelector(ctx)
	selector.AddFuture(done, func(f workflow.Future) {
		over = true
		var result ProjectResult
		p.learn(result, f.Get(ctx, &result))
	})
	selector.AddReceive(p.pause, func(c workflow.ReceiveChannel, _ bool) {
		c.Receive(ctx, nil)
		p.in.Paused = true
		cancel()
	})
	selector.AddReceive(p.resume, func(c workflow.ReceiveChannel, _ bool) {
		c.Receive(ctx, nil)
		p.in.Paused = false
	})
	for !over {
		selector.Select(ctx)
	}
	return ctx.Err()
}

// learn remembers how far a round has come, and why it failed. Retries have no end, so that only one which must not be retried
// fails.
func (p *projectionRun) learn(result ProjectResult, err error) {
	if result.Position != "" {
		p.in.Last = result
	}
	p.lastError = ""
	if err != nil && !temporal.IsCanceledError(err) {
		p.lastError = err.Error()
		p.in.Paused = true
	}
}

// drain takes the signals that came last: the next run would not see them.
func (p *projectionRun) drain() {
	for p.pause.ReceiveAsync(nil) {
		p.in.Paused = true
	}
	for p.resume.ReceiveAsync(nil) {
		p.in.Paused = false
	}
}

// show says in the Web UI how the projection does.
func (p *projectionRun) show(ctx workflow.Context) {
	var text strings.Builder
	state := "running"
	if p.in.Paused {
		state = "paused"
	}
	text.WriteString(fmt.Sprintf("**%s**: projection %s, shard %d\n\n", state, p.in.Name, p.in.Shard))
	if p.in.Paused {
		text.WriteString(fmt.Sprintf("Signal `%s` lets it go on.\n", ResumeProjection))
	} else {
		text.WriteString(fmt.Sprintf("Round %d since %s. The pending activity's heartbeat says how far it is; signal `%s` stops it.\n",
			p.rounds+1, workflow.Now(ctx).Format(time.RFC3339), PauseProjection))
	}
	if p.in.Last.Position != "" {
		text.WriteString(fmt.Sprintf("\nAt %s it stood at position %s, %d events and %.1f s behind.\n",
			p.in.Last.At.Format(time.RFC3339), p.in.Last.Position, p.in.Last.LagEvents, p.in.Last.LagSeconds))
	}
	if p.lastError != "" {
		text.WriteString(fmt.Sprintf("\n**stopped by** %s\n", p.lastError))
	}
	workflow.SetCurrentDetails(ctx, text.String())
}
