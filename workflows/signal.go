package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"orderly/order"
)

// SignalNames are the commands that an order takes as a signal of the same name, too, with the same JSON as its argument:
// Temporal's batch operations can signal many workflows and update none. A signal has no answer, so a refusal is only logged.
// An order is never placed by one.
func SignalNames() []string {
	return slices.DeleteFunc(order.CommandNames(), func(name string) bool { return name == order.PlaceOrder{}.CommandName() })
}

// inbox holds the commands that came as signals, which are applied one after the other.
type inbox struct {
	channels []workflow.ReceiveChannel
	waiting  []order.Command
	busy     bool
}

func newInbox(ctx workflow.Context) inbox {
	var in inbox
	for _, name := range SignalNames() {
		in.channels = append(in.channels, workflow.GetSignalChannel(ctx, name))
	}
	return in
}

// came says whether there are signals that were not taken yet.
func (in *inbox) came() bool {
	return slices.ContainsFunc(in.channels, func(channel workflow.ReceiveChannel) bool { return channel.Len() > 0 })
}

// empty says whether no signal waits for its outcome. Signals of other names wait for ever, and are nobody's.
func (in *inbox) empty() bool { return !in.busy && len(in.waiting) == 0 }

// takeSignals takes all signals that have come, and sees to it that their commands are applied.
func (l *lifecycle) takeSignals() {
	for _, channel := range l.signals.channels {
		for {
			var command order.Command
			if !channel.ReceiveAsync(&command) {
				break
			}
			if problem := l.complete(&command, channel.Name()); problem != "" {
				workflow.GetLogger(l.ctx).Warn("signal ignored: "+problem, "order", l.in.OrderID, "signal", channel.Name())
				continue
			}
			l.signals.waiting = append(l.signals.waiting, command)
		}
	}
	if l.signals.busy || len(l.signals.waiting) == 0 {
		return
	}
	l.signals.busy = true
	workflow.Go(l.ctx, l.obeySignals)
}

// complete fills in what a signal may leave out, and says what is wrong with it. A signal without an id could not be told
// from one that was delivered twice.
func (l *lifecycle) complete(command *order.Command, name string) (problem string) {
	switch {
	case command.Body == nil || command.Body.CommandName() != name:
		return "its command has another name"
	case command.ID == "":
		return "its command has no id"
	}
	command.Source = "signal"
	if command.Actor.ID == "" {
		command.Actor = order.Actor{Type: "operator", ID: "temporal-signal"}
	}
	return ""
}

// obeySignals applies the commands that wait, in the order in which they were taken.
func (l *lifecycle) obeySignals(ctx workflow.Context) {
	for len(l.signals.waiting) > 0 {
		command := l.signals.waiting[0]
		l.signals.waiting = l.signals.waiting[1:]
		if _, err := l.apply(ctx, command); err != nil {
			workflow.GetLogger(l.ctx).Warn("signal refused", "order", l.in.OrderID, "signal", command.Body.CommandName(), "command", command.ID, "error", err)
		}
	}
	l.signals.busy = false
	l.notify()
}
