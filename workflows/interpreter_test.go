package workflows_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"orderly/order"
	"orderly/workflows"
)

// script stands for the rules: the test says what each activity answers.
type script struct {
	t   *testing.T
	env *testsuite.TestWorkflowEnvironment

	mu      sync.Mutex
	log     []string // begins and ends of steps, and commands, in the order in which they happened
	applied []order.Command

	// apply answers a command, step a try of a step, look a reading; they are called one at a time.
	apply func(order.Command) (workflows.Outcome, error)
	step  func(workflows.StepInput, activity.Info) (workflows.Outcome, error)
	look  func() (workflows.Outcome, error)
}

func newScript(t *testing.T) *script {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	s := &script{t: t, env: suite.NewTestWorkflowEnvironment()}
	s.env.SetTestTimeout(30 * time.Second)
	s.env.RegisterWorkflowWithOptions(workflows.Order, workflow.RegisterOptions{Name: workflows.OrderWorkflow})
	register := func(name string, do any) {
		s.env.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
	register(workflows.ApplyActivity, func(_ context.Context, in workflows.ApplyInput) (workflows.Outcome, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.log = append(s.log, "apply "+in.Command.ID)
		s.applied = append(s.applied, in.Command)
		return s.apply(in.Command)
	})
	register(workflows.LookActivity, func(context.Context, string) (workflows.Outcome, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.look()
	})
	for _, name := range []order.StepName{order.ScreenFraud, order.ReserveStock, order.AuthorizePayment} {
		register(string(name), func(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.log = append(s.log, "begin "+in.Step.ID)
			outcome, err := s.step(in, activity.GetInfo(ctx))
			if err == nil {
				s.log = append(s.log, "end "+in.Step.ID)
			}
			return outcome, err
		})
	}
	return s
}

// at sends a command after a while; answered hears what came of it.
func (s *script) at(after time.Duration, id string, answered func(workflows.CommandResult, error)) {
	s.env.RegisterDelayedCallback(func() {
		s.env.UpdateWorkflow("AddNote", id, &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { s.t.Errorf("%s rejected: %v", id, err) },
			OnComplete: func(result any, err error) {
				got, _ := result.(workflows.CommandResult)
				answered(got, err)
			},
		}, order.Command{ID: id, Body: order.AddNote{Text: "a"}})
	}, after)
}

// onceApplied does something in the workflow's own thread as soon as a command was decided.
func (s *script) onceApplied(id string, do func()) {
	s.env.SetOnLocalActivityCompletedListener(func(*activity.Info, converter.EncodedValue, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if last := len(s.applied) - 1; last >= 0 && s.applied[last].ID == id {
			do()
		}
	})
}

// resume runs the workflow of an order that exists.
func (s *script) resume() error {
	s.t.Helper()
	s.env.ExecuteWorkflow(workflows.OrderWorkflow, workflows.OrderInput{OrderID: "ord_1", Resume: true})
	if !s.env.IsWorkflowCompleted() {
		s.t.Fatalf("the workflow did not end: %q", s.log)
	}
	return s.env.GetWorkflowError()
}

// index is where in the log something stands first; it must be there.
func (s *script) index(entry string) int {
	s.t.Helper()
	i := slices.Index(s.log, entry)
	if i < 0 {
		s.t.Fatalf("%q is not in %q", entry, s.log)
	}
	return i
}

// at is an outcome: the version, and the steps that are left.
func at(version int, steps ...order.Step) workflows.Outcome {
	return workflows.Outcome{
		CommandResult: workflows.CommandResult{Version: version}, Current: version, Plan: order.Plan{Steps: steps, Ended: len(steps) == 0},
	}
}

func waiting(version int, until time.Time) workflows.Outcome {
	outcome := at(version)
	outcome.Plan = order.Plan{WaitingFor: "a test", Deadline: &order.Deadline{At: until, Summary: "the test's"}}
	return outcome
}

func stepIn(lane, id string, name order.StepName) order.Step {
	// Without a number the test suite stops after ten tries, which the server does not.
	return order.Step{Name: name, ID: id, Key: id, Lane: lane, Retries: order.Retries{First: time.Second, Max: 10 * time.Second, Tries: 10_000}}
}

var errDown = errors.New("down")

// outage is how long the database is away: longer than a local activity, and less than the ten tries after which the test
// suite gives up, which the server does not.
const outage = time.Minute

