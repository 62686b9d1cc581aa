package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderly/order"
)

const (
	// localBudget is how long a step may take as a local activity. Local activities cost a marker instead of a task,
	// but hold up the workflow task; a step that is slower, or fails, goes on as a regular activity.
	localBudget = time.Second
	// tryWithin bounds one try of a regular activity, and so how late the death of its worker is noticed.
	tryWithin = 15 * time.Second
	// askAgainMax is how long at most after the database is back a command is decided that met it away.
	askAgainMax = 15 * time.Second
)

// asking is how commands are decided and orders read: without end, since nothing goes on without.
var asking = temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: askAgainMax}

// startSteps starts the plan's steps whose lanes are free, and stops those that the plan does not name any more. One that is held
// goes on until it knows what became of it.
func (l *lifecycle) startSteps() {
	wanted := map[string]bool{}
	for _, step := range slices.Concat(l.latest.Plan.Steps, l.latest.Plan.Held) {
		wanted[step.ID] = true
	}
	for _, running := range l.running {
		if !wanted[running.step.ID] {
			running.cancel()
		}
	}
	for _, step := range l.latest.Plan.Steps {
		if !l.busy(step.Lane) {
			l.start(step)
		}
	}
}

// stopSteps stops all steps. What they may have done is found by its key when they are started again.
func (l *lifecycle) stopSteps() {
	for _, running := range l.running {
		running.cancel()
	}
}

func (l *lifecycle) busy(lane string) bool {
	return slices.ContainsFunc(l.running, func(r *runningStep) bool { return r.step.Lane == lane })
}

func (l *lifecycle) start(step order.Step) {
	ctx, cancel := workflow.WithCancel(l.ctx)
	running := &runningStep{step: step, cancel: cancel}
	l.running = append(l.running, running)
	l.tries[step.ID]++
	tries := l.tries[step.ID]
	workflow.Go(ctx, func(ctx workflow.Context) {
		if tries > 1 {
			// The step ended and is still wanted: something it relies on has changed in the meantime.
			_ = workflow.Sleep(ctx, pauseBefore(tries, step.Retries))
		}
		l.carryOut(ctx, running)
		cancel()
		l.running = slices.DeleteFunc(l.running, func(r *runningStep) bool { return r == running })
		l.notify()
	})
}

// pauseBefore is how long a step waits that is started again, twice as long each time: one that changes nothing must not fill
// the history.
func pauseBefore(tries int, retries order.Retries) time.Duration {
	pause := retries.First
	for ; tries > 2 && pause < retries.Max; tries-- {
		pause *= 2
	}
	return min(pause, max(retries.First, retries.Max))
}

// carryOut runs a step to its outcome. A step that was stopped has none: whatever it may have done is undone by
// the steps that the new plan names. One whose retries are used up is reported, which parks it.
func (l *lifecycle) carryOut(ctx workflow.Context, running *runningStep) {
	step := running.step
	outcome, err := execute(ctx, call{
		activity: string(step.Name), id: l.activityID(ctx, step), summary: step.Summary, slow: func() {
			running.regular = true
			l.notify()
		},
		within: step.Retries.Within, retry: temporal.RetryPolicy{
			InitialInterval: step.Retries.First, BackoffCoefficient: 2, MaximumInterval: step.Retries.Max,
			MaximumAttempts: int32(step.Retries.Tries),
		},
	}, StepInput{OrderID: l.in.OrderID, Step: step, Again: l.in.Resume || l.tries[step.ID] > 1})
	if running.regular && ctx.Err() != nil && !temporal.IsCanceledError(err) {
		l.spent[step.ID]++
	}
	switch {
	case err == nil:
		l.learn(outcome)
	case ctx.Err() != nil || temporal.IsCanceledError(err):
	default:
		l.report(ctx, step, failureOf(err))
	}
}

