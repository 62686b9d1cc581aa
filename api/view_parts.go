package api

import (
	"net/url"
	"strings"

	"orderly/order"
	"orderly/workflows"
)

func viewAction(action order.Action) Action {
	return Action{
		ActionID: action.ActionID, Kind: action.Kind, Options: append([]string{}, action.Options...), Deadline: action.Deadline,
	}
}

func viewRefund(r order.Refund) Refund {
	state := "pending"
	switch {
	case r.Issued:
		state = "issued"
	case !r.Pending():
		state = "waived"
	}
	return Refund{RefundID: r.RefundID, Amount: r.Amount, Reason: r.Reason, ShipmentID: r.ShipmentID, State: state}
}

func viewShipment(s order.Shipment) Shipment {
	return Shipment{
		ShipmentID: s.ShipmentID, Status: s.Status, Warehouse: s.Warehouse, Carrier: s.Carrier, Replaces: s.Replaces, Settled: s.Settled,
		TrackingNumber: s.TrackingNumber, LabelURL: s.LabelURL, ETA: s.ETA,
		Lines: viewAll(s.Lines, func(l order.ShipmentLine) ShipmentLine { return ShipmentLine{l.LineID, l.Quantity} }),
	}
}

func viewAttention(at order.Attention) Attention {
	return Attention{
		AttentionID: at.AttentionID, Step: at.Step, ShipmentID: at.ShipmentID, Code: at.Code, Message: at.Message,
		Since: at.Since, Attempts: at.Attempts, NextRetryAt: at.NextRetryAt, Allowed: append([]string{}, at.Allowed...),
	}
}

// next says what the order waits for: an operator, a customer, a carrier, or a step that is being carried out.
func (a *API) next(s order.State) Next {
	plan := a.journal.PlanFor(s)
	next := Next{WaitingFor: plan.WaitingFor}
	if next.WaitingFor == "" && len(plan.Steps) > 0 {
		next.WaitingFor = plan.Steps[0].Summary
	}
	if plan.Deadline != nil {
		at := plan.Deadline.At.UTC()
		next.Deadline = &at
	}
	return next
}

func (a *API) links(orderID string) Links {
	return Links{Console: a.orderURL(orderID), Temporal: a.temporalURL(orderID)}
}

// orderURL is where people find the order.
func (a *API) orderURL(orderID string) string {
	return strings.TrimSuffix(a.options.PublicURL, "/") + orderPath(orderID)
}

func (a *API) temporalURL(orderID string) string {
	if a.options.TemporalUIURL == "" {
		return ""
	}
	return strings.TrimSuffix(a.options.TemporalUIURL, "/") + "/namespaces/" + url.PathEscape(a.options.Namespace) +
		"/workflows/" + url.PathEscape(workflows.OrderWorkflowID(orderID))
}