func TestLanes_OneStepAtATimeInEach_AndLanesBesideEachOther(t *testing.T) {
	t.Parallel()
	a1, a2 := stepIn("a", "a1", order.ScreenFraud), stepIn("a", "a2", order.ReserveStock)
	b1 := stepIn("b", "b1", order.AuthorizePayment)
	s := newScript(t)
	version, left := 1, []order.Step{a1, a2, b1}
	s.look = func() (workflows.Outcome, error) { return at(version, left...), nil }
	s.step = func(in workflows.StepInput, info activity.Info) (workflows.Outcome, error) {
		if in.Step.ID == "a1" && (info.IsLocalActivity || info.Attempt < 5) {
			return workflows.Outcome{}, errDown
		}
		version++
		left = slices.DeleteFunc(slices.Clone(left), func(step order.Step) bool { return step.ID == in.Step.ID })
		return at(version, left...), nil
	}
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
	if s.index("end b1") > s.index("end a1") {
		t.Errorf("lane b waited for lane a: %q", s.log)
	}
	if s.index("begin a2") < s.index("end a1") {
		t.Errorf("two steps were in lane a: %q", s.log)
	}
}

func TestStep_NotInTheLatestPlan_IsStopped(t *testing.T) {
	t.Parallel()
	unwanted, next := stepIn("a", "unwanted", order.ScreenFraud), stepIn("a", "next", order.ReserveStock)
	s := newScript(t)
	s.look = func() (workflows.Outcome, error) { return at(1, unwanted), nil }
	s.apply = func(order.Command) (workflows.Outcome, error) { return at(2, next), nil }
	s.step = func(in workflows.StepInput, _ activity.Info) (workflows.Outcome, error) {
		if in.Step.ID == "unwanted" {
			return workflows.Outcome{}, errDown
		}
		return at(3), nil
	}
	s.at(time.Hour, "other plan", func(_ workflows.CommandResult, err error) {
		if err != nil {
			t.Error(err)
		}
	})
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
	if changed := s.index("apply other plan"); slices.Contains(s.log[changed:], "begin unwanted") {
		t.Errorf("it was tried after it was not wanted any more: %q", s.log)
	}
	if len(s.applied) != 1 {
		t.Errorf("a stopped step was reported: %+v", s.applied[1:])
	}
}

func TestStep_RetriesUsedUp_IsReportedOnce(t *testing.T) {
	t.Parallel()
	step := stepIn("a", "a1", order.ScreenFraud)
	step.Retries.Tries = 4
	s := newScript(t)
	s.look = func() (workflows.Outcome, error) { return at(1, step), nil }
	s.apply = func(order.Command) (workflows.Outcome, error) { return at(2), nil }
	tries := 0
	s.step = func(_ workflows.StepInput, info activity.Info) (workflows.Outcome, error) {
		tries++
		what := workflows.Failure{Class: order.ClassUnavailable, Code: "down", Message: "down", Attempt: int(info.Attempt)}
		return workflows.Outcome{}, temporal.NewApplicationErrorWithOptions("down", workflows.ErrTypeUnavailable,
			temporal.ApplicationErrorOptions{Details: []any{what}})
	}
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
	if len(s.applied) != 1 || tries != 5 { // one as a local activity
		t.Fatalf("%d tries, reported %+v", tries, s.applied)
	}
	report, ok := s.applied[0].Body.(order.ReportStepFailure)
	if !ok || report.Attempts != 4 || report.Code != "down" || report.Step.ID != "a1" || s.applied[0].ID != "a1:ReportStepFailure" {
		t.Errorf("reported %+v", s.applied[0])
	}
}

// TestStep_LastTryTimesOut_MayHaveHappened: whatever the tries before it have said. Temporal gives the failure of the last of these
// along with the time-out.
func TestStep_LastTryTimesOut_MayHaveHappened(t *testing.T) {
	t.Parallel()
	step := stepIn("a", "a1", order.AuthorizePayment)
	step.Retries.Tries = 2
	s := newScript(t)
	s.look = func() (workflows.Outcome, error) { return at(1, step), nil }
	s.apply = func(order.Command) (workflows.Outcome, error) { return at(2), nil }
	s.step = func(_ workflows.StepInput, info activity.Info) (workflows.Outcome, error) {
		what := workflows.Failure{Class: order.ClassUnavailable, Code: "down", Message: "down", Attempt: 1}
		down := temporal.NewApplicationErrorWithOptions("down", workflows.ErrTypeUnavailable, temporal.ApplicationErrorOptions{Details: []any{what}})
		if info.Attempt == 2 {
			return workflows.Outcome{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, down)
		}
		return workflows.Outcome{}, down
	}
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
	report, ok := s.applied[0].Body.(order.ReportStepFailure)
	if !ok || report.Class != order.ClassUnknown || report.Code != workflows.CodeUnknownOutcome || report.Attempts != 2 {
		t.Errorf("reported %+v", s.applied[0])
	}
}