// activityID names a step's regular activity. The SDK never lets go of the name of one that was asked to stop and came to an end
// of its own instead: an activity of that name would fail the workflow task for as long as the run lasts.
func (l *lifecycle) activityID(ctx workflow.Context, step order.Step) string {
	spent := l.spent[step.ID]
	if spent == 0 || workflow.GetVersion(ctx, "spent-activity-ids", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return step.ID
	}
	return fmt.Sprintf("%s/%d", step.ID, spent+1)
}

func (l *lifecycle) report(ctx workflow.Context, step order.Step, failure Failure) {
	_, err := l.apply(ctx, order.Command{
		ID: step.ID + ":ReportStepFailure", Source: "workflow", Reason: failure.Message,
		Actor: order.Actor{Type: "system", ID: string(step.Name)},
		Body: order.ReportStepFailure{
			Step: step, Class: failure.Class, Code: failure.Code, Message: failure.Message, Attempts: failure.Attempt,
		},
	})
	if err != nil {
		workflow.GetLogger(l.ctx).Error("failure not recorded", "order", l.in.OrderID, "step", step.ID, "error", err)
	}
}

// call is one activity to be executed.
type call struct {
	activity string
	id       string        // of the regular activity, so that operators can name it; empty for any
	summary  string        // shown in the Web UI
	within   time.Duration // all tries together; 0 for without end
	retry    temporal.RetryPolicy
	slow     func() // called when it goes on as a regular activity; may be nil
}

// execute runs an activity as a local one first and, when that fails or overruns its budget, as a regular one with
// its real retries, which operators see as a pending activity with attempts and last error.
func execute(ctx workflow.Context, c call, input any) (Outcome, error) {
	var outcome Outcome
	local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: localBudget, Summary: c.summary, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	err := workflow.ExecuteLocalActivity(local, c.activity, input).Get(local, &outcome)
	if err == nil || isRefusal(err) || ctx.Err() != nil {
		return outcome, err
	}
	if c.slow != nil {
		c.slow()
	}
	if err := holdOff(ctx, err); err != nil {
		return outcome, err
	}
	regular := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ActivityID: c.id, Summary: c.summary, StartToCloseTimeout: tryWithin, ScheduleToCloseTimeout: c.within,
		WaitForCancellation: true, RetryPolicy: &c.retry,
	})
	err = workflow.ExecuteActivity(regular, c.activity, input).Get(regular, &outcome)
	return outcome, err
}

// holdOff waits as long as the other side of a step has asked for. The regular activity does so by itself after each of its
// tries, but its first one would come at once.
func holdOff(ctx workflow.Context, failed error) error {
	var refused *temporal.ApplicationError
	if !errors.As(failed, &refused) || refused.NextRetryDelay() <= 0 {
		return nil
	}
	if workflow.GetVersion(ctx, "hold-off", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return nil
	}
	return workflow.NewTimerWithOptions(ctx, refused.NextRetryDelay(), workflow.TimerOptions{Summary: "as long as the other side asks for"}).Get(ctx, nil)
}

// failureOf is why a step failed for good: what its last try said. A last try that was cut off by a time-out said nothing, so that its
// effect may have happened; the failure that Temporal gives along is that of the try before it.
func failureOf(err error) Failure {
	var failed *temporal.ApplicationError
	var last Failure
	told := errors.As(err, &failed) && failed.HasDetails() && failed.Details(&last) == nil
	if told && !cutOff(err) {
		return last
	}
	return Failure{Class: order.ClassUnknown, Code: CodeUnknownOutcome, Message: err.Error(), Attempt: last.Attempt + 1}
}

// cutOff tells whether a time-out ended a try that had begun. The time for all tries together can also run out between two of them:
// that was not the end of any try.
func cutOff(err error) bool {
	var late *temporal.TimeoutError
	if !errors.As(err, &late) {
		return false
	}
	var ended *temporal.ActivityError
	between := late.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE && errors.As(err, &ended) && ended.StartedEventID() == 0
	return !between
}
