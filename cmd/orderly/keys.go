package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"orderly/api"
	"orderly/internal/config"
	"orderly/vault"
)

func keysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Create, list and revoke API keys; make and replace master keys", Args: noOther}
	cmd.RunE = func(*cobra.Command, []string) error {
		return usageError{errors.New("keys what? create, list, revoke, master or rewrap")}
	}
	cmd.AddCommand(createKeyCommand(), listKeysCommand(), revokeKeyCommand(), masterKeyCommand(), rewrapCommand())
	return cmd
}

func createKeyCommand() *cobra.Command {
	var tenant string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create an API key and print it; it is stored hashed and never shown again",
		Args:  exactly(1),
	}
	cmd.Flags().StringVar(&tenant, "tenant", "default", "whose orders it reaches")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return withDatabase(cmd.Context(), func(pool *pgxpool.Pool) error {
			key, err := api.CreateKey(cmd.Context(), pool, args[0], tenant, []string{"admin"})
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), key)
			return err
		})
	}
	return cmd
}

func listKeysCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List the API keys", Args: exactly(0)}
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return withDatabase(cmd.Context(), func(pool *pgxpool.Pool) error {
			keys, err := api.ListKeys(cmd.Context(), pool)
			if err != nil {
				return err
			}
			if *format == asJSON {
				return printJSON(cmd.OutOrStdout(), map[string]any{"keys": keys})
			}
			return printKeys(cmd.OutOrStdout(), keys)
		})
	}
	return cmd
}

func revokeKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke ID",
		Short: "Revoke an API key by its id",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withDatabase(cmd.Context(), func(pool *pgxpool.Pool) error {
				return api.RevokeKey(cmd.Context(), pool, args[0])
			})
		},
	}
}

func masterKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "master NAME",
		Short: "Make a master key for ORDERLY_MASTER_KEYS and print it; it is stored nowhere",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key := vault.NewMasterKey(args[0])
			if _, err := vault.ParseMasterKeys(key); err != nil {
				return usageError{fmt.Errorf("%q cannot name a key: it must hold neither commas nor colons", args[0])}
			}
			_, err := fmt.Fprintln(cmd.OutOrStdout(), key)
			return err
		},
	}
}

func rewrapCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rewrap",
		Short: "Wrap all customers' keys with the first of ORDERLY_MASTER_KEYS, so that the others can go",
		Args:  exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := config.Load()
			if err != nil {
				return usageError{err}
			}
			return withDatabase(cmd.Context(), func(pool *pgxpool.Pool) error {
				n, err := vault.New(pool, c.MasterKeys).Rewrap(cmd.Context())
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "wrapped %d keys anew\n", n)
				return err
			})
		},
	}
}

func printKeys(w io.Writer, keys []api.Key) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tTENANT\tKEY\tROLES\tCREATED\tSTATE")
	for _, key := range keys {
		state := "valid"
		if key.RevokedAt != nil {
			state = "revoked " + key.RevokedAt.Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t…%s\t%s\t%s\t%s\n", key.ID, key.Name, key.Tenant, key.LastFour,
			strings.Join(key.Roles, ","), key.CreatedAt.Format(time.RFC3339), state)
	}
	return table.Flush()
}
