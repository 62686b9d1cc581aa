package order

import "fmt"

// Decide says what happens when a command meets a state: the events that are then true, or a typed error and
// nothing. A command that was applied before, and news that change nothing, give no events and no error.
//
// Errors: [ErrNotFound], [ErrExists], [*VersionMismatchError], [*NotAllowedError], [*InvalidError]; [ErrUncertain] when the
// state cannot tell whether the command was applied, and the caller has not looked it up.
func Decide(s State, c Command, p Policy) ([]Event, error) {
	if !c.Fresh {
		if _, applied, err := s.Applied(c.ID); applied || err != nil {
			return nil, err
		}
	}
	d := &decision{state: s, policy: p, command: c}
	if place, ok := c.Body.(PlaceOrder); ok {
		if err := d.place(place); err != nil {
			return nil, err
		}
		return d.events, nil
	}
	if !s.Exists() {
		return nil, ErrNotFound
	}
	if c.Expect != nil && *c.Expect != s.Version {
		return nil, &VersionMismatchError{Expected: *c.Expect, Current: s.Version}
	}
	if err := d.decide(); err != nil {
		return nil, err
	}
	d.conclude()
	return d.events, nil
}

// decision collects the events of one command; its state has them applied already.
type decision struct {
	state   State
	policy  Policy
	command Command
	events  []Event
}

func (d *decision) emit(event Event) {
	d.announce(event)
	d.events = append(d.events, event)
	d.state = Evolve(d.state, Recorded{Version: d.state.Version + 1, At: d.command.At, Reason: d.command.Reason, Event: event})
}

func (d *decision) decide() error {
	if err := d.permitted(); err != nil {
		return err
	}
	switch body := d.command.Body.(type) {
	case CancelOrder:
		return d.cancel(body)
	case HoldOrder:
		return d.holdOrder(body)
	case ReleaseOrder:
		return d.releaseOrder(body)
	case ReviewFraud:
		return d.reviewFraud(body)
	case IssueRefund:
		return d.issueRefund(body)
	case RespondToAction:
		return d.respond(body)
	case ProvidePaymentMethod:
		d.emit(&PaymentMethodProvided{Method: body.Method, Token: body.Token})
		return nil
	case ChangeAddress:
		return d.changeAddress(body)
	case AmendOrder:
		return d.amendOrder(body)
	case ErasePersonalData:
		return d.erasePersonalData()
	case AddNote:
		d.emit(&OrderNoteAdded{Text: body.Text})
		return nil
	case RetryStep, SkipStep, ResolveStep, WaiveCompensation:
		return d.repair()
	case RequestReturn, ApproveReturn, RejectReturn, ReceiveReturn:
		return d.decideReturn()
	case RerouteShipment:
		return d.reroute(body)
	case RecordCarrierUpdate:
		return d.carrierUpdate(body)
	case PassDeadline:
		d.passDeadlines()
		return nil
	default:
		return d.record()
	}
}

// permitted refuses by the table of permissions. Facts are not in the table: they are never refused.
func (d *decision) permitted() error {
	for _, row := range permissions {
		if row.command == d.command.Body.CommandName() {
			if why := row.refusal(d.state); why != "" {
				return d.notAllowed("%s", why)
			}
		}
	}
	return nil
}

func (d *decision) notAllowed(format string, args ...any) error {
	return &NotAllowedError{
		Command: d.command.Body.CommandName(), Status: d.state.Status, Version: d.state.Version,
		Allowed: Allowed(d.state), Detail: fmt.Sprintf(format, args...),
	}
}

func (d *decision) place(body PlaceOrder) error {
	if d.state.Exists() {
		return ErrExists
	}
	if len(body.Lines) == 0 {
		return &InvalidError{Pointer: "/lines", Detail: "an order has at least one line"}
	}
	for i, line := range body.Lines {
		amount, err := line.amount()
		if err != nil || amount < 0 || line.Quantity < 1 || line.UnitPrice < 0 || line.Tax < 0 || line.Discount < 0 {
			return &InvalidError{Pointer: fmt.Sprintf("/lines/%d", i), Detail: "the amount of a line must be between 0 and 64 bits"}
		}
	}
	if body.ShippingFee < 0 {
		return &InvalidError{Pointer: "/shipping_fee", Detail: "the shipping fee must not be negative"}
	}
	total, err := Total(body.Lines, body.ShippingFee)
	if err != nil {
		return &InvalidError{Pointer: "/total", Detail: err.Error()}
	}
	if body.Total != total {
		return &InvalidError{Pointer: "/total", Detail: fmt.Sprintf("the total is %d, the sum of lines and shipping fee %d", body.Total, total)}
	}
	created := body.OrderCreated
	d.emit(&created)
	return nil
}

func (d *decision) holdOrder(body HoldOrder) error {
	if d.state.hold(body.Code) {
		return d.notAllowed("the order is held with code %s already", body.Code)
	}
	d.emit(&OrderHeld{Code: body.Code, Until: body.Until})
	return nil
}

func (d *decision) releaseOrder(body ReleaseOrder) error {
	if !d.state.hold(body.Code) {
		return d.notAllowed("the order is not held with code %s", body.Code)
	}
	d.emit(&OrderReleased{Code: body.Code})
	return nil
}

func (d *decision) changeAddress(body ChangeAddress) error {
	d.emit(&ShippingAddressChanged{ShipTo: body.ShipTo})
	if action, asked := d.state.action(ActionAddress); asked {
		d.emit(&CustomerResponded{ActionID: action.ActionID, Choice: "address"})
	}
	return nil
}

func (d *decision) passDeadlines() {
	for _, each := range d.state.dues(d.policy) {
		// One deadline may have made another one pointless: only the first of them is passed, the next look at the
		// order passes the next one.
		if !each.at.After(d.command.At) {
			each.happen(d)
			return
		}
	}
}
