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
	cmd := &cobra.Command{Use: "keys", Short: "Create, list, rotate and revoke API keys; make and replace master keys", Args: noOther}
	cmd.RunE = func(*cobra.Command, []string) error {
		return usageError{errors.New("keys what? create, list, rotate, revoke, master or rewrap")}
	}
	cmd.AddCommand(createKeyCommand(), listKeysCommand(), rotateKeyCommand(), revokeKeyCommand(), masterKeyCommand(), rewrapCommand())
	return cmd
}

func createKeyCommand() *cobra.Command {
	key := api.NewKey{CreatedBy: "cli:" + userName()}
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Create an API key and print it; it is stored hashed and never shown again",
		Args:  exactly(1),
	}
	cmd.Flags().StringVar(&key.Tenant, "tenant", "default", "whose orders it reaches")
	cmd.Flags().StringSliceVar(&key.Roles, "role", []string{"admin"}, "what it may do; several by commas")
	cmd.Flags().StringSliceVar(&key.Scopes, "scope", nil, "all that is left of what the roles allow; several by commas")
	cmd.Flags().DurationVar(&expires, "expires", 0, "for how long it is valid, as 2160h; for ever without")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if expires < 0 {
			return usageError{fmt.Errorf("--expires is %s: a key cannot have expired before it was made", expires)}
		}
		if expires > 0 {
			until := time.Now().Add(expires)
			key.ExpiresAt = &until
		}
		key.Name = args[0]
		return withDatabase(cmd.Context(), func(pool *pgxpool.Pool) error {
			plain, err := api.CreateKey(cmd.Context(), pool, key)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), plain)
			return err
		})
	}
	return cmd
}

func rotateKeyCommand() *cobra.Command {
	var overlap time.Duration
	cmd := &cobra.Command{
		Use:   "rotate ID",
		Short: "Create the successor of an API key and print it; both are valid for a while",
		Args:  exactly(1),
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "for how long the old key goes on being valid; 0 ends it now")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if overlap < 0 {
			return usageError{fmt.Errorf("--overlap is %s: it cannot be negative", overlap)}
		}
		return withDatabase(cmd.Context(), func(pool *pgxpool.Pool) error {
			plain, err := api.RotateKey(cmd.Context(), pool, args[0], overlap, "cli:"+userName())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), plain)
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
			keys, err := api.ListKeys(cmd.Context(), pool, "")
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
				return api.RevokeKey(cmd.Context(), pool, "", args[0])
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
	fmt.Fprintln(table, "ID\tNAME\tTENANT\tKEY\tROLES\tCREATED\tUSED\tSTATE")
	for _, key := range keys {
		allowed := strings.Join(key.Roles, ",")
		if len(key.Scopes) > 0 {
			allowed += " (" + strings.Join(key.Scopes, ",") + ")"
		}
		used := "never"
		if key.LastUsedAt != nil {
			used = key.LastUsedAt.Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t…%s\t%s\t%s\t%s\t%s\n", key.ID, key.Name, key.Tenant, key.LastFour,
			allowed, key.CreatedAt.Format(time.RFC3339), used, keyState(key, time.Now()))
	}
	return table.Flush()
}

func keyState(key api.Key, now time.Time) string {
	switch {
	case key.RevokedAt != nil:
		return "revoked " + key.RevokedAt.Format(time.RFC3339)
	case key.ExpiresAt == nil:
		return "valid"
	case key.ExpiresAt.After(now):
		return "valid until " + key.ExpiresAt.Format(time.RFC3339)
	default:
		return "expired " + key.ExpiresAt.Format(time.RFC3339)
	}
}
