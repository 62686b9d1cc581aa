package order

import (
	"fmt"
	"slices"
	"time"
)

// ask puts a question to the customer, unless it is open already.
func (d *decision) ask(kind string, within time.Duration, options ...string) {
	if _, asked := d.state.action(kind); asked {
		return
	}
	d.emit(&CustomerActionRequested{
		ActionID: fmt.Sprintf("act_%d", d.state.Asked+1), Kind: kind, Options: options, Deadline: d.command.At.Add(within),
	})
}

func (d *decision) respond(body RespondToAction) error {
	i := slices.IndexFunc(d.state.Actions, func(a Action) bool { return a.ActionID == body.ActionID })
	if i < 0 {
		return d.notAllowed("the customer is not asked %s (any more)", body.ActionID)
	}
	action := d.state.Actions[i]
	if !contains(action.Options, body.Choice) {
		return &InvalidError{Pointer: "/choice", Detail: fmt.Sprintf("choose one of %v", action.Options)}
	}
	available := d.state.availableLines()
	switch body.Choice {
	case "address", "payment_method":
		return &InvalidError{Pointer: "/choice", Detail: "this is chosen by sending the new " + body.Choice}
	}
	d.emit(&CustomerResponded{ActionID: body.ActionID, Choice: body.Choice})
	switch body.Choice {
	case "cancel":
		d.abandon("the customer chose so")
	case "take_back":
		d.takeBack()
	case "ship_available":
		total, err := Total(available, d.state.ShippingFee)
		if err != nil {
			return err
		}
		d.emit(&OrderAmended{Lines: available, Total: total})
	}
	return nil
}

// availableLines are the lines less what is missing; tax and discount shrink with the quantity (see [share]).
func (s State) availableLines() []Line {
	var lines []Line
	for _, line := range s.Lines {
		left := line.Quantity
		for _, missing := range s.Stock.Missing {
			if missing.LineID == line.LineID {
				left -= missing.Quantity
			}
		}
		if left <= 0 {
			continue
		}
		line.Tax, line.Discount = share(line.Tax, left, line.Quantity), share(line.Discount, left, line.Quantity)
		line.Quantity = left
		lines = append(lines, line)
	}
	return lines
}

// askAboutShortage offers what is possible: without anything left to send there is nothing to send in part.
func (d *decision) askAboutShortage() {
	options := []string{"ship_available", "retry", "cancel"}
	if len(d.state.availableLines()) == 0 {
		options = options[1:]
	}
	d.ask(ActionShortage, d.policy.ShortageAnswerWithin, options...)
}
