package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"orderly/eventstore"
	"orderly/internal/config"
	"orderly/journal"
	"orderly/order"
	"orderly/projection"
	"orderly/readmodel"
	"orderly/vault"
)

// freshWithin is how long a command waits for the read model that tells it a customer's orders.
const freshWithin = 10 * time.Second

func eraseCommand() *cobra.Command {
	var tenant, reason string
	cmd := &cobra.Command{
		Use:   "erase CUSTOMER --reason TEXT",
		Short: "Erase a customer's personal data, for ever and everywhere",
		Long: "Erase a customer's personal data: the key with which it is encrypted is deleted, so that name, address, e-mail and\n" +
			"phone are unreadable in events, snapshots, read models, archives and workflow histories. Orders, sums and hashes stay\n" +
			"whole. It is refused while an order of the customer still waits to be sent.",
		Args: exactly(1),
	}
	cmd.Flags().StringVar(&tenant, "tenant", "default", "whose customer it is")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the record")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if reason == "" {
			return usageError{errors.New("--reason is needed: it is recorded in every order")}
		}
		c, err := config.Load()
		if err != nil {
			return usageError{err}
		}
		return withDatabase(cmd.Context(), func(pool *pgxpool.Pool) error {
			orders, err := erase(cmd.Context(), pool, c, vault.Owner{Tenant: tenant, CustomerID: args[0]}, reason)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "erased the personal data of customer %s in %d orders\n", args[0], orders)
			return err
		})
	}
	return cmd
}

func erase(ctx context.Context, pool *pgxpool.Pool, c config.Config, customer vault.Owner, reason string) (orders int, err error) {
	store := eventstore.New(pool, eventstore.Options{ArchiveDir: c.ArchiveDir})
	if err := awaitFresh(ctx, pool, store); err != nil {
		return 0, err
	}
	ids, err := ordersOf(ctx, pool, customer)
	if err != nil {
		return 0, err
	}
	book := journal.New(store, c.Policy, journal.Options{Vault: vault.New(pool, c.MasterKeys)})
	return len(ids), book.EraseCustomer(ctx, customer, ids, order.Command{
		ID: "erase/" + uuid.NewString(), Actor: cliActor(), Reason: reason, Source: "cli",
	})
}

// awaitFresh waits until no read model is behind, so that it knows every order of a customer.
func awaitFresh(ctx context.Context, pool *pgxpool.Pool, store *eventstore.Store) error {
	for deadline := time.Now().Add(freshWithin); ; {
		statuses, err := projection.Statuses(ctx, pool, store)
		if err != nil {
			return err
		}
		behind := 0
		for _, status := range statuses {
			behind += status.LagEvents
		}
		if behind == 0 && len(statuses) > 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the read models are %d events behind, so the customer's orders are not all known: is `orderly serve --projector` running?", behind)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func ordersOf(ctx context.Context, pool *pgxpool.Pool, customer vault.Owner) ([]string, error) {
	filter := readmodel.Filter{Tenant: customer.Tenant, CustomerID: customer.CustomerID, Limit: 1000}
	var ids []string
	for {
		page, err := readmodel.New(pool).Orders(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, found := range page.Orders {
			ids = append(ids, found.OrderID)
		}
		if filter.Cursor = page.NextCursor; filter.Cursor == "" {
			return ids, nil
		}
	}
}

// cliActor is who runs the command line.
func cliActor() order.Actor { return order.Actor{Type: "operator", ID: "cli:" + userName()} }

// userName is the name of the account that runs this program.
func userName() string {
	who, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return who.Username
}