// TestStep_AskedToWait_DoesSo: also between the local try and the first regular one.
func TestStep_AskedToWait_DoesSo(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.look = func() (workflows.Outcome, error) { return at(1, stepIn("a", "a1", order.ScreenFraud)), nil }
	var tries []time.Time
	s.step = func(workflows.StepInput, activity.Info) (workflows.Outcome, error) {
		if tries = append(tries, s.env.Now()); len(tries) == 3 {
			return at(2), nil
		}
		return workflows.Outcome{}, temporal.NewApplicationErrorWithOptions("too many requests", workflows.ErrTypeUnavailable,
			temporal.ApplicationErrorOptions{NextRetryDelay: time.Hour, Details: []any{workflows.Failure{Class: order.ClassUnavailable}}})
	}
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < len(tries); i++ {
		if waited := tries[i].Sub(tries[i-1]); waited < time.Hour {
			t.Errorf("try %d came after %s, asked for was an hour", i+1, waited)
		}
	}
}

func TestStep_ThatEndsAndIsStillWanted_WaitsLongerEachTime(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	begin := s.env.Now()
	s.look = func() (workflows.Outcome, error) { return at(1, stepIn("a", "a1", order.ScreenFraud)), nil }
	var starts []time.Duration
	s.step = func(workflows.StepInput, activity.Info) (workflows.Outcome, error) {
		starts = append(starts, s.env.Now().Sub(begin).Round(time.Second))
		if len(starts) == 7 {
			return at(2), nil
		}
		return at(1, stepIn("a", "a1", order.ScreenFraud)), nil
	}
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
	second := time.Second
	if want := []time.Duration{0, second, 3 * second, 7 * second, 15 * second, 25 * second, 35 * second}; !slices.Equal(starts, want) {
		t.Errorf("started after %v, want %v", starts, want)
	}
}

func TestStep_OfAResumedOrder_LooksFirst(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.look = func() (workflows.Outcome, error) { return at(1, stepIn("a", "a1", order.ScreenFraud)), nil }
	s.step = func(in workflows.StepInput, _ activity.Info) (workflows.Outcome, error) {
		if !in.Again {
			t.Error("another run may have asked for the effect")
		}
		return at(2), nil
	}
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
}

// TestStep_HeldByTheLatestPlan_GoesOnToItsEnd_AndIsNotStartedAgain: its activity sees to it that it only looks.
func TestStep_HeldByTheLatestPlan_GoesOnToItsEnd_AndIsNotStartedAgain(t *testing.T) {
	t.Parallel()
	step := stepIn("a", "a1", order.AuthorizePayment)
	s := newScript(t)
	held := waiting(2, s.env.Now().Add(24*time.Hour))
	held.Plan.Held = []order.Step{step}
	s.look = func() (workflows.Outcome, error) { return at(1, step), nil }
	s.apply = func(command order.Command) (workflows.Outcome, error) {
		if _, ok := command.Body.(order.PassDeadline); ok {
			return at(3), nil
		}
		return held, nil
	}
	s.step = func(_ workflows.StepInput, info activity.Info) (workflows.Outcome, error) {
		if slices.Contains(s.log, "apply hold") && !info.IsLocalActivity {
			return held, nil
		}
		return workflows.Outcome{}, errDown
	}
	s.at(time.Hour, "hold", func(workflows.CommandResult, error) {})
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
	end := s.index("end a1")
	if end < s.index("apply hold") || slices.Contains(s.log[end:], "begin a1") {
		t.Errorf("it was stopped, or started again: %q", s.log)
	}
}

