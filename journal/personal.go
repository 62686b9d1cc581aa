package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"orderly/order"
	"orderly/vault"
)

// ErrNoVault is returned by a journal without a [vault.Vault] for a command with personal data: it is never stored in clear.
var ErrNoVault = errors.New("personal data cannot be stored: the journal has no vault")

// Seal encrypts the personal data in a command with the key of the order's customer. Whoever hands a command on over
// anything that keeps it seals it first; a journal seals what comes to it in clear.
//
// Errors: [order.ErrNotFound] for a command with personal data to an order that was never placed.
func (j *Journal) Seal(ctx context.Context, orderID string, command order.Command) (order.Command, error) {
	return command.WithShipTo(func(shipTo order.ShipTo) (order.ShipTo, error) {
		if place, ok := command.Body.(order.PlaceOrder); ok {
			return j.seal(ctx, orderID, vault.Owner{Tenant: place.Tenant, CustomerID: place.CustomerID}, shipTo)
		}
		state, err := j.Load(ctx, orderID)
		if err != nil {
			return order.ShipTo{}, err
		}
		return j.seal(ctx, orderID, ownerOf(state), shipTo)
	})
}

// sealFor is Seal for a command to an order that was just read.
func (j *Journal) sealFor(ctx context.Context, state order.State, command order.Command) (order.Command, error) {
	return command.WithShipTo(func(shipTo order.ShipTo) (order.ShipTo, error) {
		owner := ownerOf(state)
		if place, ok := command.Body.(order.PlaceOrder); ok {
			owner = vault.Owner{Tenant: place.Tenant, CustomerID: place.CustomerID}
		}
		return j.seal(ctx, state.OrderID, owner, shipTo)
	})
}

func (j *Journal) seal(ctx context.Context, orderID string, owner vault.Owner, shipTo order.ShipTo) (order.ShipTo, error) {
	if shipTo.Clear == nil {
		return shipTo, nil
	}
	if j.vault == nil {
		return order.ShipTo{}, ErrNoVault
	}
	address, err := json.Marshal(shipTo.Clear)
	if err != nil {
		return order.ShipTo{}, fmt.Errorf("encode the address of %s: %w", orderID, err)
	}
	box, err := j.vault.Seal(ctx, owner, orderID, address)
	if err != nil {
		return order.ShipTo{}, fmt.Errorf("seal the address of %s: %w", orderID, err)
	}
	return order.ShipTo{Country: shipTo.Country, Sealed: &order.Sealed{KeyID: box.KeyID, Content: box.Content}}, nil
}

// Address is where an order goes, in clear.
//
// Errors: [vault.ErrErased], [ErrNoVault].
func (j *Journal) Address(ctx context.Context, state order.State) (order.Address, error) {
	shipTo := state.ShipTo
	switch {
	case shipTo.Clear != nil:
		return *shipTo.Clear, nil
	case !state.ErasedAt.IsZero():
		return order.Address{}, vault.ErrErased
	case shipTo.Sealed == nil:
		return order.Address{Country: shipTo.Country}, nil
	case j.vault == nil:
		return order.Address{}, ErrNoVault
	}
	data, err := j.vault.Open(ctx, ownerOf(state), state.OrderID, vault.Box(*shipTo.Sealed))
	if err != nil {
		return order.Address{}, fmt.Errorf("open the address of %s: %w", state.OrderID, err)
	}
	var address order.Address
	if err := json.Unmarshal(data, &address); err != nil {
		return order.Address{}, fmt.Errorf("decode the address of %s: %w", state.OrderID, err)
	}
	return address, nil
}

// Reveal is an order with its address in clear, as far as that can be read: it stays sealed when it was erased, or when the
// journal has no vault.
func (j *Journal) Reveal(ctx context.Context, state order.State) (order.State, error) {
	address, err := j.Address(ctx, state)
	switch {
	case errors.Is(err, vault.ErrErased), errors.Is(err, ErrNoVault):
		return state, nil
	case err != nil:
		return order.State{}, err
	}
	if address != (order.Address{}) {
		state.ShipTo = order.ClearShipTo(address)
	}
	return state, nil
}

// revealEvent puts the address into an event's data in clear, as far as it can be read. The owner is learned from the
// event that opens the stream.
func (j *Journal) revealEvent(ctx context.Context, orderID string, owner *vault.Owner, eventType string, data []byte) ([]byte, error) {
	event, err := order.DecodeEvent(eventType, order.SchemaVersion(eventType), data)
	if err != nil {
		return nil, err
	}
	if created, ok := event.(*order.OrderCreated); ok {
		*owner = vault.Owner{Tenant: created.Tenant, CustomerID: created.CustomerID}
	}
	shipTo := order.ShipToOf(event)
	if shipTo == nil || shipTo.Sealed == nil {
		return data, nil
	}
	revealed, err := j.Reveal(ctx, order.State{OrderID: orderID, Tenant: owner.Tenant, CustomerID: owner.CustomerID, ShipTo: *shipTo})
	if err != nil {
		return nil, err
	}
	*shipTo = revealed.ShipTo
	return json.Marshal(event)
}

func ownerOf(state order.State) vault.Owner {
	return vault.Owner{Tenant: state.Tenant, CustomerID: state.CustomerID}
}
