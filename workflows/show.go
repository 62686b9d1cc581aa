package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// The search attributes of an order's workflow. None holds personal data.
var (
	AttributeOrderStatus    = temporal.NewSearchAttributeKeyKeyword("OrderStatus")
	AttributeCustomerRef    = temporal.NewSearchAttributeKeyKeyword("CustomerRef")
	AttributeNeedsAttention = temporal.NewSearchAttributeKeyBool("NeedsAttention")
	AttributeAttentionCode  = temporal.NewSearchAttributeKeyKeywordList("AttentionCode")
	AttributeCarrier        = temporal.NewSearchAttributeKeyKeywordList("Carrier")
	AttributeNextDeadlineAt = temporal.NewSearchAttributeKeyTime("NextDeadlineAt")
)

// shownAttributes is what the search attributes say, so that only changes are written: each write is an event.
type shownAttributes struct {
	status, customer string
	codes, carriers  []string
	deadline         time.Time
}

// alreadyShown is what the run before has shown: attributes outlive it.
func alreadyShown(attributes temporal.SearchAttributes) (shown shownAttributes) {
	shown.status, _ = attributes.GetKeyword(AttributeOrderStatus)
	shown.customer, _ = attributes.GetKeyword(AttributeCustomerRef)
	shown.codes, _ = attributes.GetKeywordList(AttributeAttentionCode)
	shown.carriers, _ = attributes.GetKeywordList(AttributeCarrier)
	shown.deadline, _ = attributes.GetTime(AttributeNextDeadlineAt)
	return shown
}

// show brings the search attributes and the details in the Web UI up to date, unless a local activity will have
// changed them again in a moment.
func (l *lifecycle) show() {
	for _, running := range l.running {
		if !running.regular {
			return
		}
	}
	if updates := l.attributeChanges(); len(updates) > 0 {
		if err := workflow.UpsertTypedSearchAttributes(l.ctx, updates...); err != nil {
			workflow.GetLogger(l.ctx).Error("search attributes not written", "order", l.in.OrderID, "error", err)
		}
	}
	workflow.SetCurrentDetails(l.ctx, l.details())
}

func (l *lifecycle) attributeChanges() []temporal.SearchAttributeUpdate {
	if l.latest.Current == 0 {
		return nil
	}
	summary, shown := l.latest.Summary, &l.shown
	var updates []temporal.SearchAttributeUpdate
	if status := string(summary.Status); status != shown.status {
		shown.status = status
		updates = append(updates, AttributeOrderStatus.ValueSet(status))
	}
	if summary.CustomerID != shown.customer {
		shown.customer = summary.CustomerID
		updates = append(updates, AttributeCustomerRef.ValueSet(summary.CustomerID))
	}
	if codes := summary.codes(); !slices.Equal(codes, shown.codes) {
		shown.codes = codes
		updates = append(updates, AttributeNeedsAttention.ValueSet(len(codes) > 0), AttributeAttentionCode.ValueSet(codes))
	}
	if carriers := summary.carriers(); !slices.Equal(carriers, shown.carriers) {
		shown.carriers = carriers
		updates = append(updates, AttributeCarrier.ValueSet(carriers))
	}
	return l.deadlineChange(updates)
}

func (l *lifecycle) deadlineChange(updates []temporal.SearchAttributeUpdate) []temporal.SearchAttributeUpdate {
	var next time.Time
	if deadline := l.latest.Plan.Deadline; deadline != nil {
		next = deadline.At
	}
	switch {
	case next.Equal(l.shown.deadline):
		return updates
	case next.IsZero():
		updates = append(updates, AttributeNextDeadlineAt.ValueUnset())
	default:
		updates = append(updates, AttributeNextDeadlineAt.ValueSet(next))
	}
	l.shown.deadline = next
	return updates
}

func (s Summary) codes() []string {
	var codes []string
	for _, trouble := range s.Attention {
		codes = append(codes, trouble.Code)
	}
	return codes
}

func (s Summary) carriers() []string {
	var carriers []string
	for _, shipment := range s.Shipments {
		if !slices.Contains(carriers, shipment.Carrier) {
			carriers = append(carriers, shipment.Carrier)
		}
	}
	return carriers
}

// details is the order in Markdown, as the Web UI shows it under the workflow's name.
func (l *lifecycle) details() string {
	var text strings.Builder
	summary := l.latest.Summary
	text.WriteString(fmt.Sprintf("**%s**: payment %s, stock %s, version %d\n\n", summary.Status, summary.Payment, summary.Stock, l.latest.Current))
	if waiting := l.latest.Plan.WaitingFor; waiting != "" {
		text.WriteString(fmt.Sprintf("Waits for %s", waiting))
		if deadline := l.latest.Plan.Deadline; deadline != nil {
			text.WriteString(fmt.Sprintf("; at %s: %s", deadline.At.Format(time.RFC3339), deadline.Summary))
		}
		text.WriteString("\n\n")
	}
	for _, shipment := range summary.Shipments {
		text.WriteString(fmt.Sprintf("- %s: %s, %s %s\n", shipment.ID, shipment.Status, shipment.Carrier, shipment.Tracking))
	}
	for _, trouble := range summary.Attention {
		text.WriteString(fmt.Sprintf("- **needs attention** `%s`: %s, %s: %s. Possible: %s\n",
			trouble.ID, trouble.Step, trouble.Code, trouble.Message, strings.Join(trouble.Allowed, ", ")))
	}
	for _, hold := range summary.Holds {
		text.WriteString(fmt.Sprintf("- held: %s\n", hold))
	}
	if l.in.URL != "" {
		text.WriteString(fmt.Sprintf("\n[the order](%s) · [its events](%s/events)\n", l.in.URL, l.in.URL))
	}
	return text.String()
}
