package order

import (
	"fmt"
	"slices"
	"time"
)

// Customers are told what concerns them: a question, a reminder of it, that the order is shipped, cancelled, or that money
// comes back. An event that was decided with Notify leaves a notice in the state, each notice is a step of its own. A
// notice that cannot be delivered is left out: it never parks or holds up an order, and it outlives a cancellation. Customers
// are told when there is nothing else to be done at the moment, so that a notice does not race with a step for the stream.

// The kinds of notices.
const (
	NoticeAction    = "action_requested"
	NoticeReminder  = "reminder"
	NoticeShipped   = "shipped"
	NoticeCancelled = "cancelled"
	NoticeRefunded  = "refunded"
)

// NoticeKinds lists them all.
var NoticeKinds = []string{NoticeAction, NoticeReminder, NoticeShipped, NoticeCancelled, NoticeRefunded}

// Notice is something that the customer is still to be told. Key is the idempotency key of telling it.
type Notice struct {
	Kind     string `json:"kind"`
	Key      string `json:"key"`
	ActionID string `json:"action_id,omitempty"`
	RefundID string `json:"refund_id,omitempty"`
}

// CustomerReminded: the customer is asked for the nth time again. N counts the moments of Policy.RemindAt that have passed.
type CustomerReminded struct {
	ActionID string `json:"action_id"`
	N        int    `json:"n"`
	Notify   bool   `json:"notify,omitempty"`
}

// CustomerNotified: the customer was told.
type CustomerNotified struct {
	Key  string `json:"key"`
	Kind string `json:"kind"`
}

// NotificationSkipped: the customer could not be told, and is not told any more.
type NotificationSkipped struct {
	Key  string `json:"key"`
	Kind string `json:"kind"`
	Code string `json:"code"`
}

// RecordNotification says that the customer was told.
type RecordNotification struct{ Key string }

// CommandName is the name of the command.
func (RecordNotification) CommandName() string { return "RecordNotification" }

// announce marks an event of which the customer is to be told.
func (d *decision) announce(event Event) {
	switch e := event.(type) {
	case *CustomerActionRequested:
		e.Notify = d.policy.notifies(NoticeAction)
	case *CustomerReminded:
		e.Notify = d.policy.notifies(NoticeReminder)
	case *OrderShipped:
		e.Notify = d.policy.notifies(NoticeShipped)
	case *OrderCancelled:
		e.Notify = d.policy.notifies(NoticeCancelled)
	case *RefundIssued: // the refunds of a cancellation are told with its end
		e.Notify = d.policy.notifies(NoticeRefunded) && d.state.Status != Cancelling
	}
}

func (p Policy) notifies(kind string) bool { return contains(p.Notify, kind) }

// notified takes the outcome of telling the customer; skipped is empty when it went well.
func (d *decision) notified(key, skipped string) {
	notice := d.state.Notice(key)
	switch {
	case notice.Key == "":
	case skipped != "":
		d.emit(&NotificationSkipped{Key: key, Kind: notice.Kind, Code: skipped})
	default:
		d.emit(&CustomerNotified{Key: key, Kind: notice.Kind})
	}
}

// Notice is the notice with this key, while it is still to be told.
func (s State) Notice(key string) Notice {
	for _, notice := range s.Notices {
		if notice.Key == key {
			return notice
		}
	}
	return Notice{}
}

// evolveNotices keeps the list of what is still to be told.
func (s *State) evolveNotices(event Event) {
	switch e := event.(type) {
	case *CustomerActionRequested:
		s.tell(e.Notify, Notice{Kind: NoticeAction, Key: NoticeAction + "/" + e.ActionID, ActionID: e.ActionID})
	case *CustomerReminded:
		for i := range s.Actions {
			if s.Actions[i].ActionID == e.ActionID {
				s.Actions[i].Reminded = e.N
			}
		}
		s.tell(e.Notify, Notice{Kind: NoticeReminder, Key: fmt.Sprintf("%s/%s/%d", NoticeReminder, e.ActionID, e.N), ActionID: e.ActionID})
	case *OrderShipped:
		s.tell(e.Notify, Notice{Kind: NoticeShipped, Key: NoticeShipped})
	case *OrderCancelled:
		s.tell(e.Notify, Notice{Kind: NoticeCancelled, Key: NoticeCancelled})
	case *RefundIssued:
		s.tell(e.Notify, Notice{Kind: NoticeRefunded, Key: NoticeRefunded + "/" + e.RefundID, RefundID: e.RefundID})
	case *CustomerNotified:
		s.dropNotices(func(n Notice) bool { return n.Key == e.Key })
	case *NotificationSkipped:
		s.dropNotices(func(n Notice) bool { return n.Key == e.Key })
	case *OrderClosed:
		s.Notices = nil
	default:
		// Nobody needs to be told of a question that is open no more.
		s.dropNotices(func(n Notice) bool { return n.ActionID != "" && !s.asks(n.ActionID) })
	}
}

func (s *State) tell(wanted bool, notice Notice) {
	if wanted {
		notice.Key = s.OrderID + "/notify/" + notice.Key
		s.Notices = append(s.Notices, notice)
	}
}

func (s *State) dropNotices(which func(Notice) bool) {
	s.Notices = slices.DeleteFunc(s.Notices, which)
}

func (s State) asks(actionID string) bool {
	return slices.ContainsFunc(s.Actions, func(a Action) bool { return a.ActionID == actionID })
}

// Action is the open question with this id; the zero Action when there is none.
func (s State) Action(id string) Action {
	for _, action := range s.Actions {
		if action.ActionID == id {
			return action
		}
	}
	return Action{}
}

// notifications are the steps that tell the customer, each in a lane of its own.
func (s State) notifications(p Policy) []Step {
	var steps []Step
	for _, notice := range s.Notices {
		step := s.step(p, Notify, notice.Key, notice.Key, p.NotifyWithin)
		step.Summary = "tell the customer: " + notice.Kind
		steps = append(steps, step)
	}
	return steps
}

// reminder is when the customer is asked again.
func (a Action) reminder(p Policy) (due, bool) {
	if a.Since.IsZero() || a.Reminded >= len(p.RemindAt) {
		return due{}, false
	}
	return due{a.remindAt(p, a.Reminded), "a reminder of the customer (" + a.Kind + ")", func(d *decision) {
		n := a.Reminded + 1
		for n < len(p.RemindAt) && !a.remindAt(p, n).After(d.command.At) {
			n++ // those that are late, too, are one reminder
		}
		d.emit(&CustomerReminded{ActionID: a.ActionID, N: n})
	}}, true
}

func (a Action) remindAt(p Policy, i int) time.Time {
	return a.Since.Add(time.Duration(float64(a.Deadline.Sub(a.Since)) * p.RemindAt[i]))
}
