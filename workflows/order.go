package workflows

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderly/order"
)

// firstCommandWithin is how long a new workflow waits for its first command before it looks for the order itself.
const firstCommandWithin = 30 * time.Second

// lifecycle is one run of [Order].
type lifecycle struct {
	in OrderInput
	// ctx outlives a cancellation of the workflow: pressing Cancel asks for the order's cancellation, which takes
	// steps of its own.
	ctx     workflow.Context
	latest  Outcome
	known   bool
	running []*runningStep // at most one in a lane
	tries   map[string]int // by step id
	spent   map[string]int // activity ids that cannot be used again, by step id
	timer   deadlineTimer
	shown   shownAttributes
	signals inbox
	// woken is true when the main loop is to look again.
	woken bool
	// cancelSeen is true once Cancel in the Web UI was turned into a command, leavingSeen once steps were stopped for a new run.
	cancelSeen, leavingSeen bool
}

type runningStep struct {
	step   order.Step
	cancel workflow.CancelFunc
	// regular is true once the step goes on as a regular activity.
	regular bool
}

// deadlineTimer is the timer for the plan's deadline.
type deadlineTimer struct {
	at     time.Time
	future workflow.Future
	cancel workflow.CancelFunc
}

// Order is the lifecycle of one order, from the command that places it to its end.
func Order(ctx workflow.Context, in OrderInput) error {
	disconnected, _ := workflow.NewDisconnectedContext(ctx)
	l := &lifecycle{
		in: in, ctx: disconnected,
		tries: map[string]int{}, spent: map[string]int{}, shown: alreadyShown(workflow.GetTypedSearchAttributes(ctx)), signals: newInbox(ctx),
	}
	if err := l.handleCommands(ctx); err != nil {
		return err
	}
	if err := l.begin(); err != nil {
		return err
	}
	for l.takeSignals(); !l.ended(); l.takeSignals() {
		if l.leaving() {
			l.leavingSeen = true
			l.stopSteps()
		} else {
			l.startSteps()
		}
		l.show()
		if l.mayContinueAsNew(ctx) {
			return workflow.NewContinueAsNewError(ctx, Order, OrderInput{OrderID: in.OrderID, URL: in.URL, Resume: true})
		}
		l.wait(ctx)
	}
	l.show()
	return nil
}

// handleCommands registers an Update for each command. The rules refuse inside of the activity: a validator could
// not know the order.
func (l *lifecycle) handleCommands(ctx workflow.Context) error {
	for _, name := range order.CommandNames() {
		handler := func(ctx workflow.Context, command order.Command) (CommandResult, error) {
			outcome, err := l.apply(ctx, command)
			l.notify()
			return outcome.CommandResult, err
		}
		if err := workflow.SetUpdateHandler(ctx, name, handler); err != nil {
			return fmt.Errorf("register update %s: %w", name, err)
		}
	}
	look := func(ctx workflow.Context) (CommandResult, error) {
		err := l.look(ctx)
		l.notify()
		return CommandResult{Version: l.latest.Current}, err
	}
	if err := workflow.SetUpdateHandler(ctx, LookUpdate, look); err != nil {
		return fmt.Errorf("register update %s: %w", LookUpdate, err)
	}
	return nil
}

// begin waits until the order is known: from the first command, or by looking.
func (l *lifecycle) begin() error {
	if !l.in.Resume {
		if _, err := workflow.AwaitWithTimeout(l.ctx, firstCommandWithin, func() bool { return l.known }); err != nil {
			return err
		}
	}
	if l.latest.Current > 0 {
		return nil
	}
	return l.look(l.ctx)
}

// look reads the order.
func (l *lifecycle) look(ctx workflow.Context) error {
	outcome, err := execute(ctx, call{activity: LookActivity, summary: "read the order", retry: asking}, l.in.OrderID)
	if err != nil {
		return err
	}
	l.learn(outcome)
	return nil
}

// ended says whether the workflow may end: the order has, or there is none, and nobody waits for an answer.
func (l *lifecycle) ended() bool {
	over := l.latest.Plan.Ended || l.latest.Current == 0
	return over && l.idle()
}

// idle says whether nothing is under way: no step, and no command of which somebody waits for the answer.
func (l *lifecycle) idle() bool {
	return len(l.running) == 0 && l.signals.empty() && workflow.AllHandlersFinished(l.ctx)
}

// leaving is true once the history has become so long that a new run is to take over. Steps are stopped for it, since one
// may be tried for days; the new run reads the order and starts those that it needs again.
func (l *lifecycle) leaving() bool { return workflow.GetInfo(l.ctx).GetContinueAsNewSuggested() }

