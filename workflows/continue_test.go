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
		s.env.SetContinueAsNewSuggested(true)
		if s.env.Now().Sub(begin) < time.Minute+outage {
			return workflows.Outcome{}, errDown
		}
		return waiting(7, begin.Add(24*time.Hour)), nil
	}
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
	s.apply = func(order.Command) (workflows.Outcome, error) {
		return at(2, stepIn("a", "a1", order.ScreenFraud)), nil
	}
	s.env.RegisterDelayedCallback(func() { s.env.SetContinueAsNewSuggested(true) }, time.Hour)
	s.at(time.Hour+time.Minute, "note", func(workflows.CommandResult, error) {})
	wantContinued(t, s.resume())
	if !slices.Equal(s.heard(), []string{"note"}) {
		t.Errorf("a stopped step was reported: %v", s.heard())
	}
}

func TestContinueAsNew_WithCancelPressedAtTheSameTime_CancelsFirst(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.waitingFor(24 * time.Hour)
	s.env.RegisterDelayedCallback(func() {
		s.env.SetContinueAsNewSuggested(true)
		s.env.CancelWorkflow()
	}, time.Hour)
	wantContinued(t, s.resume())
	if len(s.applied) != 1 || s.applied[0].Body.CommandName() != "CancelOrder" {
		t.Errorf("heard %v", s.heard())
	}
}
