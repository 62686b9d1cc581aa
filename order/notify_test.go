package order_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"orderly/order"
)

var noticeRules = map[string]rule{
	"told":                       {given: tellShipped, when: order.RecordNotification{Key: "ord_1/notify/shipped"}, then: life{toldIt}},
	"told twice":                 {given: tellShipped.and(toldIt), when: order.RecordNotification{Key: "ord_1/notify/shipped"}},
	"told what nobody wanted":    {given: shipped, when: order.RecordNotification{Key: "ord_1/notify/shipped"}},
	"told after it was answered": {given: tellAction.and(&order.CustomerResponded{ActionID: "act_1", Choice: "retry"}), when: order.RecordNotification{Key: "ord_1/notify/action_requested/act_1"}},
	"unavailable for too long: left out": {
		given: tellShipped, when: failing(tellShipped, order.Notify, order.ClassUnavailable),
		then: life{&order.NotificationSkipped{Key: "ord_1/notify/shipped", Kind: "shipped", Code: "http_503"}},
	},
	"refused: left out": {
		given: tellCancelled, when: failing(tellCancelled, order.Notify, "rejected"),
		then: life{&order.NotificationSkipped{Key: "ord_1/notify/cancelled", Kind: "cancelled", Code: "http_503"}},
	},
}

var (
	tellShipped   = partly.and(dispatched(parcel2), &order.OrderShipped{TrackingNumbers: []string{"T1", "T2"}, Notify: true}).and(committed...)
	tellCancelled = placed.and(&order.CancellationRequested{}, &order.OrderCancelled{Notify: true})
	tellAction    = screened.and(short[len(screened)], &order.CustomerActionRequested{
		ActionID: "act_1", Kind: order.ActionShortage, Options: []string{"retry", "cancel"}, Deadline: *at(72 * time.Hour), Notify: true,
	})
	toldIt = &order.CustomerNotified{Key: "ord_1/notify/shipped", Kind: "shipped"}
)

func TestNotices(t *testing.T) {
	t.Parallel()
	check(t, noticeRules)
}

// TestNotices_NeverHoldAnOrderUp: a notice is a step where the order would have none; it waits for the same as without it.
func TestNotices_NeverHoldAnOrderUp(t *testing.T) {
	t.Parallel()
	notify := wanted{order.Notify, "ord_1/notify/shipped", "ord_1/notify/shipped"}
	with, without := order.PlanFor(stateOf(tellShipped), testPolicy), order.PlanFor(stateOf(shipped.and(committed...)), testPolicy)
	if len(with.Steps) != 1 {
		t.Fatalf("steps: %+v", with.Steps)
	}
	last := with.Steps[0]
	if got := (wanted{last.Name, last.Key, last.Lane}); got != notify {
		t.Errorf("got %v, want %v", got, notify)
	}
	with.Steps = nil
	if diff := cmp.Diff(without, with); diff != "" {
		t.Errorf("but for it the plan is another one:\n%s", diff)
	}
	asked := order.PlanFor(stateOf(tellAction), testPolicy)
	if asked.WaitingFor != "the customer: shortage" {
		t.Errorf("waits for %q", asked.WaitingFor)
	}
}

// TestNotices_OutliveACancellation_ButNotTheClosing: a workflow ends when the customer was told, or the order is closed.
func TestNotices_OutliveACancellation_ButNotTheClosing(t *testing.T) {
	t.Parallel()
	if plan := order.PlanFor(stateOf(tellCancelled), testPolicy); plan.Ended || len(plan.Steps) != 1 {
		t.Errorf("cancelled: %+v", plan)
	}
	done := tellCancelled.and(&order.CustomerNotified{Key: "ord_1/notify/cancelled", Kind: "cancelled"})
	if plan := order.PlanFor(stateOf(done), testPolicy); !plan.Ended || len(plan.Steps) != 0 {
		t.Errorf("cancelled and told: %+v", plan)
	}
	left := tellShipped.and(arrived(parcel1), arrived(parcel2), &order.OrderDelivered{}, &order.OrderClosed{})
	if plan := order.PlanFor(stateOf(left), testPolicy); !plan.Ended || len(plan.Steps) != 0 {
		t.Errorf("closed: %+v", plan)
	}
}

// TestNotices_AreOnlyDecidedWhenWanted: the policy of the moment decides what the customer is told.
func TestNotices_AreOnlyDecidedWhenWanted(t *testing.T) {
	t.Parallel()
	policy := testPolicy
	policy.Notify = []string{order.NoticeAction}
	missing := order.RecordReservation{Key: "ord_1/reserve/1", Missing: []order.Allocation{{LineID: "l1", SKU: "SKU-1", Quantity: 1}}}
	events, err := order.Decide(stateOf(screened), order.Command{ID: "c", At: start, Body: missing}, policy)
	if err != nil || !events[1].(*order.CustomerActionRequested).Notify {
		t.Errorf("a question: %s, %v", told(events), err)
	}
	events, err = order.Decide(stateOf(placed), order.Command{ID: "c", At: start, Body: order.CancelOrder{}}, policy)
	if err != nil || events[1].(*order.OrderCancelled).Notify {
		t.Errorf("a cancellation: %s, %v", told(events), err)
	}
}

// TestReminders: at half of the time and shortly before its end; what is late is one reminder; then comes the deadline.
func TestReminders(t *testing.T) {
	t.Parallel()
	policy := worldPolicy
	reminded := func(n int) order.Event { return &order.CustomerReminded{ActionID: "act_1", N: n, Notify: true} }
	for name, test := range map[string]struct {
		given life
		after time.Duration
		then  life
		next  time.Duration
	}{
		"not too early":            {given: short, after: 36*time.Hour - 1, next: 36 * time.Hour},
		"at half of the time":      {given: short, after: 36 * time.Hour, then: life{reminded(1)}, next: 63 * time.Hour},
		"not twice":                {given: short.and(reminded(1)), after: 37 * time.Hour, next: 63 * time.Hour},
		"shortly before the end":   {given: short.and(reminded(1)), after: 63 * time.Hour, then: life{reminded(2)}, next: 72 * time.Hour},
		"both are late":            {given: short, after: 70 * time.Hour, then: life{reminded(2)}, next: 72 * time.Hour},
		"not after the last":       {given: short.and(reminded(2)), after: 71 * time.Hour, next: 72 * time.Hour},
		"not after it is answered": {given: short.and(&order.CustomerResponded{ActionID: "act_1", Choice: "retry"}), after: 63 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events, err := order.Decide(stateOf(test.given), order.Command{ID: "c", At: *at(test.after), Body: order.PassDeadline{}}, policy)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]order.Event(test.then), events); diff != "" {
				t.Errorf("- want, + got:\n%s", diff)
			}
			deadline := order.PlanFor(stateOf(test.given.and(test.then...)), policy).Deadline
			switch {
			case test.next == 0 && deadline != nil:
				t.Errorf("the next deadline is %v, want none", deadline)
			case test.next != 0 && (deadline == nil || !deadline.At.Equal(*at(test.next))):
				t.Errorf("the next deadline is %v, want %v", deadline, at(test.next))
			}
		})
	}
	late, err := order.Decide(stateOf(short), order.Command{ID: "c", At: *at(72 * time.Hour), Body: order.PassDeadline{}}, policy)
	if err != nil || told(late) != "[CustomerResponded CancellationRequested OrderCancelled]" {
		t.Errorf("at the deadline: %s, %v", told(late), err)
	}
}