// mayContinueAsNew says whether the new run may take over: it knows nothing of a Cancel that is not a command yet.
func (l *lifecycle) mayContinueAsNew(ctx workflow.Context) bool {
	return l.leaving() && l.idle() && (l.cancelSeen || ctx.Err() == nil)
}

// learn takes what an activity says about the order, unless something newer is known.
func (l *lifecycle) learn(outcome Outcome) {
	l.known = true
	if outcome.Current >= l.latest.Current {
		l.latest = outcome
	}
}

// apply has a command decided, whether or not the workflow was cancelled in the meantime. A refusal is an answer, too:
// it leaves the order as it is.
func (l *lifecycle) apply(ctx workflow.Context, command order.Command) (Outcome, error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	outcome, err := execute(ctx, call{activity: ApplyActivity, summary: command.Body.CommandName(), retry: asking},
		ApplyInput{OrderID: l.in.OrderID, Command: command})
	if err != nil {
		l.known = true
		return Outcome{}, err
	}
	l.learn(outcome)
	return outcome, nil
}

// notify makes the main loop look again.
func (l *lifecycle) notify() { l.woken = true }

// wait blocks until something has happened: a command, a signal, the end of a step, the deadline, or Cancel in the Web UI.
func (l *lifecycle) wait(ctx workflow.Context) {
	deadline := l.deadline()
	due := func() bool { return deadline != nil && deadline.IsReady() }
	pressed := func() bool { return !l.cancelSeen && ctx.Err() != nil }
	err := workflow.Await(l.ctx, func() bool {
		return l.woken || due() || pressed() || l.signals.came() || l.leaving() && !l.leavingSeen
	})
	if err != nil { // nobody cancels what outlives a cancellation
		workflow.GetLogger(l.ctx).Error("the wait has ended early", "order", l.in.OrderID, "error", err)
	}
	l.woken = false
	if due() {
		l.passDeadline()
	}
	if pressed() {
		l.cancelPressed()
	}
}

// cancelPressed turns a cancellation of the workflow into the command that it means. When the rules refuse it, the
// order goes on.
func (l *lifecycle) cancelPressed() {
	l.cancelSeen = true
	_, err := l.apply(l.ctx, order.Command{
		// A reset run repeats the press of the run that it was made of.
		ID: "temporal-cancel/" + workflow.GetInfo(l.ctx).OriginalRunID, Source: "workflow", Reason: "Cancel was pressed in the Temporal Web UI",
		Actor: order.Actor{Type: "operator", ID: "temporal-ui"}, Body: order.CancelOrder{},
	})
	if err != nil {
		workflow.GetLogger(l.ctx).Warn("the order cannot be cancelled", "order", l.in.OrderID, "error", err)
	}
}

func (l *lifecycle) passDeadline() {
	l.timer = deadlineTimer{}
	version := l.latest.Current
	_, err := l.apply(l.ctx, order.Command{
		ID: fmt.Sprintf("deadline/%d", version), Source: "workflow", Actor: order.Actor{Type: "system", ID: "deadline"}, Body: order.PassDeadline{},
	})
	if err != nil {
		workflow.GetLogger(l.ctx).Error("deadline refused", "order", l.in.OrderID, "error", err)
	}
}

// deadline keeps a timer for the plan's deadline, and no other.
func (l *lifecycle) deadline() workflow.Future {
	next := l.latest.Plan.Deadline
	if next == nil {
		l.dropTimer()
		return nil
	}
	if l.timer.future != nil && l.timer.at.Equal(next.At) {
		return l.timer.future
	}
	l.dropTimer()
	// A second at least: a deadline that the journal's clock has not reached yet is asked for again, but not at once.
	wait := max(next.At.Sub(workflow.Now(l.ctx)), time.Second)
	ctx, cancel := workflow.WithCancel(l.ctx)
	l.timer = deadlineTimer{at: next.At, cancel: cancel, future: workflow.NewTimerWithOptions(ctx, wait, workflow.TimerOptions{Summary: next.Summary})}
	return l.timer.future
}

func (l *lifecycle) dropTimer() {
	if l.timer.future != nil {
		l.timer.cancel()
		l.timer = deadlineTimer{}
	}
}

// isRefusal says whether an error is the rules' no, which no retry changes.
func isRefusal(err error) bool {
	var refused *temporal.ApplicationError
	return errors.As(err, &refused) && slices.Contains(refusals, refused.Type())
}

var refusals = []string{ErrTypeNotAllowed, ErrTypeInvalid, ErrTypeVersionMismatch, ErrTypeOrderExists, ErrTypeOrderNotFound}
