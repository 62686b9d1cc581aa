package workflows_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"orderly/order"
	"orderly/workflows"
)

// wantContinued checks that a run has given over to one that reads the order first.
func wantContinued(t *testing.T, err error) {
	t.Helper()
	next, ok := errors.AsType[*workflow.ContinueAsNewError](err)
	if !ok {
		t.Fatalf("got %v, want continue-as-new", err)
	}
	var in workflows.OrderInput
	if err := converter.GetDefaultDataConverter().FromPayloads(next.Input, &in); err != nil {
		t.Fatal(err)
	}
	if in != (workflows.OrderInput{OrderID: "ord_1", Resume: true}) {
		t.Errorf("the next run's input is %+v", in)
	}
}

func TestContinueAsNew_WaitsForOpenHandlers(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	begin := s.env.Now()
	s.look = func() (workflows.Outcome, error) { return waiting(1, begin.Add(24*time.Hour)), nil }
	s.apply = func(order.Command) (workflows.Outcome, error) {
		if s.env.Now().Sub(begin) < time.Minute+outage {
			return workflows.Outcome{}, errDown
		}
		return waiting(7, begin.Add(24*time.Hour)), nil
	}
	s.env.RegisterDelayedCallback(func() { s.env.SetContinueAsNewSuggested(true) }, time.Minute+outage/2)
	answer := 0
	s.at(time.Minute, "slow", func(result workflows.CommandResult, err error) {
		if err != nil {
			t.Error(err)
		}
		answer = result.Version
	})
	wantContinued(t, s.resume())
	if answer != 7 {
		t.Errorf("the command was answered with version %d", answer)
	}
}

func TestContinueAsNew_StopsAStepThatIsTriedForDays(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.look = func() (workflows.Outcome, error) { return at(1, stepIn("a", "a1", order.ScreenFraud)), nil }
	s.step = func(workflows.StepInput, activity.Info) (workflows.Outcome, error) {
		return workflows.Outcome{}, errDown
	}
	s.apply = func(order.Command) (workflows.Outcome, error) { return at(2), nil }
	s.env.RegisterDelayedCallback(func() { s.env.SetContinueAsNewSuggested(true) }, time.Hour)
	wantContinued(t, s.resume())
	if len(s.heard()) > 0 {
		t.Errorf("a stopped step was reported: %v", s.heard())
	}
}

func TestContinueAsNew_CancelPressedMeanwhile_IsNotLost(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.waitingFor(24 * time.Hour)
	begin, decide := s.env.Now(), s.apply
	var decided []string
	s.apply = func(command order.Command) (workflows.Outcome, error) {
		if s.env.Now().Sub(begin) < outage {
			return workflows.Outcome{}, errDown
		}
		decided = append(decided, command.Body.CommandName())
		return decide(command)
	}
	s.at(time.Second, "slow", func(workflows.CommandResult, error) {})
	s.env.RegisterDelayedCallback(func() {
		s.env.SetContinueAsNewSuggested(true)
		s.env.CancelWorkflow()
	}, outage/2)
	wantContinued(t, s.resume())
	if !slices.Contains(decided, "CancelOrder") {
		t.Errorf("decided %v", decided)
	}
}
