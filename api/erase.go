package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"orderly/erasure"
	"orderly/order"
	"orderly/vault"
)

// Erasure asks for a customer's personal data to be forgotten.
type Erasure struct {
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why; it is recorded in every order." example:"asked by letter"`
}

// Erased is a customer whose personal data is gone.
type Erased struct {
	CustomerID string `json:"customer_id"`
	Orders     int    `json:"orders" doc:"How many orders the customer has. They stay, without personal data."`
}

type eraseInput struct {
	IdempotencyHeader

	CustomerID string `path:"customer_id" minLength:"1" maxLength:"100" doc:"The customer."`
	Body       Erasure
}

type erasedOutput struct {
	Replayed string `header:"Idempotent-Replayed"`
	Body     Erased
}

// eraseCustomer forgets a customer of the caller's tenant. In the receipt of an erasure, the version is the number of orders.
func (a *API) eraseCustomer(ctx context.Context, in *eraseInput) (*erasedOutput, error) {
	if !utf8.ValidString(in.CustomerID) || strings.ContainsFunc(in.CustomerID, unicode.IsControl) {
		return nil, invalid(Fault{"/customer_id", "is no id of a customer"})
	}
	s, err := newSlip(tenantOf(ctx), call{route: "POST /v1/customers/" + in.CustomerID + "/erase", key: in.IdempotencyKey, input: in.Body})
	if err != nil {
		return nil, err
	}
	found, err := a.claim(ctx, &s)
	switch {
	case err != nil:
		return nil, err
	case found.problem != nil:
		return nil, replayedProblem(found.problem)
	case found.status != 0:
		return &erasedOutput{"true", Erased{in.CustomerID, found.version}}, nil
	}
	eraser := erasure.Eraser{Pool: a.options.Pool, Store: a.options.Store, Journal: a.journal}
	orders, err := eraser.Erase(ctx, vault.Owner{Tenant: s.tenant, CustomerID: in.CustomerID}, order.Command{
		ID: "erase/" + s.commandID, Actor: requestOf(ctx).principal.actor(), Reason: in.Body.Reason, Source: "api",
	})
	if behind, ok := errors.AsType[*erasure.BehindError](err); ok {
		err = newProblem(codeNotReady, "The customer's orders are not all known yet; nothing was erased.").because(behind).after(tryAgainSoon)
	}
	if err != nil {
		return nil, a.refuse(ctx, &s, err)
	}
	a.keep(ctx, &s, http.StatusOK, orders, nil)
	return &erasedOutput{Body: Erased{in.CustomerID, orders}}, nil
}
