package api

import (
	"context"
	"time"
)

// Customer is what a customer has done, by currency.
type Customer struct {
	CustomerID string           `json:"customer_id"`
	Totals     []CustomerTotals `json:"totals"`
}

// CustomerTotals is what a customer has done in a currency, in minor units.
type CustomerTotals struct {
	Currency      string    `json:"currency"`
	Orders        int64     `json:"orders" doc:"How many were placed."`
	Ordered       int64     `json:"ordered" doc:"What they come to."`
	Captured      int64     `json:"captured" doc:"What was taken."`
	Refunded      int64     `json:"refunded" doc:"What was given back."`
	FirstPlacedAt time.Time `json:"first_placed_at"`
	LastPlacedAt  time.Time `json:"last_placed_at"`
}

type getCustomerInput struct {
	CustomerID string `path:"customer_id" maxLength:"100" doc:"The customer."`
}

type customerOutput struct{ Body Customer }

func (a *API) getCustomer(ctx context.Context, in *getCustomerInput) (*customerOutput, error) {
	found, err := a.readModel.Customer(ctx, tenantOf(ctx), in.CustomerID)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, newProblem(codeNotFound, "No order of this customer is known.")
	}
	customer := Customer{CustomerID: in.CustomerID, Totals: make([]CustomerTotals, len(found))}
	for i, totals := range found {
		customer.Totals[i] = CustomerTotals(totals)
	}
	return &customerOutput{customer}, nil
}