// TestLookUpdate_TheStreamIsAhead_TheNewPlanIsCarriedOut: nobody has told the workflow of what was recorded.
func TestLookUpdate_TheStreamIsAhead_TheNewPlanIsCarriedOut(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	now := waiting(1, s.env.Now().Add(24*time.Hour))
	s.look = func() (workflows.Outcome, error) { return now, nil }
	s.step = func(workflows.StepInput, activity.Info) (workflows.Outcome, error) { return at(3), nil }
	s.env.RegisterDelayedCallback(func() {
		now = at(2, stepIn("a", "a1", order.ScreenFraud))
		s.env.UpdateWorkflow(workflows.LookUpdate, "look/2", &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { t.Errorf("rejected: %v", err) },
			OnComplete: func(result any, err error) {
				if got, _ := result.(workflows.CommandResult); err != nil || got.Version != 2 {
					t.Errorf("answered %+v, %v", result, err)
				}
			},
		})
	}, time.Hour)
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
	s.index("end a1")
}

func TestDeadline_MovesWithThePlan_AndIsAskedForAgainWhenTooEarly(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	begin := s.env.Now()
	early := 0
	var passed []time.Duration
	s.look = func() (workflows.Outcome, error) { return waiting(1, begin.Add(10*time.Hour)), nil }
	s.apply = func(command order.Command) (workflows.Outcome, error) {
		if _, ok := command.Body.(order.PassDeadline); !ok {
			return waiting(2, begin.Add(2*time.Hour)), nil
		}
		passed = append(passed, s.env.Now().Sub(begin).Round(time.Second))
		if early++; early < 3 { // the journal's clock is behind
			return waiting(2, begin.Add(2*time.Hour)), nil
		}
		return at(3), nil
	}
	s.at(time.Hour, "sooner", func(workflows.CommandResult, error) {})
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
	want := []time.Duration{2 * time.Hour, 2*time.Hour + time.Second, 2*time.Hour + 2*time.Second}
	if !slices.Equal(passed, want) {
		t.Errorf("deadlines passed after %v, want %v", passed, want)
	}
	if id := s.applied[len(s.applied)-1].ID; id != "deadline/2" {
		t.Errorf("the command's id is %s", id)
	}
}

func TestCommands_TwoAtOnce_EachHasItsOwnAnswer(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	version := 1
	s.look = func() (workflows.Outcome, error) { return waiting(1, s.env.Now().Add(time.Hour)), nil }
	s.apply = func(command order.Command) (workflows.Outcome, error) {
		if _, ok := command.Body.(order.PassDeadline); ok {
			return at(version + 1), nil
		}
		if command.ID == "refused" {
			return workflows.Outcome{}, temporal.NewNonRetryableApplicationError("no", workflows.ErrTypeNotAllowed, nil)
		}
		version++
		return waiting(version, s.env.Now().Add(time.Hour)), nil
	}
	answers := map[string]int{}
	for _, id := range []string{"first", "refused", "second"} {
		s.at(time.Minute, id, func(result workflows.CommandResult, err error) {
			if (err != nil) != (id == "refused") {
				t.Errorf("%s: %v", id, err)
			}
			answers[id] = result.Version
		})
	}
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
	if len(answers) != 3 || answers["first"]+answers["second"] != 5 {
		t.Errorf("answers %v", answers)
	}
}

func TestOutcome_OlderThanWhatIsKnown_IsForgotten(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	slow, never := stepIn("a", "slow", order.ScreenFraud), stepIn("b", "never", order.ReserveStock)
	s.look = func() (workflows.Outcome, error) { return at(1, slow), nil }
	s.apply = func(order.Command) (workflows.Outcome, error) { return at(5, slow), nil }
	s.step = func(in workflows.StepInput, info activity.Info) (workflows.Outcome, error) {
		switch {
		case in.Step.ID == "never":
			t.Error("a plan of before was carried out")
			return at(9), nil
		case info.IsLocalActivity || !slices.Contains(s.log, "apply newer"):
			return workflows.Outcome{}, errDown
		case !slices.Contains(s.log, "end slow"):
			return at(2, never), nil // what it read before the command was applied
		}
		return at(6), nil
	}
	s.at(time.Hour, "newer", func(workflows.CommandResult, error) {})
	// The step ends and is still in the latest plan: it is started again, as a regular activity once more.
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
}

func TestLook_DatabaseAway_GoesOnWhenItIsBack(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	begin := s.env.Now()
	s.look = func() (workflows.Outcome, error) {
		if s.env.Now().Sub(begin) < outage {
			return workflows.Outcome{}, errDown
		}
		return at(1), nil
	}
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
}
