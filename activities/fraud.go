package activities

import (
	"context"

	"orderly/gateway"
	"orderly/order"
	"orderly/workflows"
)

// ScreenFraud asks the fraud service for its judgement.
func (o *Orders) ScreenFraud(ctx context.Context, in workflows.StepInput) (workflows.Outcome, error) {
	return o.step(ctx, in, func(ctx context.Context, s order.State, step order.Step) (order.Body, error) {
		screening, err := o.Fraud.Screen(ctx, gateway.ScreenRequest{
			Key: step.Key, OrderID: s.OrderID, CustomerID: s.CustomerID, Amount: s.Total, Currency: s.Currency,
			Token: s.Payment.Token, Country: s.ShipTo.Country,
		})
		return order.RecordScreening{Decision: screening.Decision, Score: screening.Score, Reference: screening.Reference}, err
	})
}
