package workflows_test

import (
	"slices"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"orderly/order"
	"orderly/workflows"
)

// heard gives the ids of the commands that the rules were asked about.
func (s *script) heard() (ids []string) {
	for _, command := range s.applied {
		ids = append(ids, command.ID)
	}
	return ids
}

func (s *script) signalAt(after time.Duration, name string, arg any) {
	s.env.RegisterDelayedCallback(func() { s.env.SignalWorkflow(name, arg) }, after)
}

// waitingFor makes the order wait for a while; then it is over. A command called refused is.
func (s *script) waitingFor(while time.Duration) {
	until := s.env.Now().Add(while)
	s.look = func() (workflows.Outcome, error) { return waiting(1, until), nil }
	s.apply = func(command order.Command) (workflows.Outcome, error) {
		if command.ID == "refused" {
			return workflows.Outcome{}, temporal.NewNonRetryableApplicationError("no", workflows.ErrTypeNotAllowed, nil)
		}
		if _, ok := command.Body.(order.PassDeadline); ok {
			return at(100), nil
		}
		return waiting(2, until), nil
	}
}

func TestSignal_IsTheCommandOfItsName(t *testing.T) {
	t.Parallel()
	s := newScript(t)
	s.waitingFor(time.Hour)
	s.signalAt(time.Minute, "RetryStep", order.Command{ID: "retry", Body: order.RetryStep{AttentionID: "att_1"}})
	s.signalAt(2*time.Minute, "HoldOrder", map[string]any{
		"id": "hold", "name": "HoldOrder", "reason": "a strike", "actor": map[string]any{"type": "operator", "id": "eve"}, "body": map[string]any{"code": "manual"},
	})
	if err := s.resume(); err != nil {
		t.Fatal(err)
	}
	if got := s.heard(); !slices.Equal(got, []string{"retry", "hold", "deadline/2"}) {
		t.Fatalf("heard %v", got)
	}
	first, second := s.applied[0], s.applied[1]
	if first.Source != "signal" || first.Actor.ID != "temporal-signal" || second.Actor.ID != "eve" || second.Reason != "a strike" {
		t.Errorf("got %+v and %+v", first, second)
	}
}

func TestSignal_ThatMeansNothing_BreaksNothing(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		signal string
		arg    any
	}{
		"an unknown name":              {"RetryEverything", map[string]any{"id": "x"}},
		"no command":                   {"RetryStep", "please"},
		"no argument":                  {"RetryStep", nil},
		"no id":                        {"RetryStep", order.Command{Body: order.RetryStep{AttentionID: "att_1"}}},
		"a command of another name":    {"RetryStep", order.Command{ID: "x", Body: order.CancelOrder{}}},
		"a command that nobody knows":  {"RetryStep", map[string]any{"id": "x", "name": "FlyAway", "body": map[string]any{}}},
		"the command that opens it":    {"PlaceOrder", order.Command{ID: "x", Body: oneMug()}},
		"a refused command":            {"CancelOrder", order.Command{ID: "refused", Body: order.CancelOrder{}}},
		"a command with unknown parts": {"CancelOrder", map[string]any{"id": "refused", "name": "CancelOrder", "body": map[string]any{"hard": true}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			s.waitingFor(time.Hour)
			s.signalAt(time.Minute, tt.signal, tt.arg)
			s.signalAt(2*time.Minute, "AddNote", order.Command{ID: "note", Body: order.AddNote{Text: "still there"}})
			if err := s.resume(); err != nil {
				t.Fatal(err)
			}
			heard := slices.DeleteFunc(s.heard(), func(id string) bool { return id == "refused" })
			if !slices.Equal(heard, []string{"note", "deadline/2"}) {
				t.Errorf("heard %v", heard)
			}
		})
	}
}

func TestSignals_AtTheEndAndBeforeContinueAsNew_AreAllObeyed(t *testing.T) {
	t.Parallel()
	for name, suggested := range map[string]bool{"the end": false, "continue-as-new": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			s.waitingFor(time.Hour)
			if suggested {
				s.waitingFor(24 * time.Hour)
			}
			s.onceApplied("one", func() { s.env.SetContinueAsNewSuggested(suggested) })
			s.env.RegisterDelayedCallback(func() {
				for _, id := range []string{"one", "two", "three"} {
					s.env.SignalWorkflow("AddNote", order.Command{ID: id, Body: order.AddNote{Text: "a"}})
				}
			}, time.Hour)
			if err := s.resume(); suggested != (err != nil) {
				t.Fatal(err)
			}
			for _, id := range []string{"one", "two", "three"} {
				if !slices.Contains(s.heard(), id) {
					t.Errorf("%s was lost: %v", id, s.heard())
				}
			}
		})
	}
}
