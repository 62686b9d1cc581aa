package main

import (
	"errors"
	"fmt"
	"os/user"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"orderly/erasure"
	"orderly/eventstore"
	"orderly/internal/config"
	"orderly/journal"
	"orderly/order"
	"orderly/vault"
)

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
			store := eventstore.New(pool, eventstore.Options{ArchiveDir: c.ArchiveDir})
			eraser := erasure.Eraser{
				Pool: pool, Store: store, Journal: journal.New(store, c.Policy, journal.Options{Vault: vault.New(pool, c.MasterKeys)}),
			}
			orders, err := eraser.Erase(cmd.Context(), vault.Owner{Tenant: tenant, CustomerID: args[0]}, order.Command{
				ID: "erase/" + uuid.NewString(), Actor: cliActor(), Reason: reason, Source: "cli",
			})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "erased the personal data of customer %s in %d orders\n", args[0], orders)
			return err
		})
	}
	return cmd
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
