package activities

import (
	"context"

	"go.temporal.io/sdk/activity"

	"orderly/gateway"
	"orderly/order"
	"orderly/workflows"
)

// Notify has the customer told what the step's notice is about.
func (o *Orders) Notify(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		return order.RecordNotification{Key: step.Key}, o.Notifier.Notify(ctx, notification(s, s.Notice(step.Key)))
	})
}

// notification puts what a notice is about into words that the notifier knows.
func notification(s order.State, notice order.Notice) gateway.NotifyRequest {
	request := gateway.NotifyRequest{Key: notice.Key, OrderID: s.OrderID, CustomerID: s.CustomerID, Kind: notice.Kind}
	switch notice.Kind {
	case order.NoticeAction, order.NoticeReminder:
		action := s.Action(notice.ActionID)
		request.ActionID, request.Question, request.Options, request.Deadline = action.ActionID, action.Kind, action.Options, &action.Deadline
	case order.NoticeShipped:
		for _, shipment := range s.Shipments {
			if shipment.Status != order.ShipmentIsCancelled {
				request.TrackingNumbers = append(request.TrackingNumbers, shipment.TrackingNumber)
			}
		}
	case order.NoticeCancelled:
		request.Amount, request.Currency = s.Payment.Refunded, s.Currency
	case order.NoticeRefunded:
		request.Amount, request.Currency = s.Refund(notice.RefundID).Amount, s.Currency
	}
	return request
}

// skippedNotifications counts the notices that customers did not get.
const skippedNotifications = "orderly_notifications_skipped"

func countSkipped(ctx context.Context, body order.Body) {
	if failed, ok := body.(order.ReportStepFailure); ok && failed.Step.Name == order.Notify {
		activity.GetMetricsHandler(ctx).Counter(skippedNotifications).Inc(1)
	}
}
