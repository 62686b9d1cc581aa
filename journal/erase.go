package journal

import (
	"context"
	"fmt"

	"orderly/order"
	"orderly/vault"
)

// EraseCustomer deletes the key of a customer's personal data, and records that in each of the customer's orders, which the
// caller names. The key goes first: from then on the data is unreadable everywhere. After an error the same call again
// finishes the rest. It refuses, before it changes anything, when an order still needs its address to be sent.
//
// The command's ID is of this erasure; its body is set here. Errors: [*order.NotAllowedError].
func (j *Journal) EraseCustomer(ctx context.Context, customer vault.Owner, orderIDs []string, command order.Command) error {
	if j.vault == nil {
		return ErrNoVault
	}
	command.Body = order.ErasePersonalData{}
	var erasable []string
	for _, orderID := range orderIDs {
		state, err := j.Load(ctx, orderID)
		if err != nil {
			return err
		}
		if ownerOf(state) != customer || !state.ErasedAt.IsZero() {
			continue
		}
		if _, err := order.Decide(state, command, j.policy); err != nil {
			return fmt.Errorf("erase the data of %s: order %s: %w", customer, orderID, err)
		}
		erasable = append(erasable, orderID)
	}
	if _, err := j.vault.Erase(ctx, customer); err != nil {
		return err
	}
	for _, orderID := range erasable {
		if _, err := j.Apply(ctx, orderID, command); err != nil {
			return fmt.Errorf("record the erasure in %s: %w", orderID, err)
		}
	}
	return nil
}
